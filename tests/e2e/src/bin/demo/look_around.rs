//! What a person can do with what the demonstration leaves: programs to type, a page to open.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use database::{Engine, Target, Trust};
use e2e::{Error, Result, Suite};
use secrecy::ExposeSecret;

use crate::TENANT;

/// Prints how to look around.
pub(crate) async fn tell(suite: &Suite, state: &Path, health_path: &str) -> Result<()> {
    let (target, trust) = suite.database(TENANT).await?;
    let Trust::PemFile(authority) = &trust else {
        return Err(Error::from("the local cloud has a certificate authority of its own"));
    };
    let database = if target.engine == Engine::Postgres {
        let file = write_for_psql(state, &target, authority)?;
        format!("PGSERVICEFILE={} psql service={TENANT}", file.display())
    } else {
        let file = write_for_mariadb(state, &target, authority)?;
        format!("mariadb --defaults-file={}", file.display())
    };
    let page = messages(state)?;
    let host = format!("{TENANT}.{}", suite.deployment.domain);
    let url = &suite.deployment.load_balancer_url;
    let state = state.display();
    println!("\nLook around:");
    println!("  the messages      file://{}", page.display());
    println!("  the database      {database}");
    println!("  the application   curl -H 'Host: {host}' {url}{health_path}");
    println!("  the journal       tools/journal {TENANT} {state}");
    println!(
        "  the AWS calls     PYTHONPATH=tests/localcloud .venv/bin/python -m localcloud calls \
         --state {state} --caller secret-rotation"
    );
    println!(
        "  any AWS client    endpoint {}; its keys are in {state}/localcloud.json",
        suite.about.endpoint
    );
    Ok(())
}

/// A page with the messages as people see them.
fn messages(state: &Path) -> Result<PathBuf> {
    let done = e2e::python().arg("tools/messages.py").arg(state).output()?;
    if !done.status.success() {
        let words = String::from_utf8_lossy(&done.stderr);
        return Err(format!("the page of messages could not be written: {words}").into());
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&done.stdout).trim()))
}

/// A connection service file for `psql`, so that no password stands on a command line.
/// Source: PostgreSQL manual, "The Connection Service File".
fn write_for_psql(state: &Path, target: &Target, authority: &Path) -> Result<PathBuf> {
    let path = state.join("pg_service.conf");
    let mut file = private(&path)?;
    writeln!(file, "[{TENANT}]")?;
    writeln!(file, "host={}\nport={}\nuser={}", target.host, target.port, target.username)?;
    writeln!(file, "dbname={}", target.database.as_deref().unwrap_or_default())?;
    writeln!(file, "password={}", target.password.expose_secret())?;
    writeln!(file, "sslmode=verify-full\nsslrootcert={}", authority.display())?;
    Ok(path)
}

/// An option file for `mariadb`, for the same reason.
/// Source: MariaDB manual, "Configuring MariaDB with Option Files".
fn write_for_mariadb(state: &Path, target: &Target, authority: &Path) -> Result<PathBuf> {
    let path = state.join("mariadb.cnf");
    let mut file = private(&path)?;
    writeln!(file, "[client]\nhost={}\nport={}", target.host, target.port)?;
    writeln!(file, "user={}", target.username)?;
    writeln!(file, "password=\"{}\"", target.password.expose_secret())?;
    writeln!(file, "ssl-ca={}\nssl-verify-server-cert", authority.display())?;
    writeln!(file, "[mariadb]\ndatabase={}", target.database.as_deref().unwrap_or_default())?;
    Ok(path)
}

/// A new file that only its owner reads.
fn private(path: &Path) -> Result<std::fs::File> {
    let mut options = std::fs::File::options();
    Ok(options.write(true).create(true).truncate(true).mode(0o600).open(path)?)
}

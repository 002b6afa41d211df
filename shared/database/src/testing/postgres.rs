//! Why this exists: a PostgreSQL whose master has the rights that RDS gives it: CREATEROLE and
//! CREATEDB, but no superuser.

use super::process::{
    Process, ServerUser, attempt, folder_from_template, free_port, program, read, run,
};
use super::{Authority, Certificate, DATABASE, HOST, MASTER, PASSWORD};
use crate::{Encryption, Engine, Target, Trust};
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The superuser, as RDS calls its own.
const SUPERUSER: &str = "rdsadmin";

/// What the template is called; a change of what is in it wants another name.
const TEMPLATE: &str = "caretaker-test-postgres-template-1";

/// A PostgreSQL server of one test.
pub struct PostgresServer {
    // Dropped first, while its folder is still there.
    _process: Process,
    folder: TempDir,
    port: u16,
    authority: Authority,
}

impl PostgresServer {
    /// Starts a server with a certificate that is as it should be.
    pub fn start() -> Self {
        Self::start_with(Certificate::Valid)
    }

    /// Starts a server with this certificate.
    pub fn start_with(certificate: Certificate) -> Self {
        let user = ServerUser::named("postgres");
        let folder = folder_from_template(user, TEMPLATE, |data| make_template(user, data));
        let data = folder.path();
        let authority = Authority::in_folder(data);
        let (chain, key) = authority.issue(certificate);
        user.write(&data.join("server.crt"), &chain);
        user.write(&data.join("server.key"), &key);
        // TLS or nothing, as with `rds.force_ssl`.
        user.write(
            &data.join("pg_hba.conf"),
            "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n",
        );
        let port = free_port();
        let mut command = user.command(&binary("postgres"));
        command.arg("-D").arg(data).args(["-p", &port.to_string()]);
        for setting in settings(data) {
            command.args(["-c", &setting]);
        }
        let process = Process::start(
            &mut command,
            &data.join("server.log"),
            "database system is ready to accept connections",
        );
        Self { _process: process, folder, port, authority }
    }

    /// The master's login, in the application's database.
    pub fn master(&self) -> Target {
        self.login(MASTER, PASSWORD)
    }

    /// The superuser's login, in the application's database; on RDS nobody has it.
    pub fn superuser(&self) -> Target {
        self.login(SUPERUSER, PASSWORD)
    }

    /// Any login, in the application's database.
    pub fn login(&self, username: &str, password: &str) -> Target {
        Target {
            engine: Engine::Postgres,
            host: HOST.to_owned(),
            port: self.port,
            database: Some(DATABASE.to_owned()),
            username: username.to_owned(),
            password: password.to_owned().into(),
            ssl: None,
            encryption: Encryption::Verified,
        }
    }

    /// The authority that signed the server's certificate.
    pub fn trust(&self) -> Trust {
        Trust::PemFile(self.authority.file().to_owned())
    }

    /// Runs SQL as the superuser through the server's socket, and answers with the rows, unaligned.
    /// The way to arrange and to inspect what a master may not.
    #[track_caller]
    pub fn sql(&self, statements: &str) -> String {
        // From a file, because all statements of one `-c` are one transaction.
        let script = self.folder.path().join("statements.sql");
        std::fs::write(&script, statements).expect("a file of the test can be written");
        let mut psql = Command::new(binary("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-U", SUPERUSER]);
        psql.arg("-h").arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        run(psql.args(["-d", DATABASE, "-f"]).arg(script))
    }

    /// Runs SQL as this login, as an application would: over TLS, with its password, each statement by
    /// itself. Answers with the rows, or with what the server said to the first one that failed.
    ///
    /// # Errors
    /// The server's words.
    pub fn sql_as(&self, login: &Target, statements: &str) -> Result<String, String> {
        let mut psql = Command::new(binary("psql"));
        psql.env("PGPASSWORD", login.password.expose_secret()).env("PGSSLMODE", "require");
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", HOST]);
        psql.args(["-p", &self.port.to_string(), "-U", &login.username]);
        psql.args(["-d", login.database.as_deref().unwrap_or(DATABASE), "-c", statements]);
        attempt(&mut psql)
    }

    /// Lets clients in without TLS as well.
    #[track_caller]
    pub fn accept_plaintext(&self) {
        let rules = self.folder.path().join("pg_hba.conf");
        ServerUser::named("postgres")
            .write(&rules, "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
        self.sql("SELECT pg_reload_conf()");
    }

    /// Everything that the server has logged, which is every statement with its parameters.
    pub fn log(&self) -> String {
        read(&self.folder.path().join("server.log"))
    }
}

fn settings(data: &Path) -> Vec<String> {
    [
        "listen_addresses=127.0.0.1",
        "ssl=on",
        "ssl_cert_file=server.crt",
        "ssl_key_file=server.key",
        "log_statement=all",
        "log_parameter_max_length=-1",
        "log_parameter_max_length_on_error=-1",
        "log_min_messages=info",
        // The data is thrown away in a moment.
        "fsync=off",
        "full_page_writes=off",
        "shared_buffers=8MB",
        "max_connections=20",
        "max_wal_size=32MB",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([format!("unix_socket_directories={}", data.display())])
    .collect()
}

fn binary(name: &str) -> PathBuf {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort();
    program("PostgreSQL", name, &folders)
}

/// Makes the cluster, the master with RDS's rights, and the application's database.
fn make_template(user: ServerUser, data: &Path) {
    let password_file = data.with_extension("password");
    user.write(&password_file, PASSWORD);
    run(user
        .command(&binary("initdb"))
        .args(["--no-sync", "--locale=C", "--encoding=UTF8", "--wal-segsize=1"])
        .args(["--auth=scram-sha-256", "--username", SUPERUSER])
        .arg("--pwfile")
        .arg(&password_file)
        .arg("-D")
        .arg(data));
    let script = data.with_extension("sql");
    user.write(
        &script,
        &format!(
            "CREATE ROLE rds_superuser NOLOGIN IN ROLE pg_monitor, pg_signal_backend;\n\
             CREATE ROLE {MASTER} LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}' IN ROLE rds_superuser;\n\
             CREATE DATABASE {DATABASE} OWNER {MASTER};\n"
        ),
    );
    let statements = std::fs::File::open(&script).expect("a file just written can be read");
    run(user
        .command(&binary("postgres"))
        .args(["--single", "-c", "fsync=off", "-D"])
        .arg(data)
        .arg("postgres")
        .stdin(statements));
    for file in [password_file, script] {
        std::fs::remove_file(file).expect("a file just written can be removed");
    }
}

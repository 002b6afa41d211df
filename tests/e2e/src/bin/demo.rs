//! The demonstration: asks for tenant `demo`, shows how it comes up, and how to look around.
//!
//! On a terminal there is a progress display and the cloud stays until Ctrl-C; in a pipe there
//! are plain lines and it ends when all is shown.

use std::io::IsTerminal;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use database::{Target, Trust, verify_application_login};
use e2e::{Cloud, Error, Result, Suite};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use secrecy::ExposeSecret;
use store::{JournalEntry, Status, TenantRecord};
use tokio::time::{Instant, sleep};

const TENANT: &str = "demo";
const TIER: &str = "trial";

/// How long the tenant may take: some ten seconds on two idle cores.
const ACTIVE_WITHIN: Duration = Duration::from_mins(5);

/// How often the journal is read meanwhile; a person sees no difference below.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// How long a login may take.
const LOGIN_WITHIN: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match demonstrate().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn demonstrate() -> Result<()> {
    let folder =
        std::env::args_os().nth(1).map_or_else(|| e2e::root().join(".localcloud"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let state = folder.canonicalize()?;
    let show = Show::new();
    show.doing("start a local AWS: databases, tasks and functions as real processes");
    let cloud = Cloud::start_in(&state)?;
    show.done("the local cloud runs");
    show.doing("deploy Caretaker from infra/manifest.yaml");
    let catalogue = std::env::var_os("CATALOGUE").map_or_else(
        || e2e::root().join("infra/catalogues/mate.toml"),
        |path| e2e::root().join(path),
    );
    let suite = Suite::on(cloud, &catalogue, "dev", &[]).await?;
    let function = suite.deployment.function("tenant-onboarding")?;
    show.done(&format!(
        "Caretaker is deployed for {}: {}",
        suite.deployment.product, function.name
    ));
    suite.ask_for(TENANT, TIER).await?;
    show.done(&format!("a request for tenant {TENANT}, tier {TIER}, is on the queue"));
    let asked = Instant::now();
    let record = follow(&suite, &show).await?;
    let took = asked.elapsed().as_secs_f32();
    if record.status != Status::Active {
        let failure = record.failure.map_or_else(String::new, |failure| failure.to_string());
        return Err(Error::from(format!("{TENANT} is {}: {failure}", record.status)));
    }
    show.done(&format!("{TENANT} is active after {took:.1} s"));
    let proof = prove(&suite, &show).await?;
    show.end();
    look_around(&suite, &state, &proof)?;
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        println!("\nCtrl-C ends the demonstration and everything it started.");
        tokio::signal::ctrl_c().await?;
    } else {
        println!(
            "\nThis is no terminal, so the local cloud ends here; `make localcloud` keeps one."
        );
    }
    Ok(())
}

/// Shows the tenant's journal as it grows, until the tenant is there or has failed.
async fn follow(suite: &Suite, show: &Show) -> Result<TenantRecord> {
    let end = Instant::now() + ACTIVE_WITHIN;
    let mut shown = 0;
    show.doing("wait for the function to take the request");
    while Instant::now() < end {
        let journal = suite.journal(TENANT).await?;
        for line in journal.iter().skip(shown) {
            show.line(line);
        }
        shown = journal.len();
        if let Some(record) = suite.record(TENANT).await?
            && !record.is_unfinished()
        {
            return Ok(record);
        }
        sleep(LOOK_EVERY).await;
    }
    Err(Error::from(format!(
        "{TENANT} was not active after {} minutes; its journal is above, and the function's log \
         is in the local cloud's state folder",
        ACTIVE_WITHIN.as_secs() / 60
    )))
}

/// What was seen of the tenant from outside.
struct Proof {
    target: Target,
    trust: Trust,
    health_path: &'static str,
}

/// Opens the tenant's database with its own secret, and asks its application how it is.
async fn prove(suite: &Suite, show: &Show) -> Result<Proof> {
    let (target, trust) = suite.database(TENANT).await?;
    let login = verify_application_login(&target, &trust, LOGIN_WITHIN).await?;
    show.done(&format!("its own secret opens its database over verified TLS: {login}"));
    let health_path = "/health/ready";
    let (status, body) = suite.get(TENANT, health_path)?;
    if status != 200 {
        return Err(Error::from(format!("{health_path} answered {status}: {body}")));
    }
    show.done(&format!("its application answers on {health_path}: {}", body.trim()));
    Ok(Proof { target, trust, health_path })
}

fn look_around(suite: &Suite, state: &Path, proof: &Proof) -> Result<()> {
    let service = write_service_file(state, proof)?;
    let host = format!("{TENANT}.{}", suite.deployment.domain);
    let path = proof.health_path;
    let url = &suite.deployment.load_balancer_url;
    let (service, state) = (service.display(), state.display());
    println!("\nLook around:");
    println!("  the database      PGSERVICEFILE={service} psql service={TENANT}");
    println!("  the application   curl -H 'Host: {host}' {url}{path}");
    println!("  the journal       tools/journal {TENANT} {state}");
    println!(
        "  the AWS calls     PYTHONPATH=tests/localcloud .venv/bin/python -m localcloud calls \
         --state {state} --caller tenant-onboarding"
    );
    println!(
        "  any AWS client    endpoint {}; its keys are in {state}/localcloud.json",
        suite.about.endpoint
    );
    Ok(())
}

/// A connection service file for `psql`, so that no password stands on a command line.
/// Source: PostgreSQL manual, "The Connection Service File".
fn write_service_file(state: &Path, proof: &Proof) -> Result<PathBuf> {
    use std::io::Write;
    let file = state.join("pg_service.conf");
    let Proof { target, trust, .. } = proof;
    let Trust::PemFile(authority) = trust else {
        return Err(Error::from("the local cloud has a certificate authority of its own"));
    };
    let mut written =
        std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&file)?;
    writeln!(written, "[{TENANT}]")?;
    writeln!(written, "host={}\nport={}\nuser={}", target.host, target.port, target.username)?;
    writeln!(written, "dbname={}", target.database.as_deref().unwrap_or_default())?;
    writeln!(written, "password={}", target.password.expose_secret())?;
    writeln!(written, "sslmode=verify-full\nsslrootcert={}", authority.display())?;
    Ok(file)
}

/// What a person sees: on a terminal a line that moves below those that are done.
struct Show {
    bar: Option<ProgressBar>,
    began: Instant,
}

impl Show {
    fn new() -> Self {
        let bar = std::io::stdout().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
            if let Ok(style) =
                ProgressStyle::with_template("  {spinner:.cyan} {msg} {elapsed:.dim}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(LOOK_EVERY);
            bar
        });
        Self { bar, began: Instant::now() }
    }

    /// What is being done now.
    fn doing(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
    }

    /// What is done.
    fn done(&self, what: &str) {
        self.print(&format!("{:6.1} s  ✓ {what}", self.began.elapsed().as_secs_f32()));
    }

    /// A line of the journal: what was begun moves, what came of it stays.
    fn line(&self, line: &JournalEntry) {
        let JournalEntry { step, what, why, outcome, .. } = line;
        if outcome == "begun" {
            self.doing(&format!("{step}: {what}"));
            return;
        }
        let time = self.began.elapsed().as_secs_f32();
        self.print(&format!("{time:6.1} s  ✓ {step}: {what}, because {why}"));
        if outcome != "recorded" {
            for part in outcome.split("; ") {
                self.print(&format!("             {part}"));
            }
        }
        self.doing("wait for what comes next");
    }

    fn print(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => println!("{line}"),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

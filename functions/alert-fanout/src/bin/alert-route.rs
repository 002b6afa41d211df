//! Shows what would become of an event, without sending anything.
//!
//! ```text
//! cargo run -p alert-fanout --bin alert-route -- --catalogue infra/catalogues/mate.toml event.json
//! ```

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alert_fanout::builtin;
use alert_fanout::explain::{Question, explain};
use clap::Parser;
use domain::{Catalogue, Environment};
use jiff::Timestamp;

/// Shows the alerts in an event, the routes that take them, and the messages that would be sent.
/// Nothing is sent, and no credential is read.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The product's catalogue; the built-in routes hold where it has no `[alerting]`.
    #[arg(long)]
    catalogue: PathBuf,
    /// The environment that the deployment serves; the catalogue's first where it is left out.
    #[arg(long)]
    environment: Option<Environment>,
    /// The region that the deployment runs in.
    #[arg(long, default_value = "eu-central-1")]
    region: String,
    /// When the event comes in, such as 2026-11-21T22:00:00Z: routes can be muted by the clock. Now
    /// where it is left out.
    #[arg(long)]
    at: Option<Timestamp>,
    /// Show who is told, and leave the messages out.
    #[arg(long)]
    brief: bool,
    /// The event: a file, or `-` for the standard input.
    event: PathBuf,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let name = options.catalogue.display().to_string();
    let text = text_of(&options.catalogue)?;
    let catalogue = Catalogue::parse(&name, &text).map_err(|mistakes| mistakes.to_string())?;
    let alerting = match &catalogue.alerting {
        Some(alerting) => alerting.clone(),
        None => builtin::alerting().map_err(|error| error.to_string())?,
    };
    let environments: Vec<Environment> = catalogue.environments().cloned().collect();
    let asked = options.environment.as_ref().or(environments.first());
    let Some(environment) = asked.filter(|asked| environments.contains(asked)) else {
        let known: Vec<&str> = environments.iter().map(Environment::as_str).collect();
        return Err(format!("{name} knows these environments: {}", known.join(", ")));
    };
    let question = Question {
        catalogue: &catalogue,
        alerting: &alerting,
        environment,
        region: &options.region,
        now: options.at.unwrap_or_else(Timestamp::now),
        with_messages: !options.brief,
    };
    let mut shown = String::new();
    explain(&text_of(&options.event)?, &question, &mut shown).map_err(|error| error.to_string())?;
    // Who pipes it into `head` has read enough.
    match std::io::stdout().write_all(shown.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// A file's text; what is not UTF-8 is read as far as it can be, as the function does.
fn text_of(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).map(|_| ())
    } else {
        std::fs::read(path).map(|read| bytes = read)
    };
    read.map_err(|error| format!("could not read {}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

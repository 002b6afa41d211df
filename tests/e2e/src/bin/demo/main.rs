//! The demonstration: a tenant comes up, its database secret is rotated under a client that writes,
//! and one of its alarms fires and reaches the people who must hear of it.
//!
//! Why it exists: whoever sees the suite for the first time wants to see it work, and to look
//! around afterwards. On a terminal there is a progress display and the cloud stays until Ctrl-C;
//! in a pipe there are plain lines and it ends when all is shown.

mod alarm;
mod look_around;
mod onboarding;
mod rotation;
mod show;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use domain::{Catalogue, Tier};
use e2e::{Cloud, Result, Suite};

use crate::show::Show;

/// Who is brought up.
const TENANT: &str = "demo";

/// On the smallest tier: it is the quickest.
const TIER: Tier = Tier::Trial;

/// Where alerts page somebody: a tenant in development wakes nobody.
const ENVIRONMENT: &str = "prod";

/// How often it is looked at what has come about; a person sees no difference below.
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
    let file = std::env::var_os("CATALOGUE")
        .map_or_else(|| e2e::root().join("infra/catalogues/mate.toml"), |it| e2e::root().join(it));
    let catalogue = read(&file)?;

    let show = Show::new();
    show.title("1. A tenant comes up");
    let suite = deployed(&state, &file, &catalogue, &show).await?;
    let health_path = health_path(&catalogue)?;
    onboarding::show(&suite, &health_path, &show).await?;
    show.title("2. Its database secret is rotated, while a client writes with it");
    rotation::show(&suite, &show).await?;
    show.title("3. One of its alarms goes off, and is over");
    alarm::show(&suite, &show).await?;
    show.end();

    look_around::tell(&suite, &state, &health_path).await?;
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

fn read(file: &Path) -> Result<Catalogue> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("could not read {}: {error}", file.display()))?;
    Ok(Catalogue::parse(&file.display().to_string(), &text)?)
}

/// Starts a cloud with the suite on it, and puts alerts through to its Slack and `PagerDuty`.
async fn deployed(state: &Path, file: &Path, catalogue: &Catalogue, show: &Show) -> Result<Suite> {
    show.doing("start a local AWS: databases, tasks and functions as real processes");
    let cloud = Cloud::start_in(state)?;
    show.done("the local cloud runs");
    show.doing("deploy Caretaker from infra/manifest.yaml");
    let suite = Suite::on(cloud, file, ENVIRONMENT, &[]).await?;
    alarm::put_through(&suite, catalogue).await?;
    let mut functions: Vec<&str> =
        suite.deployment.functions.values().map(|it| it.name.as_str()).collect();
    functions.sort_unstable();
    let product = &suite.deployment.product;
    show.done(&format!("Caretaker is deployed for {product}: {}", functions.join(", ")));
    Ok(suite)
}

/// Where the product's application says how it is.
fn health_path(catalogue: &Catalogue) -> Result<String> {
    let settings = catalogue.settings(&ENVIRONMENT.parse()?, TIER);
    let services = settings.into_iter().flat_map(|it| it.services.values());
    let mut paths = services.filter_map(|it| Some(it.http.as_ref()?.health_path.clone()));
    Ok(paths.next().ok_or_else(|| format!("the catalogue has no environment {ENVIRONMENT}"))?)
}

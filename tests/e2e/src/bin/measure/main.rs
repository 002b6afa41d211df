//! What a tenant costs on the local cloud: calls of AWS, memory and time, alone and in a crowd.
//!
//! Why it exists: two figures decide what Caretaker costs on AWS and when AWS begins to throttle
//! it, the calls of an onboarding and those of an idle pass. Neither can be read off the code,
//! and both grow unseen.
//!
//! `measure FOLDER` writes `FOLDER/cloud.json`. It fails when a tenant does not become active, or
//! when one becomes active twice: figures of a suite that does not work mean nothing.

mod alone;
mod crowd;
mod memory;
mod tally;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use e2e::{Result, Suite};
use serde::Serialize;

use crate::alone::Onboarding;
use crate::crowd::Crowd;

/// The function that is measured.
const FUNCTION: &str = "tenant-onboarding";

/// Which products, environments and tiers are onboarded alone: the smallest there is, the one of
/// the demonstration, and the one with a cluster and protection. Then the smallest again, with a
/// database that takes so long that passes find nothing but waiting to do, as on AWS.
const ALONE: [(&str, &str, &str, u32); 4] = [
    ("light", "dev", "trial", 1),
    ("mate", "dev", "trial", 1),
    ("sarc-ng", "prod", "enterprise", 1),
    ("light", "dev", "trial", 60),
];

/// All that is measured here.
#[derive(Serialize)]
struct Figures {
    alone: Vec<Onboarding>,
    crowd: Crowd,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: measure FOLDER");
        return ExitCode::from(2);
    };
    match measure(Path::new(&folder)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(folder: &Path) -> Result<()> {
    let began = Instant::now();
    let say = |text: &str| eprintln!("measure: {:>4} s  {text}", began.elapsed().as_secs());
    let mut alone = Vec::new();
    for (product, environment, tier, database_s) in ALONE {
        say(&format!(
            "onboarding one tenant of {product} {environment}, tier {tier}; its database takes \
             {database_s} s"
        ));
        let suite = suite(product, environment).await?;
        alone.push(alone::measure(&suite, tier, database_s).await?);
    }
    say(&format!("onboarding {} tenants at once", crowd::TENANTS));
    let crowd = crowd::measure(&suite("light", "dev").await?).await?;
    say("done");
    std::fs::create_dir_all(folder)?;
    let figures = serde_json::to_vec_pretty(&Figures { alone, crowd })?;
    Ok(std::fs::write(folder.join("cloud.json"), figures)?)
}

async fn suite(product: &str, environment: &str) -> Result<Suite> {
    match product {
        "light" => Suite::light(&[]).await,
        _ => Suite::of(product, environment, &[]).await,
    }
}

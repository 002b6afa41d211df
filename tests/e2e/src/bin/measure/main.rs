//! What a tenant costs on the local cloud: calls of AWS, memory and time, alone and in a crowd, and
//! when its secret is rotated.
//!
//! Why it exists: two figures decide what Caretaker costs on AWS and when AWS begins to throttle
//! it, the calls of an onboarding and those of an idle pass. Neither can be read off the code,
//! and both grow unseen.
//!
//! `measure FOLDER` writes `FOLDER/cloud.json`, `FOLDER/rotation.json` and `FOLDER/alerts.json`; with names behind the
//! folder (`measure FOLDER rotation`) only those. It fails when a tenant does not become active, when
//! one becomes active twice, or when a rotation has to be tried again: figures of a suite that does
//! not work mean nothing.

mod alerts;
mod alone;
mod crowd;
mod memory;
mod rotation;
mod tally;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use e2e::{Result, Suite};
use serde::Serialize;

use crate::alone::Onboarding;
use crate::crowd::Crowd;

/// The function that onboards.
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

/// What can be measured, by the name of its file.
const PARTS: [&str; 3] = ["cloud", "rotation", "alerts"];

/// What onboarding costs.
#[derive(Serialize)]
struct Onboardings {
    alone: Vec<Onboarding>,
    crowd: Crowd,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next();
    let parts: Vec<String> = arguments.map(|it| it.to_string_lossy().into_owned()).collect();
    let Some(folder) = folder.filter(|_| parts.iter().all(|it| PARTS.contains(&it.as_str())))
    else {
        eprintln!("usage: measure FOLDER [{}]", PARTS.join("|"));
        return ExitCode::from(2);
    };
    let wanted = |part: &&str| parts.is_empty() || parts.iter().any(|it| it == part);
    let mut ended = ExitCode::SUCCESS;
    for part in PARTS.into_iter().filter(wanted) {
        // The parts know nothing of each other: what one cannot tell, the next may.
        if let Err(error) = measure(part, Path::new(&folder)).await {
            eprintln!("measure: {part} is not measured: {error}");
            ended = ExitCode::FAILURE;
        }
    }
    ended
}

async fn measure(part: &str, folder: &Path) -> Result<()> {
    let began = Instant::now();
    let say = |text: &str| eprintln!("measure: {:>4} s  {text}", began.elapsed().as_secs());
    let figures = match part {
        "rotation" => {
            say(&format!(
                "rotating a database user's secret {} times by each strategy",
                rotation::TIMES
            ));
            let suite = Suite::testing("rotating", &[]).await?;
            serde_json::to_vec_pretty(&rotation::measure(&suite).await?)?
        }
        "alerts" => serde_json::to_vec_pretty(&alerts::measure(say).await?)?,
        _ => serde_json::to_vec_pretty(&onboardings(say).await?)?,
    };
    say("done");
    std::fs::create_dir_all(folder)?;
    Ok(std::fs::write(folder.join(part).with_extension("json"), figures)?)
}

async fn onboardings(say: impl Fn(&str)) -> Result<Onboardings> {
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
    Ok(Onboardings { alone, crowd })
}

async fn suite(product: &str, environment: &str) -> Result<Suite> {
    match product {
        "light" => Suite::light(&[]).await,
        _ => Suite::of(product, environment, &[]).await,
    }
}

//! One tenant, from its request until nothing is left to do for it; then a look at it that finds
//! nothing to do.

use std::time::Duration;

use e2e::{Result, Suite};
use jiff::{Timestamp, Unit};
use serde::Serialize;
use serde_json::json;
use store::Status;

use crate::FUNCTION;
use crate::memory::{Memory, Watch};
use crate::tally::{Tally, settled, taken};

/// The tenant's name.
const TENANT: &str = "measured";

/// How long it may take until the function has looked at it; it takes milliseconds.
const LOOKED_WITHIN: Duration = Duration::from_secs(30);

/// What one tenant cost.
#[derive(Debug, Serialize)]
pub(crate) struct Onboarding {
    product: String,
    environment: String,
    tier: String,
    /// How long the database says `creating` at the least.
    database_s: u32,
    /// From the request until the tenant was active, in seconds. How fast a database comes up
    /// here says nothing about AWS; that it does not grow says something about us.
    active_after_s: f64,
    /// Until the tenant was active and everybody told.
    until_active: Tally,
    /// Until nothing was left in the queue: with the looks that came too late to find anything.
    until_quiet: Tally,
    /// One pass over the active tenant.
    idle: Tally,
    memory: Memory,
}

/// Onboards one tenant whose database takes so many seconds.
pub(crate) async fn measure(suite: &Suite, tier: &str, database_s: u32) -> Result<Onboarding> {
    suite.control.set(&json!({ "rds_available_seconds": database_s }))?;
    let watch = Watch::over(suite, FUNCTION)?;
    suite.control.forget_calls()?;
    let asked_at = Timestamp::now();
    suite.ask_for(TENANT, tier).await?;
    let record = suite.until(TENANT, Status::Active).await?;
    let until_active = taken(suite)?;
    let until_quiet = settled(suite).await?;
    let active_at = record.active_at.ok_or("the tenant is active, but since when?")?;

    suite.control.forget_calls()?;
    suite.send(json!({ "caretaker": "look", "tenant": TENANT, "waited": 0 }).to_string()).await?;
    let looked = suite
        .eventually(LOOKED_WITHIN, async || Ok((taken(suite)?.calls > 0).then_some(())))
        .await?;
    looked.ok_or("nobody looked at the active tenant in time")?;
    let idle = settled(suite).await?;
    Ok(Onboarding {
        product: suite.deployment.product.clone(),
        environment: suite.deployment.environment.clone(),
        tier: tier.to_owned(),
        database_s,
        active_after_s: (active_at - asked_at).total(Unit::Second)?,
        until_active,
        until_quiet,
        idle,
        memory: watch.ended()?,
    })
}

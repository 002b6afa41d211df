//! Whole rotations of a database user's secret, one after the other, by each strategy.
//!
//! Times, the share of the database and connections are the function's own, from the metrics that
//! it writes to its log: what the local cloud could measure would hold its own work as well. Calls
//! are the local cloud's, which knows in which step each was made.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_secretsmanager::types::Tag;
use domain::catalogue::RotationStrategy;
use e2e::{Call, Result, Suite};
use serde::{Deserialize, Serialize};
use store::Status;

use crate::memory::{Memory, Watch};
use crate::tally::Tally;

/// The function that rotates.
const FUNCTION: &str = "secret-rotation";

/// The tag by which a secret chooses its strategy.
const STRATEGY_TAG: &str = "RotationStrategy";

/// How often each secret is rotated: a 90th percentile needs that many.
pub(crate) const TIMES: usize = 20;

/// A rotation's steps, in the order in which Secrets Manager asks for them.
const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// How long the last lines may take into the log.
const LOGGED_WITHIN: Duration = Duration::from_secs(30);

/// How long whoever still looks at a rollout that is over may take.
const QUIET_WITHIN: Duration = Duration::from_secs(30);

/// So often in a row the calls must be the same before nobody is believed to be at it: a second.
const QUIET_LOOKS: u32 = 5;

/// What rotations cost.
#[derive(Debug, Serialize)]
pub(crate) struct Rotations {
    strategies: Vec<OfStrategy>,
    /// Of the function, over all of them.
    memory: Memory,
}

/// All rotations of one secret.
#[derive(Debug, Serialize)]
struct OfStrategy {
    strategy: &'static str,
    rotations: Vec<Rotation>,
}

/// One rotation.
#[derive(Debug, Serialize)]
struct Rotation {
    /// The four of them.
    steps: Vec<Step>,
    /// Calls outside of the steps: services are deployed, and the old value taken away.
    rollout: Tally,
}

/// One step, in its own words and the local cloud's.
#[derive(Debug, Serialize)]
struct Step {
    name: String,
    /// From the function's first line of work on it to its last.
    took_ms: f64,
    /// Of that, the share spent waiting for the database; 0 where none was asked.
    database_share_percent: f64,
    connections: f64,
    calls: Tally,
}

/// The metrics that the function writes at the end of a step.
#[derive(Debug, Deserialize)]
struct Metrics {
    step: String,
    secret: String,
    step_ms: f64,
    connections_tried: f64,
    #[serde(default)]
    database_share_percent: f64,
    #[serde(default)]
    steps_done: f64,
}

/// The calls that one rotation made, by step; those outside of any under `None`.
type Calls = BTreeMap<Option<String>, Tally>;

/// Onboards a tenant for each strategy and rotates the secret of its application's user.
pub(crate) async fn measure(suite: &Suite) -> Result<Rotations> {
    let watch = Watch::over(suite, FUNCTION)?;
    let mut strategies = Vec::new();
    for (number, strategy) in RotationStrategy::ALL.into_iter().enumerate() {
        let rotations = rotate(suite, &format!("rotated-{number}"), strategy).await?;
        strategies.push(OfStrategy { strategy: strategy.as_str(), rotations });
    }
    Ok(Rotations { strategies, memory: watch.ended()? })
}

async fn rotate(suite: &Suite, tenant: &str, strategy: RotationStrategy) -> Result<Vec<Rotation>> {
    suite.ask_for(tenant, "trial").await?;
    suite.until(tenant, Status::Active).await?;
    let secret = suite.secret_name(tenant, "database-app");
    let tag = Tag::builder().key(STRATEGY_TAG).value(strategy.as_str()).build();
    suite.secrets.tag_resource().secret_id(&secret).tags(tag).send().await?;

    let mut calls = Vec::new();
    for _ in 0..TIMES {
        suite.control.forget_calls()?;
        let version = suite.rotate(&secret).await?;
        // Two users take turns, so the next rotation has to wait for the rollout; and its calls
        // belong to this one.
        suite.until_rolled_out(&version).await?;
        calls.push(calls_by_step(suite).await?);
    }
    let metrics = metrics(suite, &secret).await?;
    Ok(metrics
        .chunks(STEPS.len())
        .zip(calls)
        .map(|(steps, calls)| together(steps, calls))
        .collect())
}

/// The calls of one rotation, once nobody makes any more: several events may each have brought a
/// look, and one that is late must not meet the next rotation.
async fn calls_by_step(suite: &Suite) -> Result<Calls> {
    let before = Cell::new((0, usize::MAX));
    let calls = suite
        .eventually(QUIET_WITHIN, async || {
            let calls = suite.control.calls(FUNCTION)?;
            let (looks, count) = before.get();
            let looks = if calls.len() == count { looks + 1 } else { 0 };
            before.set((looks, calls.len()));
            Ok((looks >= QUIET_LOOKS).then_some(calls))
        })
        .await?
        .ok_or("the rollout is over, and its function still makes calls")?;
    let mut by_step = BTreeMap::<_, Vec<Call>>::new();
    for call in calls {
        by_step.entry(call.step.clone()).or_default().push(call);
    }
    Ok(by_step.into_iter().map(|(step, calls)| (step, Tally::of(&calls))).collect())
}

fn together(steps: &[Metrics], mut calls: Calls) -> Rotation {
    let mut calls_in = |step: Option<String>| calls.remove(&step).unwrap_or_default();
    let rollout = calls_in(None);
    let steps = steps.iter().map(|metrics| Step {
        name: metrics.step.clone(),
        took_ms: metrics.step_ms,
        database_share_percent: metrics.database_share_percent,
        connections: metrics.connections_tried,
        calls: calls_in(Some(metrics.step.clone())),
    });
    Rotation { steps: steps.collect(), rollout }
}

/// The metrics of all steps of a secret's rotations, once they are all in the log. A rotation that
/// was tried again, or one that went on without a step, is not what is measured.
async fn metrics(suite: &Suite, secret: &str) -> Result<Vec<Metrics>> {
    let logged = suite
        .eventually(LOGGED_WITHIN, async || {
            let metrics = logged(suite, secret).await?;
            Ok((metrics.len() >= TIMES * STEPS.len()).then_some(metrics))
        })
        .await?;
    let metrics = logged.ok_or_else(|| {
        format!("the log of {FUNCTION} has not the metrics of {TIMES} rotations of {secret}")
    })?;
    let wanted = STEPS.iter().cycle().take(TIMES * STEPS.len());
    let whole = metrics.iter().all(|it| it.steps_done > 0.0)
        && metrics.iter().map(|it| it.step.as_str()).eq(wanted.copied());
    if whole {
        return Ok(metrics);
    }
    let steps: Vec<String> =
        metrics.iter().map(|it| format!("{} ({} done)", it.step, it.steps_done)).collect();
    Err(format!("{secret} was not rotated {TIMES} times in four steps: {}", steps.join(", "))
        .into())
}

/// What the log has, in its order, from the first rotation on: before it, only the schedule was
/// tested.
async fn logged(suite: &Suite, secret: &str) -> Result<Vec<Metrics>> {
    let group = &suite.deployment.function(FUNCTION)?.log_group;
    let events = suite.logs.filter_log_events().log_group_name(group).into_paginator();
    let mut pages = events.send();
    let mut metrics = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page?;
        for line in page.events().iter().filter_map(|it| it.message()).flat_map(str::lines) {
            metrics.extend(serde_json::from_str::<Metrics>(line).ok());
        }
    }
    let of_secret = metrics.into_iter().filter(|it| it.secret == secret);
    Ok(of_secret.skip_while(|it| Some(&it.step.as_str()) != STEPS.first()).collect())
}

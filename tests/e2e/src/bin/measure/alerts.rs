//! Alerts: what one costs the function itself, and a storm.
//!
//! The local cloud and its sinks are slower than AWS and Slack are, and share the machine with the
//! function. So a single alert is measured in the function's own time on a processor, which the
//! kernel knows; it holds all that the function does for the alert, also after the message is out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use e2e::{Alarm, FANOUT, Incident, Result, Suite};
use jiff::{Timestamp, Unit};
use serde::Serialize;

use crate::memory::{Memory, Watch};

/// Single alerts, the first of which finds a function that was just started and is left out.
const SINGLE: usize = 101;

/// The storm: so many alerts of so many tenants in a minute.
const STORM: usize = 10_000;
const TENANTS: usize = 4;
const STORM_S: usize = 60;

/// The most messages that SQS takes at once.
const BATCH: usize = 10;

/// How long anything here may take.
const WITHIN: Duration = Duration::from_mins(5);

/// What alerts cost.
#[derive(Debug, Serialize)]
pub(crate) struct Alerts {
    /// The function's own time on a processor for each single alert, in ms.
    own_ms: Vec<f64>,
    storm: Storm,
}

/// What became of a storm.
#[derive(Debug, Serialize)]
struct Storm {
    alerts: usize,
    sent_within_s: f64,
    /// Alerts that the last digests count.
    counted: u64,
    /// From the last report to the last digest.
    told_after_s: f64,
    pagerduty_events: usize,
    slack_calls: usize,
    /// Calls that a sink refused because there were too many.
    limits_broken: usize,
    dead_letters: usize,
    memory: Memory,
}

/// Measures all of it.
pub(crate) async fn measure(say: impl Fn(&str)) -> Result<Alerts> {
    say(&format!("{SINGLE} alerts, one after the other"));
    let own_ms = single(&Suite::alerting(&[]).await?).await?;
    say(&format!("a storm of {STORM} alerts within {STORM_S} s"));
    let storm = storm(&Suite::alerting(&[]).await?).await?;
    Ok(Alerts { own_ms, storm })
}

async fn single(suite: &Suite) -> Result<Vec<f64>> {
    let sinks = suite.sinks();
    let mut own = Vec::new();
    let mut before = 0;
    for number in 0..SINGLE {
        let alarm = Alarm::critical(format!("hook-{number:03}"));
        let told = sinks.received("webhook")?;
        suite.report(&[alarm.message("ALARM", Timestamp::now())], None).await?;
        let heard = suite
            .eventually(WITHIN, async || Ok((sinks.received("webhook")? > told).then_some(())))
            .await?;
        heard.ok_or("nobody heard of an alert")?;
        suite.until_all_is_read(WITHIN).await?;
        let now = processor_ns(&suite.state)?;
        if number > 0 {
            own.push(Duration::from_nanos(now - before).as_secs_f64() * 1_000.0);
        }
        before = now;
    }
    Ok(own)
}

/// The time that the function's processes have had a processor, in ns.
fn processor_ns(state: &Path) -> Result<u64> {
    let state = state.canonicalize()?;
    let mut sum = 0;
    for process in fs::read_dir("/proc")?.flatten() {
        let is_function = fs::read_link(process.path().join("exe"))
            .is_ok_and(|program| program.starts_with(&state) && program.ends_with("bootstrap"));
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        if !is_function || !String::from_utf8_lossy(&environment).contains(FANOUT) {
            continue;
        }
        for thread in fs::read_dir(process.path().join("task"))?.flatten() {
            let spent = fs::read_to_string(thread.path().join("schedstat"))?;
            sum += spent.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
    }
    Ok(sum)
}

async fn storm(suite: &Suite) -> Result<Storm> {
    let sinks = suite.sinks();
    let watch = Watch::over(suite, FANOUT)?;
    let began = Timestamp::now();
    let pace = Duration::from_secs(STORM_S.try_into()?) / u32::try_from(STORM / BATCH)?;
    let mut tick = tokio::time::interval(pace);
    for batch in 0..STORM / BATCH {
        tick.tick().await;
        let reports: Vec<String> = (batch * BATCH..(batch + 1) * BATCH)
            .map(|number| {
                let alarm = Alarm::critical(format!("storm-{number:05}"));
                let tenant = format!("tenant{}", number % TENANTS);
                Alarm { tenant, ..alarm }.message("ALARM", Timestamp::now())
            })
            .collect();
        suite.report(&reports, None).await?;
    }
    let sent_at = Timestamp::now();
    let counted = suite
        .eventually(WITHIN, async || {
            let counted = counted(&sinks.pagerduty()?.kept.incidents);
            Ok((counted == u64::try_from(STORM)?).then_some(counted))
        })
        .await?;
    let counted = match counted {
        Some(counted) => counted,
        None => counted_now(suite)?,
    };
    let told_after_s = (Timestamp::now() - sent_at).total(Unit::Second)?;
    suite.until_all_is_read(WITHIN).await?;
    let (pages, posts) = (sinks.pagerduty()?.requests, sinks.slack()?.requests);
    Ok(Storm {
        alerts: STORM,
        sent_within_s: (sent_at - began).total(Unit::Second)?,
        counted,
        told_after_s,
        pagerduty_events: pages.len(),
        slack_calls: posts.len(),
        limits_broken: pages.iter().chain(&posts).filter(|it| it.status == 429).count(),
        dead_letters: suite.dead_letters().await?.len(),
        memory: watch.ended()?,
    })
}

fn counted_now(suite: &Suite) -> Result<u64> {
    Ok(counted(&suite.sinks().pagerduty()?.kept.incidents))
}

/// How many alerts the newest digests count, of each incident one: `2500 firing`.
fn counted(incidents: &[Incident]) -> u64 {
    let mut newest = BTreeMap::new();
    for incident in incidents {
        let summary =
            incident.events.last().and_then(|it| it.pointer("/payload/summary")?.as_str());
        let words = summary.unwrap_or_default().split_once(" firing").map(|(before, _)| before);
        let number = words.and_then(|it| it.rsplit(['(', ' ']).next()?.parse::<u64>().ok());
        newest.insert(&incident.dedup_key, number.unwrap_or(1));
    }
    newest.values().sum()
}

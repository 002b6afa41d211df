//! Amazon ElastiCache's notifications: `{"ElastiCache:SnapshotComplete": "mate-demo-dev-cache-001"}`.
//!
//! Source: ElastiCache user guide, "Event notifications and Amazon SNS". The name of the event is the
//! key, so there may be several in one message.

use domain::catalogue::Severity;

use super::fields::Fields;
use super::links::{Console, escaped};
use super::{Draft, Outcome, words};

const SOURCE: &str = "elasticache";
const PREFIX: &str = "ElastiCache:";

/// How many events one message may hold; ElastiCache sends one.
const EVENTS_MAX: usize = 20;

/// Words in an event's name that make it a warning: what failed, and what interrupts the cache.
const BAD: [&str; 5] = ["Failed", "Failover", "Rebooted", "Limit", "Unable"];

/// Reads a message.
pub(crate) fn message(fields: Fields<'_>) -> Option<Vec<Outcome>> {
    let events = fields.entries().filter_map(|(key, value)| {
        let name = key.strip_prefix(PREFIX)?;
        Some(outcome(name, value, fields))
    });
    let outcomes: Vec<Outcome> = events.take(EVENTS_MAX).collect();
    (!outcomes.is_empty()).then_some(outcomes)
}

fn outcome(name: &str, value: Fields<'_>, message: Fields<'_>) -> Outcome {
    let mut draft = Draft::new(SOURCE, format!("ElastiCache{}", words::alert_name(name)));
    let said = value.0.as_str().unwrap_or_default();
    // `cache-001 : Shard 0001 failed over …`, and the cluster's name alone.
    let cache = said.split([' ', ':']).next().unwrap_or_default();
    let is_bad = BAD.iter().any(|word| name.contains(word));
    draft.severity = if is_bad { Severity::Warning } else { Severity::Info };
    if !cache.is_empty() {
        draft.claims.service = Some("cache".to_owned());
        draft.about(cache);
    }
    // Nothing in the message tells one occurrence from the next: the delivery's id does.
    draft.key = format!("{name}:{cache}");
    draft.is_once = true;
    draft.label("event_name", Some(name));
    draft.title = format!("Cache {cache}: {}", words::spoken(name));
    let others = message.entries().filter(|(key, _)| !key.starts_with(PREFIX));
    let others = others.filter_map(|(key, value)| Some(format!("{key}: {}", value.0.as_str()?)));
    draft.summary = std::iter::once(format!("ElastiCache reports {name}: {said}"))
        .chain(others)
        .collect::<Vec<_>>()
        .join("\n");
    if !cache.is_empty() {
        draft.console = Some(Console::Regional(format!(
            "/elasticache/home?region={{region}}#/redis?search={}",
            escaped(cache)
        )));
    }
    draft.into()
}

//! From a report to alerts: one file for each source.
//!
//! A normaliser looks at a report's fields and writes a [`Draft`]: what happened to what, how severe
//! it is unless a catalogue's rule says otherwise, and everything that could tell whose it is. What
//! is the same for all sources (owner, links, limits, the key) happens once, in [`Draft::finish`].
//!
//! A new source is a file with a `read` and a line in `events` or `messages` below.
//!
//! # Severities
//! The defaults are those that the products' own documents agree on: *critical* is what stops a
//! tenant (no tasks, no healthy targets, a database or cache at its end, a storm of errors),
//! *warning* what will, or what failed and left things as they were, *info* what is good to know
//! (deployments, scaling, backups, costs). All reports about one problem have one severity, its end
//! included, because routes match on it, and an end must go where the beginning went.

mod arn;
mod autoscaling;
mod backup;
mod budgets;
mod caretaker;
mod cloudformation;
mod cloudwatch;
mod cost_anomaly;
mod draft;
mod ecs;
mod elasticache;
mod eventbridge;
pub(crate) mod fields;
mod guardduty;
mod health;
mod lambda;
mod links;
mod owner;
mod rds;
mod security_hub;
mod shortened;
mod text;
pub(crate) mod time;
mod words;

pub(crate) use caretaker::heartbeat;
pub(crate) use draft::{Draft, Outcome};

use crate::event::{Body, Report};
use eventbridge::Event;
use fields::Fields;

/// What a report comes to: at least one outcome.
pub(crate) fn read(report: &Report) -> Vec<Outcome> {
    if let Some(outcome) = caretaker::told_on_the_bus(report) {
        return vec![outcome];
    }
    // A function's dead letter holds the event that the function failed at, which may look like
    // anything; that it failed is what is reported.
    if let Some(outcome) = lambda::dead_letter(report) {
        return vec![outcome];
    }
    let understood = match &report.body {
        Body::Json(body) => {
            let fields = Fields(body);
            match Event::of(fields) {
                Some(event) => events(&event),
                None => messages(fields),
            }
        }
        Body::Text(text) => texts(text, report),
    };
    match understood {
        Some(outcomes) if !outcomes.is_empty() => outcomes,
        _ => vec![text::read(report)],
    }
}

/// Events of EventBridge, by who sent them.
fn events(event: &Event<'_>) -> Option<Vec<Outcome>> {
    match event.service() {
        "cloudwatch" => cloudwatch::event(event),
        "ecs" => ecs::event(event),
        "rds" => rds::event(event),
        "cloudformation" => cloudformation::event(event),
        "health" => health::event(event),
        "guardduty" => guardduty::event(event),
        "securityhub" => security_hub::event(event),
        "backup" => backup::event(event),
        "autoscaling" | "application-autoscaling" => autoscaling::event(event),
        "ce" => cost_anomaly::event(event),
        "lambda" => lambda::event(event),
        _ => caretaker::event(event),
    }
    .or_else(|| Some(vec![eventbridge::unknown(event)]))
}

/// What services publish to a topic as JSON, and what invokes a function directly.
fn messages(fields: Fields<'_>) -> Option<Vec<Outcome>> {
    cloudwatch::message(fields)
        .or_else(|| rds::message(fields))
        .or_else(|| autoscaling::message(fields))
        .or_else(|| cost_anomaly::message(fields))
        .or_else(|| budgets::message(fields))
        .or_else(|| elasticache::message(fields))
        .or_else(|| lambda::message(fields))
}

/// What services publish to a topic as plain text.
fn texts(text: &str, report: &Report) -> Option<Vec<Outcome>> {
    budgets::text(text)
        .or_else(|| cloudformation::text(text))
        .or_else(|| backup::text(text, report))
}

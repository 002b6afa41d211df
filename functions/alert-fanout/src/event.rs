//! From a payload to what it is about; with `normalise` the only place that knows its JSON.
//!
//! Everything that AWS and Caretaker report comes in here, wrapped in whatever it travelled by, and
//! leaves as [`Message`]s. Three promises hold whatever the payload is: it never panics, nothing
//! that is news gets lost (what nobody understands is told as plain text), and nothing in a payload
//! is trusted. A `text` or `channel` key is only text, a link is only made here, and a time in the
//! future is taken for now, since it would make all that follows look old.

mod context;
mod report;
mod unwrap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use context::Context;
pub use report::Delivery;
pub(crate) use report::{Body, Report, Via};

use crate::alert::{Alert, State};
use crate::normalise::{self, Outcome};
use crate::silence::Silence;

/// What a payload is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Something is to be told.
    Alert(Box<Alert>),
    /// Somebody or something says: look at this group of alerts.
    Look(Look),
    /// Somebody wants to hear nothing of something for a while.
    Silence(Box<Silence>),
    /// The schedule says: look at all that is due.
    Sweep,
    /// Understood, and no news: a step on the way to something that will be reported itself, or
    /// another deployment's affair. It is logged with its reason, and that is all.
    Ignored(String),
}

/// Which group to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The group's key, as [`crate::notification::Notification::group_key`] has it.
    pub group: String,
    /// The sink that is to be tried again although it refused, by its name in the ledger: what a
    /// dead letter that is sent again asks for.
    pub not_told_to: Option<String>,
}

impl Look {
    /// A look at this group, and nothing more.
    pub fn at(group: impl Into<String>) -> Self {
        Self { group: group.into(), not_told_to: None }
    }
}

/// The function's own messages: `{"caretaker": "look", "group": "…"}`, `{"caretaker": "silence", …}`
/// with the fields of a [`Silence`], `{"caretaker": "sweep"}` and `{"caretaker": "heartbeat"}`. They are taken from the queue and the schedule only; what comes
/// through a topic is an alert, whatever it says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "caretaker", rename_all = "lowercase")]
enum Own {
    Look {
        group: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_told_to: Option<String>,
    },
    Silence(Box<Silence>),
    Sweep,
    Heartbeat,
}

/// The message that makes the function look at `look`'s group.
pub fn nudge(look: &Look) -> String {
    // A struct of strings always serializes.
    let Look { group, not_told_to } = look.clone();
    serde_json::to_string(&Own::Look { group, not_told_to }).unwrap_or_default()
}

/// Reads the payload of an invocation, or of anything that can be inside one: SNS and SQS records,
/// EventBridge events, CloudWatch's direct alarm action. At least one message comes of each report
/// in it, in their order.
pub fn read(payload: &Value, context: &Context, now: Timestamp) -> Vec<Message> {
    let reports = unwrap::payload(payload.clone(), Delivery::default());
    messages(&reports, context, now)
}

/// Reads the body of one message of the queue; `delivery` is what the queue says about it.
pub fn read_body(
    body: &str,
    delivery: Delivery,
    context: &Context,
    now: Timestamp,
) -> Vec<Message> {
    messages(&unwrap::text(body, delivery), context, now)
}

/// The alerts among `messages`, for who is interested in nothing else.
pub fn alerts(messages: Vec<Message>) -> Vec<Alert> {
    let alert = |message| match message {
        Message::Alert(alert) => Some(*alert),
        Message::Look(_) | Message::Silence(_) | Message::Sweep | Message::Ignored(_) => None,
    };
    messages.into_iter().filter_map(alert).collect()
}

fn messages(reports: &[Report], context: &Context, now: Timestamp) -> Vec<Message> {
    reports.iter().flat_map(|report| one(report, context, now)).collect()
}

fn one(report: &Report, context: &Context, now: Timestamp) -> Vec<Message> {
    if let Some(own) = own(report) {
        let message = match own {
            Own::Look { group, not_told_to } => Message::Look(Look { group, not_told_to }),
            Own::Silence(silence) => Message::Silence(silence),
            Own::Sweep => Message::Sweep,
            Own::Heartbeat => normalise::heartbeat(report, context).finish(report, context, now),
        };
        return vec![message];
    }
    let finish = |outcome| match outcome {
        Outcome::Tell(draft) => draft.finish(report, context, now),
        Outcome::Skip(reason) => Message::Ignored(reason),
    };
    normalise::read(report).into_iter().map(finish).collect()
}

fn own(report: &Report) -> Option<Own> {
    let Body::Json(body) = &report.body else { return None };
    if report.via == Via::Topic || body.get("caretaker").is_none() {
        return None;
    }
    // A command of another version is no command here, and is told as what it is: text.
    Own::deserialize(body).ok()
}

impl Message {
    /// Whether it is an alert that says that something is over.
    pub fn is_resolved(&self) -> bool {
        matches!(self, Self::Alert(alert) if alert.state == State::Resolved)
    }
}

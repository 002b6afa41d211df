//! What a sink is given to tell, and what it answers.
//!
//! A notification is the state of one group of alerts at one moment, for one receiver. It is data
//! without any markup: how it looks is each sink's own matter, who hears of it is not.

use std::time::Duration;

use domain::catalogue::Severity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, State};

/// Why a group is told of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// Its first alert.
    Opened,
    /// Alerts were added or resolved since it was last told of.
    Updated,
    /// All its alerts are over.
    Resolved,
    /// It still fires after the repeat interval.
    Reminder,
    /// Nobody acknowledged it in time, so the next person is told.
    Escalated,
}

/// The state of one group of alerts, for one receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The group's identity, from its route and labels: what sinks make their own key of.
    pub group_key: String,
    /// Which notification of this group it is, from 1; with the group key it names the delivery.
    pub generation: u64,
    /// Why it is told now.
    pub occasion: Occasion,
    /// The receiver's name in the catalogue.
    pub receiver: String,
    /// What all alerts of the group have in common, by `group_by`.
    pub group_labels: Vec<(String, String)>,
    /// Firing while any of its alerts fires.
    pub state: State,
    /// The most severe of what fires; of what is over, once nothing fires.
    pub severity: Severity,
    /// Alerts of the group, the newest first; not more than a message can show.
    pub alerts: Vec<Alert>,
    /// How many alerts fire, shown or not.
    pub firing: u64,
    /// How many are over since the group was opened, shown or not.
    pub resolved: u64,
    /// Whether the group is a storm: more alerts than can be told one by one.
    pub is_digest: bool,
    /// When the group was opened.
    pub opened_at: Timestamp,
    /// When the newest of its alerts happened.
    pub happened_at: Timestamp,
    /// Whom the catalogue wants mentioned: sink-specific ids (`U024BE7LH`), never from an alert.
    pub mentions: Vec<String>,
    /// What failed before, where this is the fallback of another sink: in words.
    pub fallback_for: Option<String>,
}

/// What a sink gives back for the next time: by it the next notification of the group updates,
/// answers or resolves what this one made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The sink's own key: PagerDuty's `dedup_key`, Slack's `ts`; none where a sink has no such
    /// thing.
    pub key: Option<String>,
    /// Where it went, where the answer says so: Slack's channel id, which an update needs.
    pub place: Option<String>,
    /// Digest of the routing key or address used, never the key itself: a resolve must go where the
    /// trigger went.
    pub credential: Option<String>,
}

/// Why a sink did not take a notification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The sink asks for patience (HTTP 429).
    #[error("{sink} limits the rate{}: {reason}", retry_after.map(|d| format!(" for {} s", d.as_secs())).unwrap_or_default())]
    Limited {
        /// The sink, in words.
        sink: String,
        /// For how long it wants to be left alone, where it says so.
        retry_after: Option<Duration>,
        /// What it answered.
        reason: String,
    },
    /// The sink refused the credential; it may have been rotated.
    #[error("{sink} refused the credential: {reason}")]
    Unauthorized {
        /// The sink, in words.
        sink: String,
        /// What it answered.
        reason: String,
    },
    /// The sink does not take this, now or later.
    #[error("{sink} refused the message: {reason}")]
    Refused {
        /// The sink, in words.
        sink: String,
        /// What it answered.
        reason: String,
    },
    /// The sink failed or did not answer; trying again may help.
    #[error("{sink} failed: {reason}")]
    Failed {
        /// The sink, in words.
        sink: String,
        /// What happened.
        reason: String,
    },
}

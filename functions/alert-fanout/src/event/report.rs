//! One report, out of its wrapping, with what the wrapping says about it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// How a report came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Via {
    /// By the queue, the schedule or an invocation of the function.
    #[default]
    Direct,
    /// By a topic of SNS, so by whoever may publish there.
    Topic,
}

/// What a queue or topic says about a message it delivers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Its id, the same at each delivery.
    pub id: Option<String>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// The sender's own message attributes.
    pub attributes: BTreeMap<String, String>,
}

impl From<&runtime::Record> for Delivery {
    fn from(record: &runtime::Record) -> Self {
        Self {
            id: (!record.message_id.is_empty()).then(|| record.message_id.clone()),
            sent_at: record.sent_at,
            attributes: record.attributes.clone(),
        }
    }
}

/// What was reported.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    /// An object.
    Json(Value),
    /// Anything else: words, a number, `null`, what is no JSON.
    Text(String),
}

/// One report.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    /// What was reported.
    pub(crate) body: Body,
    /// How it came.
    pub(crate) via: Via,
    /// The subject it was published with.
    pub(crate) subject: Option<String>,
    /// The ARN of the topic it came by.
    pub(crate) topic: Option<String>,
    /// Id, time and attributes.
    pub(crate) delivery: Delivery,
}

//! Takes off what a report travelled in: records of SNS and SQS, SNS's envelope inside a queue's
//! message, a JSON text inside either, a list.
//!
//! What AWS wraps and what a person sends look alike, so a shape that is not exactly one of these is
//! left as it is, and told as text.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::report::{Body, Delivery, Report, Via};
use crate::normalise::fields::Fields;
use crate::normalise::time;

/// How deep wrappings are taken off: SQS around SNS around a JSON text around a list is four. What is
/// deeper was not made by AWS, and is told as it is.
const DEPTH_MAX: u32 = 6;

/// How many reports one payload may hold. SQS delivers at most 10 messages to a standard queue's
/// function without a batching window, Security Hub at most 100 findings; the rest of a longer list
/// is told as one report that holds it.
const REPORTS_MAX: usize = 100;

/// What is known on the way in.
#[derive(Debug, Clone, Default)]
struct Wrapping {
    via: Via,
    subject: Option<String>,
    topic: Option<String>,
    delivery: Delivery,
}

impl Wrapping {
    fn close(self, body: Body) -> Report {
        let Self { via, subject, topic, delivery } = self;
        Report { body, via, subject, topic, delivery }
    }
}

/// The reports in a payload.
pub(super) fn payload(value: Value, delivery: Delivery) -> Vec<Report> {
    let mut reports = Vec::new();
    value_in(value, Wrapping { delivery, ..Wrapping::default() }, 0, &mut reports);
    reports
}

/// The reports in a text: the body of a queue's message.
pub(super) fn text(body: &str, delivery: Delivery) -> Vec<Report> {
    let mut reports = Vec::new();
    text_in(body, Wrapping { delivery, ..Wrapping::default() }, 0, &mut reports);
    reports
}

fn text_in(text: &str, around: Wrapping, depth: u32, reports: &mut Vec<Report>) {
    // A number or a quoted word is JSON, too, and only a text.
    match serde_json::from_str(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => {
            value_in(value, around, depth, reports);
        }
        Ok(Value::String(inner)) => reports.push(around.close(Body::Text(inner))),
        _ => reports.push(around.close(Body::Text(text.to_owned()))),
    }
}

fn value_in(value: Value, around: Wrapping, depth: u32, reports: &mut Vec<Report>) {
    if depth >= DEPTH_MAX {
        reports.push(around.close(Body::Text(value.to_string())));
        return;
    }
    let depth = depth + 1;
    match value {
        Value::Object(_) => object_in(value, around, depth, reports),
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_object) => {
            list_in(items, &around, depth, reports);
        }
        Value::String(text) => text_in(&text, around, depth, reports),
        other => reports.push(around.close(Body::Text(other.to_string()))),
    }
}

fn list_in(mut items: Vec<Value>, around: &Wrapping, depth: u32, reports: &mut Vec<Report>) {
    let rest = items.split_off(items.len().min(REPORTS_MAX));
    for (place, item) in items.into_iter().enumerate() {
        let mut around = around.clone();
        // Two of one list are two.
        around.delivery.id = around.delivery.id.map(|id| format!("{id}/{place}"));
        value_in(item, around, depth, reports);
    }
    if !rest.is_empty() {
        let mut around = around.clone();
        around.delivery.id = around.delivery.id.map(|id| format!("{id}/rest"));
        let text = format!("{} more reports\n{}", rest.len(), Value::Array(rest));
        reports.push(around.close(Body::Text(text)));
    }
}

fn object_in(value: Value, around: Wrapping, depth: u32, reports: &mut Vec<Report>) {
    let fields = Fields(&value);
    let records = fields.at("Records").0.as_array();
    let records = records.filter(|records| (1..=REPORTS_MAX).contains(&records.len()));
    if let Some(records) = records
        && records.iter().all(|record| is_sns_record(record) || is_sqs_record(record))
    {
        for record in records {
            record_in(Fields(record), depth, reports);
        }
    } else if is_sns_envelope(fields) {
        sns_in(fields, around, depth, reports);
    } else {
        reports.push(around.close(Body::Json(value)));
    }
}

fn is_sns_record(record: &Value) -> bool {
    Fields(record).at("Sns").has("Message")
}

fn is_sqs_record(record: &Value) -> bool {
    let record = Fields(record);
    record.text("eventSource") == Some("aws:sqs") && record.has("body")
}

/// What SNS puts around a message for a queue, unless raw delivery is on (SNS developer guide,
/// "HTTP/HTTPS notification JSON format", which queues get as well).
fn is_sns_envelope(fields: Fields<'_>) -> bool {
    fields.text("Type") == Some("Notification")
        && fields.has("Message")
        && (fields.has("TopicArn") || fields.has("MessageId"))
}

fn record_in(record: Fields<'_>, depth: u32, reports: &mut Vec<Report>) {
    if record.has("Sns") {
        return sns_in(record.at("Sns"), Wrapping::default(), depth, reports);
    }
    let sent_at = record.at("attributes").word("SentTimestamp");
    let sent_at = sent_at.and_then(|text| Timestamp::from_millisecond(text.parse().ok()?).ok());
    let attributes = attributes(record.at("messageAttributes"), "stringValue");
    let id = record.text("messageId").map(str::to_owned);
    let around = Wrapping { delivery: Delivery { id, sent_at, attributes }, ..Wrapping::default() };
    value_in(record.at("body").0.clone(), around, depth, reports);
}

fn sns_in(sns: Fields<'_>, around: Wrapping, depth: u32, reports: &mut Vec<Report>) {
    let id = sns.text("MessageId").map(str::to_owned).or(around.delivery.id);
    let sent_at = sns.text("Timestamp").and_then(time::parse).or(around.delivery.sent_at);
    let around = Wrapping {
        via: Via::Topic,
        subject: sns.text("Subject").map(str::to_owned).or(around.subject),
        topic: sns.text("TopicArn").map(str::to_owned).or(around.topic),
        delivery: Delivery {
            id,
            sent_at,
            attributes: attributes(sns.at("MessageAttributes"), "Value"),
        },
    };
    match sns.at("Message").0 {
        Value::String(text) => text_in(text, around, depth, reports),
        other => value_in(other.clone(), around, depth, reports),
    }
}

fn attributes(attributes: Fields<'_>, value: &str) -> BTreeMap<String, String> {
    let entries = attributes.0.as_object().into_iter().flatten();
    entries
        .filter_map(|(name, attribute)| Some((name.clone(), Fields(attribute).word(value)?)))
        .collect()
}

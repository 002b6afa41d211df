//! What nobody here knows: words, JSON of any kind, a number, what is no text at all.
//!
//! It is told as it is. That somebody could have meant more by a `text`, `channel` or `severity` in
//! it makes no difference: who may publish to a topic may not choose whom it wakes.

use domain::catalogue::Severity;
use domain::naming::fingerprint;

use super::arn::Arn;
use super::fields::Fields;
use super::{Draft, Outcome, eventbridge, words};
use crate::event::{Body, Report};

/// As much of a digest as a UUID has.
const DIGEST_BYTES: usize = 16;

/// How many characters of a text are looked at for whose it is; who writes an alert says that first.
const LOOKED_AT_CHARS: usize = 500;

/// Keys under which JSON of any kind says what it is about, the likeliest first.
const TITLES: [&str; 10] = [
    "title",
    "Title",
    "summary",
    "subject",
    "message",
    "Message",
    "text",
    "Event Message",
    "Description",
    "name",
];

/// The names of the suite's own topics, after product and environment.
const ALARMS: &str = "-alarms";
const NOTIFICATIONS: &str = "-notifications";

/// A report as plain text.
pub(crate) fn read(report: &Report) -> Outcome {
    let (text, first, title) = match &report.body {
        Body::Text(text) => (text.clone(), text.clone(), None),
        Body::Json(body) => {
            let title = TITLES.iter().find_map(|key| Fields(body).text(key));
            (eventbridge::shown(body), body.to_string(), title.map(str::to_owned))
        }
    };
    let topic = report.topic.as_deref().and_then(Arn::of).map(Arn::name).unwrap_or_default();
    let is_own = topic.starts_with("caretaker-");
    let source = if is_own { "caretaker" } else { "text" };
    let mut draft = Draft::new(source, "Notification");
    draft.severity = if is_own && topic.ends_with(NOTIFICATIONS) {
        Severity::Info
    } else {
        // Who writes to a topic for alarms, or to nobody knows which, wants a person to look.
        Severity::Warning
    };
    draft.label("topic", Some(topic));
    // What JSON calls its title says more than the subject of a service that sends JSON.
    let said = title.as_deref().unwrap_or_default();
    let subject = report.subject.as_deref().unwrap_or_default();
    let first = words::first_line(&first);
    draft.title = [said, subject, first]
        .into_iter()
        .find(|line| !words::line(line, 1).is_empty())
        .map_or_else(
            || "A report without words".to_owned(),
            |line| words::first_line(line).to_owned(),
        );
    draft.names.push(draft.title.clone());
    draft.names.push(text.chars().take(LOOKED_AT_CHARS).collect());
    if is_own && (topic.ends_with(ALARMS) || topic.ends_with(NOTIFICATIONS)) {
        draft.names.push(topic.replace(ALARMS, "").replace(NOTIFICATIONS, "").replacen(
            "caretaker-",
            "",
            1,
        ));
    }
    let id = report.delivery.id.clone();
    draft.key = id.unwrap_or_else(|| fingerprint(&format!("{subject}\n{text}"), DIGEST_BYTES));
    draft.summary = text;
    draft.into()
}

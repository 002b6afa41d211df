//! Amazon RDS: what happens to instances, clusters and snapshots, by EventBridge or by an event
//! subscription's topic.
//!
//! Source: RDS user guide, "Amazon RDS event categories and event messages". There are hundreds; what
//! they are worth follows from their category, and for a few from their number.

use domain::catalogue::Severity;

use super::arn::name_in;
use super::eventbridge::Event;
use super::fields::{self, Fields};
use super::links::{Console, escaped};
use super::owner::Claims;
use super::{Draft, Outcome, time, words};

const SOURCE: &str = "rds";

/// Events that are worth something else than their category.
const BY_NUMBER: [(&str, Option<Severity>); 16] = [
    // A backup begins; that it ended is told.
    ("RDS-EVENT-0001", None),
    ("RDS-EVENT-0042", Some(Severity::Info)),
    // The instance is deleted.
    ("RDS-EVENT-0003", Some(Severity::Warning)),
    // Its storage is used up: it writes nothing any more.
    ("RDS-EVENT-0007", Some(Severity::Critical)),
    ("RDS-EVENT-0089", Some(Severity::Warning)),
    ("RDS-EVENT-0031", Some(Severity::Critical)),
    // Incompatible parameters, network or options: it does not start.
    ("RDS-EVENT-0035", Some(Severity::Critical)),
    ("RDS-EVENT-0036", Some(Severity::Critical)),
    ("RDS-EVENT-0058", Some(Severity::Warning)),
    // Replication goes on again.
    ("RDS-EVENT-0046", Some(Severity::Info)),
    // Started, and stopped as asked.
    ("RDS-EVENT-0088", Some(Severity::Info)),
    ("RDS-EVENT-0087", Some(Severity::Info)),
    // A failover begins; that it ended is told, with the same words about why.
    ("RDS-EVENT-0050", None),
    ("RDS-EVENT-0051", Some(Severity::Warning)),
    ("RDS-EVENT-0154", Some(Severity::Warning)),
    // Enhanced monitoring was configured.
    ("RDS-EVENT-0158", Some(Severity::Info)),
];

/// An event in either form.
struct Happened<'a> {
    number: String,
    source: &'a str,
    source_arn: Option<&'a str>,
    source_type: String,
    message: &'a str,
    categories: Vec<&'a str>,
    date: Option<&'a str>,
    tags: Fields<'a>,
}

/// Reads an event of RDS.
pub(crate) fn event(event: &Event<'_>) -> Option<Vec<Outcome>> {
    let detail = event.detail;
    let happened = Happened {
        number: detail.text("EventID")?.to_owned(),
        source: detail.text("SourceIdentifier").unwrap_or_default(),
        source_arn: detail.text("SourceArn").or_else(|| event.resources().next()),
        source_type: detail.text("SourceType").unwrap_or_default().replace('_', "-").to_lowercase(),
        message: detail.text("Message").unwrap_or_default(),
        categories: detail.texts("EventCategories").collect(),
        date: detail.text("Date"),
        tags: detail.at("Tags"),
    };
    Some(vec![outcome(&happened, event.draft(SOURCE, happened.number.as_str()))])
}

/// Reads what an event subscription publishes.
pub(crate) fn message(fields: Fields<'_>) -> Option<Vec<Outcome>> {
    // `http://docs.amazonwebservices.com/…/USER_Events.html#RDS-EVENT-0049`; DMS has the same form.
    let number = fields.text("Event ID")?.rsplit('#').next()?.trim();
    let message = fields.text("Event Message")?;
    if !number.starts_with("RDS-EVENT-") {
        return None;
    }
    let happened = Happened {
        number: number.to_owned(),
        source: fields.text("Source ID").unwrap_or_default(),
        source_arn: fields.text("Source ARN"),
        source_type: fields.text("Event Source").unwrap_or_default().to_owned(),
        message,
        categories: Vec::new(),
        date: fields.text("Event Time"),
        tags: fields.at("Tags"),
    };
    Some(vec![outcome(&happened, Draft::new(SOURCE, number))])
}

fn outcome(happened: &Happened<'_>, mut draft: Draft) -> Outcome {
    let by_number = BY_NUMBER.iter().find(|(number, _)| *number == happened.number);
    let severity = match by_number {
        Some((_, Some(severity))) => *severity,
        Some((_, None)) => {
            let message = words::first_line(happened.message);
            return Outcome::skip(format!("{} of {}: {message}", happened.number, happened.source));
        }
        None => by_category(happened),
    };
    let source = happened.source_arn.map_or(happened.source, name_in);
    let name = if happened.source.is_empty() { source } else { happened.source };
    draft.severity = severity;
    draft.claims = Claims::of_tags(fields::tags(happened.tags));
    draft.claims.service = Some("database".to_owned());
    draft.about(happened.source_arn.unwrap_or(happened.source));
    draft.names.push(happened.source.to_owned());
    draft.happened_at = happened.date.and_then(time::parse).or(draft.happened_at);
    // By the time, because the two forms of one event have no id in common.
    let when = draft.happened_at.map(|time| time.to_string()).unwrap_or_default();
    draft.key = format!("{name}:{}:{when}", happened.number);
    draft.label("event_id", Some(happened.number.as_str()));
    draft.label("event_category", Some(happened.categories.join(",")));
    draft.label("source_type", Some(happened.source_type.as_str()));
    draft.title = format!("{name}: {}", words::first_line(happened.message));
    draft.summary = format!("{}\n{}", happened.message, happened.number);
    draft.console = console(happened, name);
    draft.into()
}

/// What an event is worth by its categories; where only a message is there, by its words.
fn by_category(happened: &Happened<'_>) -> Severity {
    if happened.categories.is_empty() {
        let message = happened.message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        return if says(&[
            "failover",
            "fail",
            "shutdown",
            "restarted",
            "deleted",
            "unable",
            "storage",
        ]) {
            Severity::Warning
        } else {
            Severity::Info
        };
    }
    let worth = |category: &&str| match *category {
        "failure" => Severity::Critical,
        "availability" | "deletion" | "failover" | "global-failover" | "low storage"
        | "read replica" | "recovery" | "security" => Severity::Warning,
        _ => Severity::Info,
    };
    happened.categories.iter().map(worth).max().unwrap_or(Severity::Info)
}

fn console(happened: &Happened<'_>, name: &str) -> Option<Console> {
    let is = |kind: &str| happened.source_type.contains(kind);
    if is("snapshot") || !(is("instance") || is("cluster")) {
        return None;
    }
    Some(Console::Regional(format!(
        "/rds/home?region={{region}}#database:id={};is-cluster={}",
        escaped(name),
        is("cluster")
    )))
}

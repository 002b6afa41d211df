//! What every event of EventBridge has, and those that nobody here knows.

use domain::catalogue::Severity;
use serde_json::Value;

use super::fields::{self, Fields};
use super::owner::Claims;
use super::{Draft, Outcome, time, words};

/// An event of EventBridge. Source: EventBridge user guide, "AWS service event metadata".
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    /// The whole event.
    pub(crate) whole: Fields<'a>,
    /// Its `detail`.
    pub(crate) detail: Fields<'a>,
    /// Its `detail-type`.
    pub(crate) detail_type: &'a str,
    source: &'a str,
}

impl<'a> Event<'a> {
    /// The event that `whole` is, if it is one. Input transformers drop fields, the source among
    /// them; the kind of event is what is needed.
    pub(crate) fn of(whole: Fields<'a>) -> Option<Self> {
        let detail_type = whole.text("detail-type")?;
        let source = whole.text("source").unwrap_or_default();
        Some(Self { whole, detail: whole.at("detail"), detail_type, source })
    }

    /// Who sent it: `ecs` of `aws.ecs`. Where that was dropped it is told by the kind of event.
    pub(crate) fn service(&self) -> &'a str {
        const KINDS: [(&str, &str); 10] = [
            ("CloudWatch Alarm ", "cloudwatch"),
            ("ECS ", "ecs"),
            ("RDS ", "rds"),
            ("CloudFormation ", "cloudformation"),
            ("AWS Health ", "health"),
            ("GuardDuty ", "guardduty"),
            ("Security Hub ", "securityhub"),
            ("Backup Job ", "backup"),
            ("EC2 Instance Launch ", "autoscaling"),
            ("EC2 Instance Terminate ", "autoscaling"),
        ];
        if self.source.is_empty() {
            let kind = KINDS.iter().find(|(kind, _)| self.detail_type.starts_with(kind));
            return kind.map(|(_, service)| *service).unwrap_or_default();
        }
        self.source.strip_prefix("aws.").unwrap_or(self.source)
    }

    /// The source as it is written.
    pub(crate) fn source(&self) -> &'a str {
        self.source
    }

    /// The ARNs that it is about.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &'a str> {
        self.whole.texts("resources")
    }

    /// What tells this event from all others: a repetition has the same id.
    pub(crate) fn id(&self) -> String {
        self.whole.word("id").unwrap_or_else(|| {
            domain::naming::fingerprint(&self.whole.0.to_string(), EVENT_ID_BYTES)
        })
    }

    /// A draft with what is the same for all events.
    pub(crate) fn draft(&self, source: &'static str, alertname: impl Into<String>) -> Draft {
        let mut draft = Draft::new(source, alertname);
        draft.is_shared = true;
        draft.happened_at = self.whole.text("time").and_then(time::parse);
        draft.at(
            self.whole.text("account").unwrap_or_default(),
            self.whole.text("region").unwrap_or_default(),
        );
        draft.label("detail_type", Some(self.detail_type));
        draft
    }
}

/// As much of a digest as a UUID has.
const EVENT_ID_BYTES: usize = 16;

/// How many of an event's resources are looked at for its owner.
const RESOURCES_MAX: usize = 20;

/// Words by which an event of an unknown kind says that something went wrong.
const BAD_WORDS: [&str; 9] =
    ["fail", "error", "critical", "denied", "unhealthy", "abort", "alarm", "timeout", "timed_out"];

/// An event of a kind that nobody here knows: told with what most events have.
pub(crate) fn unknown(event: &Event<'_>) -> Outcome {
    let mut draft = event.draft("eventbridge", words::alert_name(event.detail_type));
    let detail = event.detail;
    for resource in event.resources().take(RESOURCES_MAX) {
        draft.about(resource);
    }
    draft.claims = Claims::of_tags(fields::tags(detail.at("tags")));
    let first = |keys: &[&str]| keys.iter().find_map(|key| detail.word(key));
    let state = first(&["state", "status", "Status", "result", "eventName", "severity"]);
    let words_of_it = first(&["message", "Message", "reason", "description", "title"]);
    draft.key = event.id();
    draft.label("event_source", Some(event.source()));
    draft.label("status", state.clone());
    let name = draft.resource.as_deref().map(super::arn::name_in);
    draft.title = [Some(event.detail_type), name, state.as_deref()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(": ");
    let said = format!("{} {}", event.detail_type, state.unwrap_or_default()).to_lowercase();
    let is_bad = BAD_WORDS.iter().any(|word| said.contains(word));
    draft.severity = if is_bad { Severity::Warning } else { Severity::Info };
    draft.summary =
        [words_of_it, Some(shown(detail.0))].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    draft.into()
}

/// JSON as a person reads it.
pub(crate) fn shown(value: &Value) -> String {
    // A value that was parsed always serializes.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

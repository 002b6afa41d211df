//! An alert in the making: what a source says, and what is the same for all of them.

use std::collections::BTreeMap;

use domain::catalogue::Severity;
use domain::naming::fingerprint;
use jiff::{SignedDuration, Timestamp};

use super::arn::Arn;
use super::links::{self, Console};
use super::owner::{self, Claims, Owner};
use super::{time, words};
use crate::alert::{Alert, State};
use crate::event::{Context, Message, Report, Via};

/// The longest key that PagerDuty takes (Events API v2, `dedup_key`).
pub(crate) const KEY_CHARS_MAX: usize = 255;

/// A title is read at a glance; what it was cut from is in the summary.
pub(crate) const TITLE_CHARS_MAX: usize = 200;

/// A summary is read on one screen, and two hundred of them fit into a group's record.
pub(crate) const SUMMARY_CHARS_MAX: usize = 1500;

/// How many labels an alert has at most. CloudWatch allows 30 dimensions.
pub(crate) const LABELS_MAX: usize = 48;

/// How long a label's value may be: a dimension's value has 1024 characters at most, and a matcher
/// needs no more than this.
pub(crate) const LABEL_CHARS_MAX: usize = 256;

/// The longest name of a resource: an ARN has at most 2048 characters, those of alarms and stacks
/// stay well below this.
pub(crate) const RESOURCE_CHARS_MAX: usize = 512;

/// The alert's own fields, which [`Alert::all_labels`] adds: no label may have their names.
const OWN_LABELS: [&str; 7] =
    ["severity", "state", "source", "tenant", "environment", "service", "resource"];

/// What a normaliser made of a report.
pub(crate) enum Outcome {
    /// Something to tell.
    Tell(Box<Draft>),
    /// Understood, and no news: why.
    Skip(String),
}

impl Outcome {
    /// Nothing to tell, for this reason.
    pub(crate) fn skip(reason: impl Into<String>) -> Self {
        Self::Skip(reason.into())
    }
}

impl From<Draft> for Outcome {
    fn from(draft: Draft) -> Self {
        Self::Tell(Box::new(draft))
    }
}

/// An alert in the making.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draft {
    /// Who reports it: the source's name in [`Alert::source`].
    pub(crate) source: &'static str,
    /// The label `alertname`.
    pub(crate) alertname: String,
    /// What makes it this alert and no other, within its source.
    pub(crate) key: String,
    pub(crate) state: State,
    pub(crate) severity: Severity,
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) resource: Option<String>,
    /// Names and ARNs that could tell whose it is, the surest first.
    pub(crate) names: Vec<String>,
    /// What the report itself says about whose it is.
    pub(crate) claims: Claims,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
    /// Where the console shows it.
    pub(crate) console: Option<Console>,
    /// The log group that tells more, where it is not the owner's service's.
    pub(crate) log_group: Option<String>,
    /// How long before it was reported the logs begin to matter, in seconds.
    pub(crate) looks_back_seconds: i64,
    pub(crate) happened_at: Option<Timestamp>,
    pub(crate) will_resolve: bool,
    /// Whether nothing in it tells one occurrence from the next, so that the delivery must.
    pub(crate) is_once: bool,
    /// Whether it came on a bus that all deployments of an account listen to.
    pub(crate) is_shared: bool,
}

/// How long before a report its logs begin to matter, where nothing better is known.
const LOOKS_BACK_SECONDS: i64 = 15 * 60;

/// How long after a report its logs still matter: it was late, or it goes on.
const LOOKS_AHEAD_SECONDS: i64 = 5 * 60;

impl Draft {
    /// A firing alert without an end.
    pub(crate) fn new(source: &'static str, alertname: impl Into<String>) -> Self {
        Self {
            source,
            alertname: alertname.into(),
            key: String::new(),
            state: State::Firing,
            severity: Severity::Warning,
            title: String::new(),
            summary: String::new(),
            resource: None,
            names: Vec::new(),
            claims: Claims::default(),
            labels: BTreeMap::new(),
            account: None,
            region: None,
            console: None,
            log_group: None,
            looks_back_seconds: LOOKS_BACK_SECONDS,
            happened_at: None,
            will_resolve: false,
            is_once: false,
            is_shared: false,
        }
    }

    /// Adds a label, unless its value is not known or says nothing.
    pub(crate) fn label(&mut self, name: &str, value: Option<impl Into<String>>) {
        let Some(value) = value.map(Into::into).filter(|value| !value.trim().is_empty()) else {
            return;
        };
        let mut name: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert(0, '_');
        }
        if OWN_LABELS.contains(&name.as_str()) {
            name = format!("reported_{name}");
        }
        name.truncate(LABEL_CHARS_MAX);
        if self.labels.len() < LABELS_MAX {
            self.labels.entry(name).or_insert(words::line(&value, LABEL_CHARS_MAX));
        }
    }

    /// Names the resource: it says whose the alert is, and its ARN where it happened.
    pub(crate) fn about(&mut self, resource: &str) {
        if let Some(arn) = Arn::of(resource) {
            self.at(arn.account, arn.region);
        }
        self.names.push(resource.to_owned());
        if self.resource.is_none() {
            self.resource = Some(resource.to_owned());
        }
    }

    /// Where it happened, unless that is known better.
    pub(crate) fn at(&mut self, account: &str, region: &str) {
        let known = |text: &str| (!text.trim().is_empty()).then(|| text.to_owned());
        self.account = self.account.take().or_else(|| known(account));
        self.region = self.region.take().or_else(|| known(region));
    }

    /// The message that it comes to: an alert, unless it is another deployment's affair.
    pub(crate) fn finish(mut self, report: &Report, context: &Context, now: Timestamp) -> Message {
        if let Some(topic) = report.topic.as_deref().and_then(Arn::of) {
            self.at(topic.account, topic.region);
        }
        let owner = Owner::of(&self.claims, &self.names, context);
        if self.is_shared
            && report.via == Via::Direct
            && let Some(whose) = owner.elsewhere(context)
        {
            return Message::Ignored(format!("{}: {whose}", self.title));
        }
        let reported_at = self.happened_at.or(report.delivery.sent_at).unwrap_or(now);
        let happened_at = time::believed(reported_at, now);
        let region = self.region.clone().filter(|region| links::is_region(region));
        let region = region.unwrap_or_else(|| context.region.clone());
        let window = (
            happened_at
                .saturating_sub(SignedDuration::from_secs(self.looks_back_seconds))
                .unwrap_or(happened_at),
            happened_at
                .saturating_add(SignedDuration::from_secs(LOOKS_AHEAD_SECONDS))
                .unwrap_or(happened_at),
        );
        self.label("account", self.account.clone());
        self.label("region", Some(region.as_str()));
        self.label("product", owner.product.as_ref().map(ToString::to_string));
        let title = words::line(&self.title, TITLE_CHARS_MAX);
        let title = if title.is_empty() { format!("A report of {}", self.source) } else { title };
        // An alarm of one tenant is the same alarm as another's.
        let name = owner::component(&self.alertname, context);
        let name = words::line(name.unwrap_or(&self.alertname), LABEL_CHARS_MAX);
        let name = if name.is_empty() { words::alert_name(self.source) } else { name };
        // A label of the source's own may have been there before; this one must be.
        self.labels.insert("alertname".to_owned(), name);
        if self.is_once {
            let occurrence = match &report.delivery.id {
                Some(id) => id.clone(),
                None => happened_at.to_string(),
            };
            self.key = format!("{}:{occurrence}", self.key);
        }
        let log_group = self.log_group.clone().or_else(|| owner.log_group(context));
        let mut alert = Alert {
            dedup_key: dedup_key(self.source, &self.key),
            state: self.state,
            severity: self.severity,
            title,
            summary: words::lines(&self.summary, SUMMARY_CHARS_MAX),
            tenant: owner.tenant,
            environment: owner.environment,
            service: owner.service.map(|service| words::line(&service, LABEL_CHARS_MAX)),
            source: self.source.to_owned(),
            resource: self.resource.map(|it| words::line(&it, RESOURCE_CHARS_MAX)),
            labels: self.labels,
            links: Vec::new(),
            happened_at,
            will_resolve: self.will_resolve,
        };
        let place = links::Place { region: &region, context };
        alert.links = links::of(&alert, &place, self.console.as_ref(), log_group, window);
        Message::Alert(Box::new(alert))
    }
}

/// The key of an alert. One that is too long keeps its beginning, for people, and its digest.
fn dedup_key(source: &str, key: &str) -> String {
    const DIGEST_BYTES: usize = 16;
    let whole = format!("{source}:{key}");
    let is_plain = whole.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if whole.len() <= KEY_CHARS_MAX && is_plain {
        return whole;
    }
    let digest = fingerprint(&whole, DIGEST_BYTES);
    let keep = KEY_CHARS_MAX.saturating_sub(digest.len() + 1);
    let start: String =
        whole.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(keep).collect();
    format!("{start}#{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_too_long_is_cut_and_two_stay_two() {
        let (a, b) = (format!("{}a", "x".repeat(300)), format!("{}b", "x".repeat(300)));
        let (a, b) = (dedup_key("text", &a), dedup_key("text", &b));
        assert_eq!((a.len(), b.len()), (255, 255));
        assert_ne!(a, b);
        assert_eq!(dedup_key("rds", "arn:x"), "rds:arn:x");
        assert_ne!(dedup_key("text", "ä"), dedup_key("text", "ö"));
    }

    #[test]
    fn a_label_of_a_source_cannot_pass_for_the_alerts_own() {
        let mut draft = Draft::new("cloudwatch-alarm", "x");
        draft.label("severity", Some("critical"));
        draft.label("1 odd-name", Some("v"));
        draft.label("empty", Some(" "));
        draft.label("none", None::<String>);
        let names: Vec<&str> = draft.labels.keys().map(String::as_str).collect();
        assert_eq!(names, ["_1_odd_name", "reported_severity"]);
    }
}

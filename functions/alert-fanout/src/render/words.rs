//! A notification in words, without markup and without limits.

use domain::catalogue::Severity;
use domain::{Environment, TenantId};
use jiff::{SignedDuration, Timestamp};

use super::{cut, links};
use crate::alert::{Alert, State};
use crate::notification::{Notification, Occasion};

/// Labels of an alert that are shown as facts beside those that every alert has: with them, a
/// message still fits on a phone's screen.
const LABELS_SHOWN_MAX: usize = 8;

/// UTF-16 units of an alert's title: two lines of a mail. Narrower headlines cut it themselves.
const TITLE_LENGTH_MAX: usize = 300;

/// UTF-16 units of a group's name in a headline: the counts after it must fit into the narrowest,
/// Slack's, which has 150.
const NAME_LENGTH_MAX: usize = 90;

/// Labels that a person looks for first, in this order; the others follow by name.
const LABELS_FIRST: [&str; 6] = ["alertname", "metric", "value", "threshold", "account", "region"];

/// Labels for routing only: a message says the same in other words, or for all of its deployment.
const LABELS_HIDDEN: [&str; 5] =
    ["alarm_state", "comparison", "detail_type", "product", "statistic"];

/// What a fact says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A moment, which some services show by the reader's own clock.
    Time(Timestamp),
}

impl Value {
    /// The value as text, times in UTC.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Time(time) => utc(*time),
        }
    }
}

/// Something known: `Tenant: demo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// What is known.
    pub value: Value,
}

impl Fact {
    fn text(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: Value::Text(value.into()) }
    }

    fn time(name: &str, value: Timestamp) -> Self {
        Self { name: name.to_owned(), value: Value::Time(value) }
    }
}

/// A notification in words.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    notification: &'a Notification,
}

impl<'a> Words<'a> {
    /// The words for this notification.
    pub fn of(notification: &'a Notification) -> Self {
        Self { notification }
    }

    /// The one alert that the group consists of, where it is one: then the message is about it, and
    /// else about the group.
    pub fn only(self) -> Option<&'a Alert> {
        let Notification { alerts, firing, resolved, is_digest, .. } = self.notification;
        match alerts.as_slice() {
            [alert] if firing.saturating_add(*resolved) <= 1 && !is_digest => Some(alert),
            _ => None,
        }
    }

    /// Its state in a word or two: `Critical`, `Resolved`, `Still firing`.
    pub fn status(self) -> &'static str {
        let Notification { state, occasion, severity, .. } = self.notification;
        match (state, occasion) {
            (State::Resolved, _) => "Resolved",
            (State::Firing, Occasion::Reminder) => "Still firing",
            (State::Firing, Occasion::Escalated) => "Unacknowledged",
            (State::Firing, _) => severity_word(*severity),
        }
    }

    /// A sign that is seen before it is read. It never stands alone: colours and signs say nothing
    /// to who cannot see them.
    pub fn sign(self) -> &'static str {
        sign(self.notification.state, self.notification.severity)
    }

    /// The colour of the same, for bars: `#RRGGBB`, each with a contrast of at least 3:1 to white.
    pub fn colour(self) -> &'static str {
        match (self.notification.state, self.notification.severity) {
            (State::Resolved, _) => "#2E8B57",
            (State::Firing, Severity::Critical) => "#C92A2A",
            (State::Firing, Severity::Warning) => "#D9730D",
            (State::Firing, Severity::Info) => "#1C6FBF",
        }
    }

    /// What it is about, on one line: the alert's title, or the group's name and counts.
    pub fn subject(self) -> String {
        if let Some(alert) = self.only() {
            return cut::one_line(&alert.title, TITLE_LENGTH_MAX);
        }
        let newest = self.notification.alerts.first().map(|alert| alert.title.as_str());
        let name = self.label("alertname").or(newest).unwrap_or("alerts");
        format!("{} ({})", cut::one_line(name, NAME_LENGTH_MAX), self.counts())
    }

    /// Status and subject: `Critical: all tasks of django stopped`.
    pub fn headline(self) -> String {
        format!("{}: {}", self.status(), self.subject())
    }

    /// Whose it is: `demo dev`, as far as it is known.
    pub fn whose(self) -> Option<String> {
        let only = self.only();
        let tenant = only.and_then(|alert| alert.tenant.as_ref()).map(TenantId::as_str);
        let environment =
            only.and_then(|alert| alert.environment.as_ref()).map(Environment::as_str);
        let parts = [tenant.or(self.label("tenant")), environment.or(self.label("environment"))];
        let known: Vec<&str> = parts.into_iter().flatten().collect();
        (!known.is_empty()).then(|| cut::one_line(&known.join(" "), NAME_LENGTH_MAX))
    }

    /// `3 firing, 2 resolved`.
    pub fn counts(self) -> String {
        match (self.notification.firing, self.notification.resolved) {
            (firing, 0) => format!("{firing} firing"),
            (0, resolved) => format!("{resolved} resolved"),
            (firing, resolved) => format!("{firing} firing, {resolved} resolved"),
        }
    }

    /// What a person must know before the details, a sentence each.
    pub fn notes(self) -> Vec<String> {
        let Notification { occasion, fallback_for, is_digest, receiver, .. } = self.notification;
        let mut notes = Vec::new();
        if let Some(what) = fallback_for {
            notes.push(format!("This comes here because another way failed: {what}"));
        }
        if *occasion == Occasion::Escalated {
            notes.push(format!("Nobody acknowledged it in time; {receiver} is asked to act."));
        }
        if *is_digest {
            notes.push(format!(
                "Too many alerts to tell one by one: {}. The newest are below.",
                self.counts()
            ));
        }
        notes
    }

    /// What is known about the whole: whose it is, since when, and then the details.
    pub fn facts(self) -> Vec<Fact> {
        let Some(alert) = self.only() else {
            let mut facts = self.group_facts();
            facts.extend(self.times());
            return facts;
        };
        let mut facts = known_facts(&[
            ("Severity", Some(severity_word(alert.severity))),
            ("Tenant", alert.tenant.as_ref().map(TenantId::as_str)),
            ("Environment", alert.environment.as_ref().map(Environment::as_str)),
            ("Service", alert.service.as_deref()),
        ]);
        facts.extend(self.times());
        facts.extend(known_facts(&[
            ("Resource", alert.resource.as_deref()),
            ("Source", Some(alert.source.as_str())),
        ]));
        let shown: Vec<String> = facts.iter().map(|fact| fact.value.to_text()).collect();
        let mut labels: Vec<(&str, &str)> = alert
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, value)| !value.is_empty() && !LABELS_HIDDEN.contains(name))
            .filter(|(_, value)| !shown.iter().any(|shown| shown == value))
            .collect();
        labels.sort_by_key(|(name, _)| {
            LABELS_FIRST.iter().position(|first| first == name).unwrap_or(LABELS_FIRST.len())
        });
        let labels = labels.into_iter().take(LABELS_SHOWN_MAX);
        facts.extend(labels.map(|(name, value)| Fact::text(&label_name(name), value)));
        facts
    }

    fn group_facts(self) -> Vec<Fact> {
        let mut facts = vec![Fact::text("Severity", severity_word(self.notification.severity))];
        facts.extend(
            self.notification
                .group_labels
                .iter()
                .filter(|(name, value)| {
                    name != "alertname" && name != "severity" && !value.is_empty()
                })
                .map(|(name, value)| Fact::text(&label_name(name), value)),
        );
        facts
    }

    fn times(self) -> Vec<Fact> {
        let Notification { state, opened_at, happened_at, .. } = self.notification;
        let will_resolve = self.only().is_none_or(|alert| alert.will_resolve);
        match state {
            State::Firing if !will_resolve => vec![Fact::time("Happened", *happened_at)],
            State::Firing => vec![Fact::time("Since", *opened_at)],
            State::Resolved if happened_at > opened_at => vec![
                Fact::time("Resolved", *happened_at),
                Fact::text("Lasted", length(happened_at.duration_since(*opened_at))),
            ],
            State::Resolved => vec![Fact::time("Resolved", *happened_at)],
        }
    }

    /// How many alerts there are beside the first `shown`: nothing where there are none.
    pub fn more(self, shown: usize) -> Option<String> {
        let all = self.notification.firing.saturating_add(self.notification.resolved);
        let shown = u64::try_from(shown).unwrap_or(u64::MAX);
        let more = all.saturating_sub(shown);
        (more > 0 && self.only().is_none())
            .then(|| format!("… and {more} more ({} in all)", self.counts()))
    }

    fn label(self, wanted: &str) -> Option<&'a str> {
        self.notification
            .group_labels
            .iter()
            .find(|(name, value)| name == wanted && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }
}

/// Of these facts, those that are known.
fn known_facts(facts: &[(&str, Option<&str>)]) -> Vec<Fact> {
    facts
        .iter()
        .filter_map(|(name, value)| Some(Fact::text(name, value.filter(|text| !text.is_empty())?)))
        .collect()
}

/// Whose and what an alert of a group is, in a few words: `firing · demo dev · django`.
pub fn alert_line(alert: &Alert) -> String {
    let whose = [
        Some(alert.state.as_str()),
        Some(alert.severity.as_str()),
        alert.tenant.as_ref().map(TenantId::as_str),
        alert.environment.as_ref().map(Environment::as_str),
        alert.service.as_deref(),
    ];
    let known: Vec<&str> = whose.into_iter().flatten().filter(|word| !word.is_empty()).collect();
    format!("{} · {}", known.join(" · "), utc(alert.happened_at))
}

/// A sign for a state and a severity, that is seen before it is read.
pub fn sign(state: State, severity: Severity) -> &'static str {
    match (state, severity) {
        (State::Resolved, _) => "✅",
        (State::Firing, Severity::Critical) => "🔴",
        (State::Firing, Severity::Warning) => "🟠",
        (State::Firing, Severity::Info) => "🔵",
    }
}

/// The severity as a headline begins with it.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::Warning => "Warning",
        Severity::Info => "Info",
    }
}

/// A moment for people: `2026-11-21 14:58:11 UTC`.
pub fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A label's name for people: `db_instance` is `Db instance`.
fn label_name(name: &str) -> String {
    if name == "alertname" {
        return "Alert".to_owned();
    }
    let words = name.replace('_', " ");
    let mut characters = words.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// A length of time in its two largest units: `2 h 5 min`.
fn length(duration: SignedDuration) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = duration.as_secs().max(0);
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            parts.push(format!("{count} {unit}"));
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "less than a second".to_owned() } else { parts.join(" ") }
}

/// Links of the only alert; a group has none of its own.
pub fn links_of(words: Words<'_>) -> Vec<links::Link> {
    words.only().map(links::of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{alert, notification};

    #[test]
    fn one_alert_speaks_for_itself_and_several_for_their_group() {
        let mut one = notification();
        assert_eq!(Words::of(&one).headline(), "Critical: CPU of mate-demo-dev-db over 90 %");
        assert_eq!(Words::of(&one).whose().as_deref(), Some("demo dev"));
        one.alerts.push(alert());
        one.firing = 2;
        one.resolved = 1;
        let words = Words::of(&one);
        assert_eq!(words.headline(), "Critical: database-cpu (2 firing, 1 resolved)");
        assert_eq!(words.more(2).as_deref(), Some("… and 1 more (2 firing, 1 resolved in all)"));
        assert_eq!(words.more(3), None);
    }

    #[test]
    fn the_status_says_why_it_is_told() {
        let mut told = notification();
        for (occasion, state, expected) in [
            (Occasion::Opened, State::Firing, "Critical"),
            (Occasion::Updated, State::Firing, "Critical"),
            (Occasion::Reminder, State::Firing, "Still firing"),
            (Occasion::Escalated, State::Firing, "Unacknowledged"),
            (Occasion::Resolved, State::Resolved, "Resolved"),
        ] {
            told.occasion = occasion;
            told.state = state;
            assert_eq!(Words::of(&told).status(), expected);
        }
    }

    #[test]
    fn a_length_of_time_has_two_units_at_most() {
        for (seconds, expected) in [
            (-5, "less than a second"),
            (0, "less than a second"),
            (59, "59 s"),
            (3_600, "1 h"),
            (7_505, "2 h 5 min"),
            (200_000, "2 d 7 h"),
        ] {
            assert_eq!(length(SignedDuration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn a_fact_is_not_told_twice() {
        let mut told = notification();
        told.alerts[0].labels.insert("again".to_owned(), "demo".to_owned());
        let facts = Words::of(&told).facts();
        let demo = facts.iter().filter(|fact| fact.value == Value::Text("demo".to_owned()));
        assert_eq!(demo.count(), 1);
    }

    #[test]
    fn what_has_no_end_happened_and_what_has_one_is_so_since() {
        let mut told = notification();
        let has = |told: &Notification, name: &str| {
            Words::of(told).facts().iter().any(|fact| fact.name == name)
        };
        assert!(has(&told, "Since") && !has(&told, "Happened"));
        told.alerts[0].will_resolve = false;
        assert!(has(&told, "Happened") && !has(&told, "Since"));
    }
}

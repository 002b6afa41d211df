//! `[alerting]`: who hears of what, and when, in the words of Alertmanager's configuration.
//!
//! It is not layered: one file serves all environments, and a route tells them apart by matching
//! `environment`. Credentials are named here and never given: see [`SecretRef`].

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Matcher, Severity};
use crate::TenantId;

/// `alerting`: the way from an alert to those who must hear of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerting {
    /// `route`: the root of the tree. It has no matchers, so everything ends somewhere.
    pub route: Route,
    /// `receivers.<name>`: who can be told.
    pub receivers: BTreeMap<String, Receiver>,
    /// `inhibit_rules`: which alerts make others needless.
    pub inhibit_rules: Vec<InhibitRule>,
    /// `time_intervals.<name>`: times that routes refer to.
    pub time_intervals: BTreeMap<String, TimeInterval>,
    /// `silences`: what nobody wants to hear for a while.
    pub silences: Vec<Silence>,
    /// `severity`: rules over the built-in severities; the first that matches wins.
    pub severity: Vec<SeverityRule>,
    /// `flapping`: when an alert that comes and goes is damped.
    pub flapping: Flapping,
    /// `links`: where a person goes on looking.
    pub links: Links,
    /// `mentions`: whom messages about a tenant or a service mention.
    pub mentions: Mentions,
}

/// `route` and each of `routes`: a node of the tree. What a node does not say it has from its
/// parent, except matchers, `continue` and time intervals (as in Alertmanager).
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Its place in the tree: matchers from the root down, as in
    /// `{}/{severity="critical"}`; two of the same are numbered. Group keys are made of it.
    pub id: String,
    /// `receiver`: the name of who is told.
    pub receiver: String,
    /// `matchers`: all of them must match.
    pub matchers: Vec<Matcher>,
    /// `continue`: whether the siblings after it are tried as well; false by default.
    pub goes_on: bool,
    /// `group_by`: the labels by whose values alerts are grouped.
    pub group_by: GroupBy,
    /// `group_wait`: how long after a group's first alert those that follow are told, together;
    /// 30 s by default. Unlike Alertmanager's, it never holds the first one back.
    pub group_wait: Duration,
    /// `group_interval`: the least time between two updates of a group; 5 minutes by default.
    pub group_interval: Duration,
    /// `repeat_interval`: after how long a group that still fires is told again; 4 hours by
    /// default.
    pub repeat_interval: Duration,
    /// `mute_time_intervals`: when nobody is told.
    pub mute_time_intervals: Vec<String>,
    /// `active_time_intervals`: when anybody is told; always, where there are none.
    pub active_time_intervals: Vec<String>,
    /// `routes`: the children; the first that matches wins.
    pub routes: Vec<Route>,
}

/// `group_by` of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// These labels; all alerts are one group where there are none.
    Labels(Vec<String>),
    /// `["..."]`: all labels, so that no two alerts are grouped.
    All,
}

/// `receivers.<name>`: who is told, and what if that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// `sinks`: all of them are told.
    pub sinks: Vec<Sink>,
    /// `fallback`: what is told instead of a sink that failed for good.
    pub fallback: Option<Sink>,
    /// `escalation`: who is told when nobody acknowledged a critical alert, the soonest first.
    /// Only for receivers none of whose sinks escalates by itself.
    pub escalation: Vec<Escalation>,
}

/// A step of `escalation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// `after`: how long the group has been firing, unacknowledged.
    pub after: Duration,
    /// `receiver`: who is told then.
    pub receiver: String,
}

/// Where a notification goes. Its `Display` says which sink it is in words that hold no secret,
/// `slack C024BE91L by slack#bot_token`; two sinks that differ have different words, so they name
/// the sink in a group's ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sink {
    /// `pagerduty`: Events API v2; escalates by itself.
    PagerDuty(PagerDuty),
    /// `slack`: by bot token, so that a message can be updated and answered in its thread.
    Slack(Slack),
    /// `slack_webhook`: by incoming webhook; every notification is a message of its own.
    SlackWebhook(SlackWebhook),
    /// `email`: through SES.
    Email(Email),
    /// `sns`: plain text through a topic of SNS, which mails it to who subscribed.
    Sns(Sns),
    /// `teams`: Microsoft Teams, by a Workflows webhook.
    Teams(Teams),
    /// `webhook`: any HTTPS address, signed as Standard Webhooks has it.
    Webhook(Webhook),
}

/// `pagerduty`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PagerDuty {
    /// `routing_key`: the integration's key.
    pub routing_key: SecretRef,
}

/// `slack`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slack {
    /// `channel`: the channel's id, such as `C024BE91L`.
    pub channel: String,
    /// `token`: the bot token (`xoxb-…`).
    pub token: SecretRef,
    /// `mentions`: ids of users (`U…`, `W…`) and user groups (`S…`).
    pub mentions: Vec<String>,
}

/// `slack_webhook`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlackWebhook {
    /// `url`: the webhook's address, which is its credential.
    pub url: SecretRef,
    /// `mentions`: as for `slack`.
    pub mentions: Vec<String>,
}

/// `email`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email {
    /// `from`: an address that SES has verified.
    pub from: String,
    /// `to`: the addresses that get it.
    pub to: Vec<String>,
}

/// `sns`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sns {
    /// `topic_arn`; the suite's own mail topic where it is left out.
    pub topic_arn: Option<String>,
}

/// `teams`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Teams {
    /// `url`: the webhook's address, which is its credential.
    pub url: SecretRef,
    /// `mentions`: user principal names (`ada@example.com`) or Entra object ids.
    pub mentions: Vec<String>,
}

/// `webhook`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Webhook {
    /// `url`: where it is posted.
    pub url: SecretRef,
    /// `signing_secret`: the key of the signature (`whsec_…`).
    pub signing_secret: SecretRef,
}

impl Sink {
    /// Its key in a catalogue: `slack`, `pagerduty`, …
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PagerDuty(_) => "pagerduty",
            Self::Slack(_) => "slack",
            Self::SlackWebhook(_) => "slack_webhook",
            Self::Email(_) => "email",
            Self::Sns(_) => "sns",
            Self::Teams(_) => "teams",
            Self::Webhook(_) => "webhook",
        }
    }

    /// Whether it calls the next person by itself when nobody acknowledges.
    pub fn escalates(&self) -> bool {
        matches!(self, Self::PagerDuty(_))
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::PagerDuty(PagerDuty { routing_key: credential })
            | Self::SlackWebhook(SlackWebhook { url: credential, .. })
            | Self::Teams(Teams { url: credential, .. })
            | Self::Webhook(Webhook { url: credential, .. }) => write!(f, "{kind} {credential}"),
            Self::Slack(Slack { channel, token, .. }) => write!(f, "{kind} {channel} by {token}"),
            Self::Email(Email { to, .. }) => write!(f, "{kind} {}", to.join(", ")),
            Self::Sns(Sns { topic_arn }) => {
                f.write_str(kind)?;
                topic_arn.as_ref().map_or(Ok(()), |topic| write!(f, " {topic}"))
            }
        }
    }
}

/// Where a credential lies in Secrets Manager, written `slack` or `slack#bot_token`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretRef {
    /// An ARN as it is, or a name under the suite's own `{prefix}/alerting/`.
    pub secret: String,
    /// The field, where the secret's value is JSON.
    pub field: Option<String>,
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.secret)?;
        self.field.as_ref().map_or(Ok(()), |field| write!(f, "#{field}"))
    }
}

/// `inhibit_rules`: while a source fires, its targets are not told.
#[derive(Debug, Clone, PartialEq)]
pub struct InhibitRule {
    /// `source_matchers`: what makes the others needless.
    pub source_matchers: Vec<Matcher>,
    /// `target_matchers`: what becomes needless.
    pub target_matchers: Vec<Matcher>,
    /// `equal`: the labels in which the two must agree.
    pub equal: Vec<String>,
}

/// `time_intervals.<name>`: the times at which all of its lists agree; an empty list always does.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeInterval {
    /// `time_zone`: whose clock is meant, such as `Europe/Berlin`; UTC by default.
    pub time_zone: TimeZone,
    /// `times`: `{start_time = "22:00", end_time = "24:00"}`, in minutes of the day, the end not
    /// included.
    pub times: Vec<std::ops::Range<u16>>,
    /// `weekdays`: `"monday:friday"` or `"sunday"`; Sunday is 0.
    pub weekdays: Vec<RangeInclusive<i8>>,
    /// `days_of_month`: `"1:5"`, or from the end of the month, `"-3:-1"`.
    pub days_of_month: Vec<RangeInclusive<i8>>,
    /// `months`: `"june:august"` or `"12"`.
    pub months: Vec<RangeInclusive<i8>>,
    /// `years`: `"2026:2027"` or `"2026"`.
    pub years: Vec<RangeInclusive<i16>>,
}

/// `silences`: what nobody wants to hear for a while, who says so and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Silence {
    /// `matchers`: all of them must match.
    pub matchers: Vec<Matcher>,
    /// `tenant`: only alerts of this one.
    pub tenant: Option<TenantId>,
    /// `starts_at`: at once where it is left out.
    pub starts_at: Option<Timestamp>,
    /// `ends_at`: a silence without an end is a hole, so there must be one.
    pub ends_at: Timestamp,
    /// `author`: who wants it.
    pub author: String,
    /// `comment`: why.
    pub comment: String,
}

/// `severity`: a rule over the built-in severities.
#[derive(Debug, Clone, PartialEq)]
pub struct SeverityRule {
    /// `matchers`: all of them must match.
    pub matchers: Vec<Matcher>,
    /// `severity`: what the alert becomes.
    pub severity: Severity,
}

/// `flapping`: an alert that changes its state so often is told as flapping, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flapping {
    /// `changes`: how many; 4 by default.
    pub changes: u32,
    /// `within`: in how long; 10 minutes by default. It is over when there is no change for as
    /// long.
    pub within: Duration,
}

impl Default for Flapping {
    fn default() -> Self {
        Self { changes: 4, within: Duration::from_mins(10) }
    }
}

/// `links`: addresses with `{label}` in them, filled from the alert's labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// `runbooks`: what to do, such as `https://wiki.example.com/{alertname}`.
    pub runbooks: Option<String>,
    /// `dashboard`: in place of the tenant's CloudWatch dashboard.
    pub dashboard: Option<String>,
}

/// `mentions`: ids of the sink (`U024BE7LH`) by whose the alert is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentions {
    /// `tenants.<tenant>`
    pub tenants: BTreeMap<String, Vec<String>>,
    /// `services.<service>`
    pub services: BTreeMap<String, Vec<String>>,
}

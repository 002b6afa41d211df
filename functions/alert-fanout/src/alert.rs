//! The one shape into which every report is brought.
//!
//! Routing, grouping and the sinks know only this, so a new source of alerts is one file, and so is
//! a new sink. In Alertmanager's terms an alert is a set of labels, which say what it is and by
//! which it is routed, and of annotations, which are for people.

use std::collections::BTreeMap;

use domain::catalogue::Severity;
use domain::{Environment, TenantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether what is reported is so, or is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is so.
    Firing,
    /// It is over.
    Resolved,
}

impl State {
    /// Alertmanager's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// What a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// The resource in AWS's console.
    Console,
    /// A query of the logs, for the time in question.
    Logs,
    /// The dashboard that shows it.
    Dashboard,
    /// What to do about it.
    Runbook,
}

/// Where a person goes on looking.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// What it leads to.
    pub kind: LinkKind,
    /// The address, `https` always.
    pub url: String,
}

/// One report, from whatever source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is an alert *of*: the same for a problem each time that it is reported, and for its
    /// end. Made of source, account, region and the name of the thing; at most 255 characters.
    pub dedup_key: String,
    /// Whether it is so or over.
    pub state: State,
    /// How urgently a person must look.
    pub severity: Severity,
    /// One line: what happened to what.
    pub title: String,
    /// What is known about it, in words; may have several lines.
    pub summary: String,
    /// Whose it is, where that can be told.
    pub tenant: Option<TenantId>,
    /// Its environment, where that can be told.
    pub environment: Option<Environment>,
    /// The ECS service or the part of the tenant (`database`, `cache`), where that can be told.
    pub service: Option<String>,
    /// Who reports it: `cloudwatch-alarm`, `ecs-task`, `rds`, …, `text` for what nobody knows.
    pub source: String,
    /// The resource: an ARN, or a name where there is none.
    pub resource: Option<String>,
    /// What else it can be routed by; names as Alertmanager has them: `[a-zA-Z_][a-zA-Z0-9_]*`.
    pub labels: BTreeMap<String, String>,
    /// Where a person goes on looking.
    pub links: Vec<Link>,
    /// When it happened, by the source's clock: what order is judged by.
    pub happened_at: Timestamp,
    /// Whether its end will be reported. What has none (a task that stopped, a plain text) is told
    /// once and never reminded of.
    pub will_resolve: bool,
}

impl Alert {
    /// Everything that a matcher can match: the alert's own labels, and under their names
    /// `severity`, `state`, `tenant`, `environment`, `service`, `source` and `resource`. What is not
    /// known is not there; a matcher sees it as empty, as in Alertmanager.
    pub fn all_labels(&self) -> BTreeMap<&str, &str> {
        let mut all: BTreeMap<&str, &str> =
            self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.insert("severity", self.severity.as_str());
        all.insert("state", self.state.as_str());
        all.insert("source", &self.source);
        let known = [
            ("tenant", self.tenant.as_ref().map(TenantId::as_str)),
            ("environment", self.environment.as_ref().map(Environment::as_str)),
            ("service", self.service.as_deref()),
            ("resource", self.resource.as_deref()),
        ];
        all.extend(known.into_iter().filter_map(|(name, value)| Some((name, value?))));
        all
    }
}

//! What nobody wants to hear for a while. Some silences are in the catalogue; others are made by a
//! message on the queue and are documents in the table. Both have an author, a reason and an end.

use std::collections::BTreeMap;

use domain::TenantId;
use domain::catalogue::{Matcher, alerting};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::route::fingerprint;

/// The kind of the documents.
pub const KIND: &str = "alert-silence";

/// A silence, from either place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// All of them must match.
    pub matchers: Vec<Matcher>,
    /// Only alerts of this tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// From when on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// Until when.
    pub ends_at: Timestamp,
    /// Who wants it.
    pub author: String,
    /// Why.
    pub comment: String,
}

impl Silence {
    /// The name by which a held alert remembers it, and its document's id. It is made of what is
    /// silenced and by whom, so that a silence is prolonged or ended by making it again.
    pub fn id(&self) -> String {
        let matchers: Vec<String> = self.matchers.iter().map(ToString::to_string).collect();
        let tenant = self.tenant.as_ref().map(TenantId::as_str).unwrap_or_default();
        fingerprint(&format!("{} {tenant} {}", matchers.join(","), self.author))
    }

    /// Whether it holds at this time.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.starts_at.is_none_or(|start| start <= now) && now < self.ends_at
    }

    /// Whether it is about an alert with these labels.
    pub fn is_about(&self, labels: &BTreeMap<&str, &str>) -> bool {
        let of_tenant = self
            .tenant
            .as_ref()
            .is_none_or(|tenant| labels.get("tenant").copied() == Some(tenant.as_str()));
        // Without tenant and matchers it would be about everything, so it is about nothing.
        let says_something = self.tenant.is_some() || !self.matchers.is_empty();
        says_something && of_tenant && self.matchers.iter().all(|one| one.matches(labels))
    }
}

impl From<&alerting::Silence> for Silence {
    fn from(silence: &alerting::Silence) -> Self {
        let alerting::Silence { matchers, tenant, starts_at, ends_at, author, comment } =
            silence.clone();
        Self { matchers, tenant, starts_at, ends_at, author, comment }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(json: &str) -> Silence {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_silence_is_about_its_tenants_matching_alerts_until_its_end() {
        let quiet = silence(
            r#"{"matchers":["alertname=~\"errors.*\""],"tenant":"demo","author":"ada",
                "starts_at":"2026-07-01T08:00:00Z","ends_at":"2026-07-01T09:00:00Z","comment":"load test"}"#,
        );
        let about = |tenant, name| {
            quiet.is_about(&BTreeMap::from([("tenant", tenant), ("alertname", name)]))
        };
        assert!(about("demo", "errors-many"));
        assert!(!about("acme", "errors-many") && !about("demo", "latency"));
        for (now, active) in
            [("07:59:59", false), ("08:00:00", true), ("08:59:59", true), ("09:00:00", false)]
        {
            let now = format!("2026-07-01T{now}Z").parse().unwrap();
            assert_eq!(quiet.is_active(now), active, "{now}");
        }
        assert_eq!(silence(&serde_json::to_string(&quiet).unwrap()), quiet);
    }

    #[test]
    fn a_silence_that_says_nothing_silences_nothing() {
        let empty = silence(
            r#"{"matchers":[],"author":"ada","ends_at":"2026-07-01T09:00:00Z","comment":"?"}"#,
        );
        assert!(!empty.is_about(&BTreeMap::from([("tenant", "demo")])));
    }
}

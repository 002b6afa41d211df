//! What makes other alerts needless: while a tenant's database is down, nobody needs to hear that its
//! application is slow.
//!
//! The alerts that fire and match a rule's source are documents of their own, since a rule reaches
//! over the borders of groups. Alertmanager's rule holds that an alert which matches both sides is
//! not inhibited by another that does, so that no two hold each other back.

use std::collections::BTreeMap;

use domain::catalogue::Matcher;
use domain::catalogue::alerting::InhibitRule;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The kind of the documents.
pub const KIND: &str = "alert-inhibitor";

/// An alert that fires and matches the source of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inhibitor {
    /// The alert's fingerprint; the document's id.
    pub id: String,
    /// What a rule can match and compare.
    pub labels: BTreeMap<String, String>,
    /// Since when it fires.
    pub since: Timestamp,
}

/// Whether an alert with these labels is the source of any rule.
pub fn is_source(rules: &[InhibitRule], labels: &BTreeMap<&str, &str>) -> bool {
    rules.iter().any(|rule| all_match(&rule.source_matchers, labels))
}

/// The first of `inhibitors` that makes an alert with these labels needless.
pub fn inhibitor<'i>(
    rules: &[InhibitRule],
    inhibitors: &'i [Inhibitor],
    id: &str,
    labels: &BTreeMap<&str, &str>,
) -> Option<&'i Inhibitor> {
    let mut targeted = rules.iter().filter(|rule| all_match(&rule.target_matchers, labels));
    targeted.find_map(|rule| {
        let is_source_as_well = all_match(&rule.source_matchers, labels);
        inhibitors.iter().filter(|source| source.id != id).find(|source| {
            let theirs: BTreeMap<&str, &str> =
                source.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let agree = |label: &String| {
                theirs.get(label.as_str()).copied().unwrap_or_default()
                    == labels.get(label.as_str()).copied().unwrap_or_default()
            };
            let both_are_both = is_source_as_well && all_match(&rule.target_matchers, &theirs);
            !both_are_both
                && all_match(&rule.source_matchers, &theirs)
                && rule.equal.iter().all(agree)
        })
    })
}

fn all_match(matchers: &[Matcher], labels: &BTreeMap<&str, &str>) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> InhibitRule {
        let matchers = |text: &str| text.split(' ').map(|one| one.parse().unwrap()).collect();
        InhibitRule {
            source_matchers: matchers("service=database"),
            target_matchers: matchers("severity=~warning|critical"),
            equal: vec!["tenant".to_owned()],
        }
    }

    fn source(id: &str, labels: &[(&str, &str)]) -> Inhibitor {
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Inhibitor { id: id.to_owned(), labels, since: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_source_holds_back_the_targets_that_agree_with_it() {
        let down =
            source("1", &[("service", "database"), ("severity", "info"), ("tenant", "demo")]);
        let held = |id: &str, labels: &[(&str, &str)]| {
            let labels = labels.iter().copied().collect();
            inhibitor(&[rule()], std::slice::from_ref(&down), id, &labels).is_some()
        };
        assert!(held("2", &[("service", "web"), ("severity", "warning"), ("tenant", "demo")]));
        assert!(!held("2", &[("service", "web"), ("severity", "warning"), ("tenant", "acme")]));
        assert!(!held("2", &[("service", "web"), ("severity", "info"), ("tenant", "demo")]));
        assert!(!held("1", &[("service", "web"), ("severity", "warning"), ("tenant", "demo")]));
        assert!(is_source(&[rule()], &BTreeMap::from([("service", "database")])));
    }

    #[test]
    fn two_alerts_that_are_both_source_and_target_do_not_hold_each_other_back() {
        let labels = [("service", "database"), ("severity", "critical"), ("tenant", "demo")];
        let both = source("1", &labels);
        let other = labels.into_iter().collect();
        assert_eq!(inhibitor(&[rule()], &[both], "2", &other), None);
    }
}

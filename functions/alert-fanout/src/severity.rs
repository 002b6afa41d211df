//! How urgently a person must look: the catalogue's rules over what the source's reader thought.
//!
//! A rule sees the alert's labels with the severity it came with, and the first that matches wins;
//! so `severity="info"` in a rule's matchers is how an information is made urgent.

use domain::catalogue::alerting::SeverityRule;

use crate::alert::Alert;

/// Sets the alert's severity by the rules.
pub fn grade(alert: &mut Alert, rules: &[SeverityRule]) {
    let labels = alert.all_labels();
    let applies = |rule: &&SeverityRule| rule.matchers.iter().all(|one| one.matches(&labels));
    if let Some(severity) = rules.iter().find(applies).map(|rule| rule.severity) {
        alert.severity = severity;
    }
}

#[cfg(test)]
mod tests {
    use domain::catalogue::Severity::{Critical, Info, Warning};

    use super::*;
    use crate::testing;

    #[test]
    fn the_first_rule_that_matches_wins() {
        let rule = |text: &str, severity| SeverityRule {
            matchers: text.split(' ').map(|one| one.parse().unwrap()).collect(),
            severity,
        };
        let rules = [
            rule("tenant=acme", Info),
            rule("severity=critical service=database", Warning),
            rule("service=database", Info),
        ];
        let mut alert = testing::alert();
        grade(&mut alert, &rules);
        assert_eq!(alert.severity, Warning);
        grade(&mut alert, &rules);
        assert_eq!(alert.severity, Info, "the second rule looks at the severity");
        grade(&mut alert, &[rule("tenant=nobody", Critical)]);
        assert_eq!(alert.severity, Info);
    }
}

//! Down the tree: which routes take an alert, and into which group of each it falls.
//!
//! As in Alertmanager: an alert goes to the deepest routes that match it, the first among siblings,
//! and with `continue` those after it as well. A group is a route with the values of its `group_by`.

use std::collections::BTreeMap;

use domain::catalogue::alerting::{GroupBy, Route};

use crate::alert::Alert;

/// A route that takes an alert, and the alert's group in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Place<'r> {
    /// The route.
    pub route: &'r Route,
    /// The labels by which the group was made, and their values; by name.
    pub labels: Vec<(String, String)>,
    /// The group's identity.
    pub key: String,
}

/// The name of an alert in a group, or of a group in the table: enough of a digest that two never
/// share one.
pub fn fingerprint(text: &str) -> String {
    const BYTES: usize = 12;
    domain::naming::fingerprint(text, BYTES)
}

/// All groups that this alert falls into; at least one, for the root takes everything.
pub fn places<'r>(root: &'r Route, alert: &Alert) -> Vec<Place<'r>> {
    let labels = alert.all_labels();
    let mut taking = Vec::new();
    descend(root, &labels, &mut taking);
    taking.into_iter().map(|route| place(route, &labels, alert)).collect()
}

/// The route with this id.
pub fn find<'r>(root: &'r Route, id: &str) -> Option<&'r Route> {
    if root.id == id {
        return Some(root);
    }
    root.routes.iter().find_map(|route| find(route, id))
}

/// Whether `route`, which matched, or any below it takes the alert.
fn descend<'r>(route: &'r Route, labels: &BTreeMap<&str, &str>, taking: &mut Vec<&'r Route>) {
    let before = taking.len();
    for child in &route.routes {
        if child.matchers.iter().all(|matcher| matcher.matches(labels)) {
            descend(child, labels, taking);
            if !child.goes_on {
                break;
            }
        }
    }
    if taking.len() == before {
        taking.push(route);
    }
}

fn place<'r>(route: &'r Route, labels: &BTreeMap<&str, &str>, alert: &Alert) -> Place<'r> {
    let value = |name: &str| labels.get(name).copied().unwrap_or_default().to_owned();
    let grouped: Vec<(String, String)> = match &route.group_by {
        GroupBy::Labels(names) => names.iter().map(|name| (name.clone(), value(name))).collect(),
        // Some labels of an alert change with its state (the value that was measured), but its
        // identity does not.
        GroupBy::All => vec![
            ("alertname".to_owned(), value("alertname")),
            ("fingerprint".to_owned(), fingerprint(&alert.dedup_key)),
        ],
    };
    let words: Vec<String> =
        grouped.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    let key = format!("{}:{{{}}}", route.id, words.join(", "));
    // What is absent is part of the key, and nothing to tell.
    let told = grouped.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    Place { route, labels: told, key }
}

#[cfg(test)]
mod tests {
    use domain::Catalogue;
    use domain::catalogue::Severity;
    use domain::catalogue::alerting::Alerting;

    use super::*;
    use crate::testing;

    /// A product's catalogue with another tree.
    fn alerting(routes: &str) -> Alerting {
        let text = include_str!("../../../infra/catalogues/mate.toml");
        let (before, _) = text.split_once("[alerting.route]").unwrap();
        let text = format!(
            "{before}[alerting.route]\nreceiver = \"a\"\ngroup_by = [\"tenant\", \"alertname\"]\n\
             {routes}\n[alerting.receivers.a]\nsinks = [{{ sns = {{}} }}]\n"
        );
        Catalogue::parse("test.toml", &text).unwrap_or_else(|e| panic!("{e}")).alerting.unwrap()
    }

    fn ids(alerting: &Alerting, change: impl FnOnce(&mut Alert)) -> Vec<String> {
        let mut alert = testing::alert();
        change(&mut alert);
        places(&alerting.route, &alert).iter().map(|place| place.route.id.clone()).collect()
    }

    const TREE: &str = r#"
        [[alerting.route.routes]]
        matchers = ['service="database"']
        continue = true
        [[alerting.route.routes.routes]]
        matchers = ['severity="critical"']
        [[alerting.route.routes]]
        matchers = ['tenant=~"demo|acme"']
        [[alerting.route.routes]]
        matchers = ['tenant="other"']
    "#;

    #[test]
    fn the_deepest_first_sibling_takes_an_alert_and_continue_lets_the_next_one_see_it() {
        let tree = alerting(TREE);
        assert_eq!(
            ids(&tree, |_| {}),
            [r#"{}/{service="database"}/{severity="critical"}"#, r#"{}/{tenant=~"demo|acme"}"#]
        );
        assert_eq!(
            ids(&tree, |alert| alert.severity = Severity::Info),
            [r#"{}/{service="database"}"#, r#"{}/{tenant=~"demo|acme"}"#]
        );
        assert_eq!(ids(&tree, |alert| alert.service = None), [r#"{}/{tenant=~"demo|acme"}"#]);
    }

    #[test]
    fn what_no_route_matches_is_the_roots() {
        let tree = alerting(TREE);
        let stranger = |alert: &mut Alert| {
            alert.service = None;
            alert.tenant = None;
        };
        assert_eq!(ids(&tree, stranger), ["{}"]);
    }

    #[test]
    fn a_group_is_a_route_and_the_values_of_its_labels() {
        let tree = alerting("");
        let alert = testing::alert();
        let [place] = places(&tree.route, &alert).try_into().unwrap();
        assert_eq!(place.key, r#"{}:{alertname="database-cpu", tenant="demo"}"#);
        let nobodys = Alert { tenant: None, ..alert };
        let [place] = places(&tree.route, &nobodys).try_into().unwrap();
        assert_eq!(place.key, r#"{}:{alertname="database-cpu", tenant=""}"#);
        assert_eq!(place.labels, [("alertname".to_owned(), "database-cpu".to_owned())]);
    }

    #[test]
    fn by_all_labels_an_alert_and_its_end_are_one_group_and_no_two_alerts_are() {
        let tree = alerting("[[alerting.route.routes]]\ngroup_by = [\"...\"]\n");
        let key = |alert: &Alert| places(&tree.route, alert)[0].key.clone();
        let firing = testing::alert();
        let mut over = Alert { state: crate::alert::State::Resolved, ..firing.clone() };
        over.labels.insert("value".to_owned(), "12".to_owned());
        let other = Alert { dedup_key: "another".to_owned(), ..firing.clone() };
        assert_eq!(key(&firing), key(&over));
        assert_ne!(key(&firing), key(&other));
    }

    #[test]
    fn a_route_is_found_by_its_id() {
        let tree = alerting(TREE);
        let id = r#"{}/{service="database"}/{severity="critical"}"#;
        assert_eq!(find(&tree.route, id).unwrap().id, id);
        assert_eq!(find(&tree.route, "{}/{gone=\"yes\"}"), None);
    }
}

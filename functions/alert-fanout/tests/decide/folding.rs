//! Order and repetition: an alert is judged by when it happened, not by when it came.

use super::fixtures::{Scenario, Told, alert, at, minutes};
use alert_fanout::alert::State;
use alert_fanout::decide::Tally;

#[test]
fn a_late_alarm_after_its_ok_changes_nothing() {
    let mut scenario = Scenario::new("", "");
    scenario.pass(&[alert("cpu")]);
    scenario.until(60).pass(&[alert("cpu").over().at(60)]);
    let heard = scenario.heard.clone();
    scenario.until(70).pass(&[alert("cpu").at(30)]);
    scenario.until(80).pass(&[alert("cpu")]);
    assert_eq!(scenario.heard, heard);
}

#[test]
fn an_alarm_that_comes_after_its_ok_alone_is_not_told() {
    let mut scenario = Scenario::new("", "");
    scenario.pass(&[alert("cpu").over().at(60)]);
    scenario.until(minutes(10)).pass(&[alert("cpu").at(30)]);
    assert!(scenario.heard.is_empty(), "{:?}", scenario.heard);
}

#[test]
fn at_the_same_instant_the_end_is_the_later() {
    for reversed in [false, true] {
        let mut both = [alert("cpu").at(5), alert("cpu").over().at(5)];
        if reversed {
            both.reverse();
        }
        let mut scenario = Scenario::new("", "");
        for one in &both {
            scenario.pass(std::slice::from_ref(one));
        }
        let group = scenario.group.unwrap();
        assert_eq!(group.entries.values().next().unwrap().state, State::Resolved, "{reversed}");
    }
}

#[test]
fn the_same_report_again_changes_nothing() {
    let mut scenario = Scenario::new("", "");
    let alerts = [alert("a").critical(), alert("b"), alert("task").once()];
    scenario.pass(&alerts);
    let before = (scenario.group.clone(), scenario.heard.clone());
    scenario.pass(&alerts).pass(&alerts[..1]);
    assert_eq!((scenario.group.clone(), scenario.heard.clone()), before);
}

#[test]
fn what_became_of_each_alert_is_counted() {
    let mut scenario = Scenario::new("", "");
    scenario.silences.push(super::fixtures::silence("quiet", 0, 100));
    let first = [alert("a"), alert("b"), alert("quiet"), alert("a")];
    let tally = scenario.decide(&first, "a").tally;
    assert_eq!(tally, Tally { alerts: 4, stale: 1, silenced: 1, told: 2, ..Tally::default() });
    scenario.pass(&first);
    let tally = scenario.decide(&[alert("c").at(1), alert("a").at(1)], "a").tally;
    assert_eq!(tally, Tally { alerts: 2, folded: 1, stale: 1, ..Tally::default() });
}

#[test]
fn a_group_is_remembered_for_a_day_after_it_is_over() {
    let mut scenario = Scenario::new("", "");
    scenario.pass(&[alert("cpu")]);
    scenario.until(60).pass(&[alert("cpu").over().at(60)]);
    assert_eq!(scenario.due_at, None);
    let decision = scenario.decide(&[], "a");
    assert_eq!(decision.expires_at, at(60 + minutes(24 * 60)));
}

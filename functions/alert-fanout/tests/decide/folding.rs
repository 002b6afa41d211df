//! Order and repetition: an alert is judged by when it happened, not by when it came.

use alert_fanout::alert::State;
use alert_fanout::decide::Tally;
use alert_fanout::group::ENTRIES_MAX;
use domain::catalogue::Severity;

use super::fixtures::{Scenario, Told, alert, at, minutes};

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

#[test]
fn an_alert_of_a_full_group_is_counted_and_the_group_is_left_as_it_is() {
    let mut scenario = Scenario::new("", "");
    let storm: Vec<_> = (0..ENTRIES_MAX).map(|number| alert(&number.to_string())).collect();
    scenario.pass(&storm);
    let decision = scenario.decide(&[alert("a"), alert("b").critical()], "a");
    assert_eq!(decision.counted, [(Severity::Warning, 1), (Severity::Critical, 1)].into());
    let first = scenario.group.clone().unwrap();
    assert!(!decision.changes_nothing(&first, scenario.now()), "nobody comes to look");

    scenario.pass(&[alert("a")]);
    let full = scenario.group.clone().unwrap();
    let more = scenario.decide(&[alert("b")], "a");
    assert_eq!(more.counted, [(Severity::Warning, 1)].into());
    assert!(more.changes_nothing(&full, scenario.now()), "who tells of the first, tells of it");
    let worse = scenario.decide(&[alert("b").critical()], "a");
    assert!(!worse.changes_nothing(&full, scenario.now()), "a worse one is told sooner");
    let over = scenario.decide(&[alert("1").over().at(1)], "a");
    assert!(!over.changes_nothing(&full, scenario.now()), "an end is no number");
}

#[test]
fn a_number_that_grows_while_it_is_told_is_told_by_the_look_that_adds_it_up() {
    let mut scenario = Scenario::new("", "");
    let storm: Vec<_> = (0..=ENTRIES_MAX).map(|number| alert(&number.to_string())).collect();
    scenario.pass(&storm);
    let told = scenario.group.clone().unwrap();
    assert_eq!(told.untracked_untold(), 0);
    let late = scenario.decide(&[alert("late")], "a");
    assert!(late.changes_nothing(&told, scenario.now()));
    // The look finds that one was counted, whoever it was.
    scenario.until(10).group.as_mut().unwrap().count_at_least(&[(Severity::Warning, 2)].into());
    let heard = scenario.pass(&[]).until(minutes(10)).heard_by("slack");
    assert_eq!(heard.last().unwrap(), "30s updated 102+0");
}

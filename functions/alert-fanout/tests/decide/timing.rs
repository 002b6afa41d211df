//! When a group is told of: the first alert, the critical and the end at once, the rest together.

use super::fixtures::{Scenario, Told, alert, minutes};
use alert_fanout::alert::Alert;

const DAY: i64 = minutes(24 * 60);

/// What Slack heard of these alerts, each pair being when it comes in and what.
fn heard(route: &str, comes: &[(i64, Alert)], until: i64) -> Vec<String> {
    let mut scenario = Scenario::new(route, "");
    for (seconds, alert) in comes {
        scenario.until(*seconds).pass(std::slice::from_ref(alert));
    }
    scenario.until(until).heard_by("slack")
}

#[test]
fn the_first_alert_of_a_group_is_told_at_once_whatever_its_severity() {
    assert_eq!(heard("group_wait = \"1h\"", &[(7, alert("cpu").at(3))], 8), ["7s opened 1+0"]);
}

#[test]
fn what_follows_is_told_together_after_the_group_wait_and_then_by_the_group_interval() {
    let comes = [
        (0, alert("a")),
        (5, alert("b").at(5)),
        (9, alert("c").at(9)),
        (40, alert("d").at(40)),
        (50, alert("e").at(50)),
    ];
    assert_eq!(
        heard("", &comes, minutes(6)),
        ["0s opened 1+0", "30s updated 3+0", "330s updated 5+0"]
    );
}

#[test]
fn a_critical_alert_never_waits() {
    let comes =
        [(0, alert("a")), (5, alert("b").critical().at(5)), (6, alert("c").critical().at(6))];
    assert_eq!(
        heard("group_interval = \"1h\"", &comes, 20),
        ["0s opened 1+0", "5s updated 2+0", "6s updated 3+0"]
    );
}

#[test]
fn an_alert_that_becomes_critical_is_told_at_once() {
    let comes = [(0, alert("a")), (100, alert("a").critical().at(100))];
    assert_eq!(heard("", &comes, 100), ["0s opened 1+0", "100s updated 1+0"]);
}

#[test]
fn the_end_is_told_at_once_when_the_whole_group_is_over() {
    let comes = [
        (0, alert("a")),
        (5, alert("b").at(5)),
        (60, alert("a").over().at(60)),
        (70, alert("b").over().at(70)),
    ];
    assert_eq!(heard("", &comes, DAY), ["0s opened 1+0", "30s updated 2+0", "70s resolved 0+2"]);
}

#[test]
fn an_end_among_others_that_fire_waits_for_the_update() {
    let comes = [(0, alert("a")), (5, alert("b").at(5)), (60, alert("a").over().at(60))];
    assert_eq!(
        heard("", &comes, minutes(6)),
        ["0s opened 1+0", "30s updated 2+0", "330s updated 1+1"]
    );
}

#[test]
fn what_still_fires_is_told_again_by_the_repeat_interval() {
    assert_eq!(
        heard("repeat_interval = \"1h\"", &[(0, alert("a"))], minutes(121)),
        ["0s opened 1+0", "3600s reminder 1+0", "7200s reminder 1+0"]
    );
}

#[test]
fn what_has_no_end_is_told_once_and_never_reminded_of() {
    assert_eq!(heard("", &[(0, alert("task").once())], 3 * DAY), ["0s opened 1+0"]);
}

#[test]
fn what_has_no_end_and_happens_again_is_told_again() {
    let comes = [
        (0, alert("task").once()),
        (10, alert("task").once().at(10)),
        (minutes(60), alert("task").once().at(minutes(60))),
    ];
    assert_eq!(heard("", &comes, DAY), ["0s opened 1+0", "30s updated 1+0", "3600s opened 1+0"]);
}

#[test]
fn a_group_that_fires_again_after_its_end_is_opened_anew() {
    let comes = [
        (0, alert("a")),
        (60, alert("a").over().at(60)),
        (minutes(30), alert("a").at(minutes(30))),
        (minutes(40), alert("a").over().at(minutes(40))),
    ];
    assert_eq!(
        heard("", &comes, DAY),
        ["0s opened 1+0", "60s resolved 0+1", "1800s opened 1+0", "2400s resolved 0+1"]
    );
}

#[test]
fn what_is_over_before_anybody_heard_of_it_is_told_as_what_it_was_and_then_as_over() {
    let mut scenario = Scenario::new("", "");
    scenario.pass(&[alert("a").critical(), alert("a").critical().over().at(1)]);
    assert_eq!(scenario.heard_by("slack"), ["0s opened 1+0", "0s resolved 0+1"]);
}

#[test]
fn an_end_of_what_never_fired_is_no_news() {
    assert!(heard("", &[(0, alert("a").over())], DAY).is_empty());
}

#[test]
fn an_alert_that_flaps_is_told_so_once_and_then_when_it_is_stable() {
    let mut comes = Vec::new();
    for change in 0..12 {
        let now = change * 60;
        let cpu = alert("cpu").at(now);
        comes.push((now, if change % 2 == 0 { cpu } else { cpu.over() }));
    }
    // The fourth change, at 180 s, makes it flapping; the last is at 660 s, and ten minutes later it
    // is calm.
    assert_eq!(
        heard("", &comes, DAY),
        [
            "0s opened 1+0",
            "60s resolved 0+1",
            "120s opened 1+0",
            "180s updated 1+0",
            "1260s resolved 0+1"
        ]
    );
}

#[test]
fn a_message_about_what_flaps_says_so() {
    let mut scenario = Scenario::new("", "[alerting.flapping]\nchanges = 3\nwithin = \"10m\"\n");
    scenario.pass(&[alert("cpu")]);
    scenario.until(1).pass(&[alert("cpu").over().at(1)]);
    let decision = {
        scenario.until(2);
        scenario.decide(&[alert("cpu").at(2)], "a")
    };
    let told = &decision.sends[0].notification.alerts[0];
    assert_eq!(told.labels["flapping"], "true");
    assert!(told.summary.starts_with("It is flapping: 3 changes in 10 minutes."), "{told:?}");
}

#[test]
fn a_storm_is_told_as_a_digest_that_is_not_updated_all_the_time() {
    let mut scenario = Scenario::new("", "");
    for number in 0..100 {
        let name = format!("alarm-{number}");
        scenario.until(number / 5).pass(&[alert(&name).critical().at(number / 5)]);
    }
    scenario.until(25);
    let heard = scenario.heard_by("slack");
    // Until it is a storm, every critical alert is told at once.
    assert_eq!(
        heard.iter().filter(|line| line.starts_with("0s") || line.starts_with("1s")).count(),
        10
    );
    assert_eq!(&heard[heard.len() - 2..], ["11s updated 55+0", "21s updated 100+0"], "{heard:?}");
    let decision = scenario.decide(&[alert("last").critical().at(25)], "a");
    assert_eq!(decision.sends.len(), 0, "the digest is updated in a moment");
}

#[test]
fn no_alert_of_a_storm_is_dropped_and_the_group_stays_small() {
    let mut scenario = Scenario::new("", "");
    for batch in 0..100 {
        let storm: Vec<Alert> =
            (0..100).map(|number| alert(&format!("{batch}-{number}")).at(batch)).collect();
        scenario.until(batch).pass(&storm);
    }
    scenario.until(minutes(10));
    assert_eq!(scenario.heard_by("slack").last().unwrap(), "330s updated 10000+0");
    let size = serde_json::to_string(&scenario.group).unwrap().len();
    assert!(size < 40_000, "{size} bytes");
}

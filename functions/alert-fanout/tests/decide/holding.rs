//! What is held back is told when that ends, if it still fires.

use super::fixtures::{Scenario, Told, alert, at, minutes, silence};
use alert_fanout::decide::SourceChange;
use alert_fanout::inhibit::Inhibitor;

#[test]
fn what_is_silenced_is_told_when_the_silence_ends_if_it_still_fires() {
    let mut scenario = Scenario::new("", "");
    scenario.silences = vec![silence("cpu", 0, 100), silence("disk", 0, 100)];
    scenario.pass(&[alert("cpu").critical(), alert("disk")]);
    scenario.until(50).pass(&[alert("disk").over().at(50)]);
    assert!(scenario.heard.is_empty());
    scenario.until(minutes(10));
    assert_eq!(scenario.heard_by("slack"), ["100s opened 1+0"]);
}

#[test]
fn a_silence_holds_back_reminders_and_not_the_end() {
    let mut scenario = Scenario::new("repeat_interval = \"1h\"", "");
    scenario.silences = vec![silence("cpu", 60, minutes(150))];
    scenario.pass(&[alert("cpu")]);
    scenario.until(minutes(140));
    assert_eq!(scenario.heard_by("slack"), ["0s opened 1+0"]);
    scenario.pass(&[alert("cpu").over().at(minutes(140))]);
    assert_eq!(scenario.heard_by("slack"), ["0s opened 1+0", "8400s resolved 0+1"]);
}

#[test]
fn a_silence_of_one_alert_leaves_the_others_audible() {
    let mut scenario = Scenario::new("", "");
    scenario.silences = vec![silence("cpu", 0, minutes(60))];
    scenario.pass(&[alert("cpu").critical(), alert("disk")]);
    assert_eq!(scenario.heard_by("slack"), ["0s opened 1+0"]);
    scenario.until(10).pass(&[alert("disk").over().at(10)]);
    assert_eq!(scenario.heard_by("slack").last().unwrap(), "10s resolved 0+1");
    scenario.until(minutes(61));
    assert_eq!(scenario.heard_by("slack").last().unwrap(), "3600s opened 1+0");
}

const NIGHT: &str = "[alerting.time_intervals.night]\n\
    times = [{ start_time = \"07:00\", end_time = \"09:00\" }]\n";
const MUTED: &str = "mute_time_intervals = [\"night\"]";

#[test]
fn what_is_muted_is_told_when_the_mute_ends_if_it_still_fires() {
    let mut scenario = Scenario::new(MUTED, NIGHT);
    scenario.pass(&[alert("cpu").critical(), alert("disk")]);
    scenario.until(50).pass(&[alert("disk").over().at(50)]);
    assert_eq!(scenario.due_at, Some(at(minutes(60))));
    scenario.until(minutes(61));
    assert_eq!(scenario.heard_by("slack"), ["3600s opened 1+0"]);
}

#[test]
fn an_end_in_a_muted_time_is_told_when_it_is_over() {
    let mut scenario = Scenario::new(MUTED, NIGHT);
    scenario.seconds = -minutes(90);
    scenario.pass(&[alert("cpu").at(-minutes(90))]);
    assert_eq!(scenario.heard.len(), 2);
    scenario.until(10).pass(&[alert("cpu").over().at(10)]);
    assert_eq!(scenario.heard.len(), 2);
    scenario.until(minutes(61));
    assert_eq!(scenario.heard_by("slack"), ["-5400s opened 1+0", "3600s resolved 0+1"]);
}

const RULE: &str = "[[alerting.inhibit_rules]]\nsource_matchers = ['alertname=\"down\"']\n\
    target_matchers = ['severity=\"warning\"']\nequal = [\"tenant\"]\n";

fn down() -> Inhibitor {
    let labels = [("alertname", "down"), ("tenant", "demo")];
    Inhibitor {
        id: "down".to_owned(),
        labels: labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        since: at(0),
    }
}

#[test]
fn what_is_inhibited_is_told_when_its_inhibitor_ends_if_it_still_fires() {
    let mut scenario = Scenario::new("", RULE);
    scenario.inhibitors = vec![down()];
    scenario.pass(&[alert("slow"), alert("stuck")]);
    scenario.until(minutes(12)).pass(&[alert("stuck").over().at(minutes(12))]);
    assert!(scenario.heard.is_empty());
    scenario.inhibitors.clear();
    scenario.until(minutes(20));
    assert_eq!(scenario.heard_by("slack"), ["1020s opened 1+0"]);
}

#[test]
fn an_alert_that_is_a_source_is_known_to_others_while_it_fires() {
    let scenario = Scenario::new("", RULE);
    let changes = |alert| scenario.decide(&[alert], "a").sources;
    assert!(matches!(changes(alert("down")).as_slice(), [SourceChange::Fires(_)]));
    assert!(matches!(changes(alert("down").over()).as_slice(), [SourceChange::Over(_)]));
    assert!(changes(alert("slow")).is_empty());
    assert!(changes(alert("down").once()).is_empty(), "what has no end holds nothing back");
}

#[test]
fn among_hundreds_of_alerts_a_silenced_one_stays_silenced() {
    let mut scenario = Scenario::new("", "");
    scenario.silences = vec![silence("cpu", 0, 100)];
    scenario.pass(&[alert("cpu").critical()]);
    let storm: Vec<_> = (1..50).map(|n| alert(&format!("a{n}")).critical().at(n)).collect();
    scenario.until(50).pass(&storm);
    assert_eq!(scenario.heard_by("slack"), ["50s opened 49+0"]);
    scenario.until(minutes(10));
    assert_eq!(scenario.heard_by("slack"), ["50s opened 49+0", "100s updated 50+0"]);
}

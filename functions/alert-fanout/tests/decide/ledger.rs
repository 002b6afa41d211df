//! Sinks that fail, functions that die, people who do not answer.

use super::fixtures::{Scenario, Told, alert, at, minutes};
use alert_fanout::decide::Outcome;

const FALLBACK: &str = r#"
[alerting.receivers.team]
sinks = [{ slack = { channel = "C024BE91L", token = "slack" } }, { teams = { url = "teams" } }]
fallback = { sns = {} }
"#;

fn with_fallback() -> Scenario {
    Scenario::of(super::fixtures::alerting("", FALLBACK))
}

fn failed() -> Outcome {
    Outcome::Failed("Slack failed: HTTP 500".to_owned())
}

#[test]
fn only_the_sink_that_failed_is_tried_again() {
    let mut scenario = Scenario::new("", "");
    scenario.answers.insert("slack", failed());
    scenario.pass(&[alert("cpu")]);
    scenario.until(100);
    scenario.answers.clear();
    scenario.until(minutes(10));
    assert_eq!(scenario.heard, ["0s teams opened 1+0", "180s slack opened 1+0"]);
}

#[test]
fn the_fallback_is_told_at_once_and_says_what_failed() {
    let mut scenario = with_fallback();
    scenario.answers.insert("slack", failed());
    scenario.pass(&[alert("cpu")]);
    let expected = ["0s teams opened 1+0", "0s fallback opened 1+0 for Slack failed: HTTP 500"];
    assert_eq!(scenario.heard, expected);
    assert!(scenario.buried.is_empty());
}

#[test]
fn a_sink_that_comes_back_hears_of_what_still_fires_and_of_nothing_that_is_over() {
    let mut scenario = with_fallback();
    scenario.answers.insert("slack", failed());
    scenario.pass(&[alert("cpu").critical()]);
    scenario.until(minutes(10));
    scenario.answers.clear();
    scenario.until(minutes(20));
    assert_eq!(scenario.heard_by("slack").len(), 1, "{:?}", scenario.heard);

    let mut scenario = with_fallback();
    scenario.answers.insert("slack", failed());
    scenario.pass(&[alert("cpu").critical()]);
    scenario.until(30).pass(&[alert("cpu").critical().over().at(30)]);
    scenario.answers.clear();
    scenario.until(minutes(60));
    assert!(scenario.heard_by("slack").is_empty(), "{:?}", scenario.heard);
    assert_eq!(scenario.heard_by("fallback").len(), 2, "{:?}", scenario.heard);
    assert_eq!(scenario.due_at, None);
}

#[test]
fn what_a_sink_refuses_for_good_is_not_tried_again_but_the_next_news_are() {
    let mut scenario = with_fallback();
    scenario.answers.insert("slack", Outcome::Refused("Slack refused it".to_owned()));
    scenario.pass(&[alert("a")]);
    scenario.until(20);
    assert_eq!(scenario.heard_by("fallback"), ["0s opened 1+0 for Slack refused it"]);
    scenario.answers.clear();
    scenario.pass(&[alert("b").critical().at(20)]);
    assert_eq!(scenario.heard_by("slack"), ["20s opened 2+0"]);
}

#[test]
fn what_nobody_takes_is_put_with_the_dead_letters_once_with_its_reason() {
    let mut scenario = with_fallback();
    scenario.answers.insert("slack", failed());
    scenario.answers.insert("fallback", Outcome::Failed("SNS failed".to_owned()));
    scenario.pass(&[alert("a").critical()]);
    scenario.until(minutes(30));
    assert_eq!(scenario.buried, ["0s team: fallback sns: SNS failed"]);

    let mut scenario = Scenario::new("", "");
    scenario.answers.insert("slack", failed());
    scenario.pass(&[alert("a")]);
    scenario.until(minutes(30));
    let expected = ["0s team: slack C024BE91L by slack: Slack failed: HTTP 500"];
    assert_eq!(scenario.buried, expected);
}

#[test]
fn a_sink_that_was_dead_hears_of_the_beginning_before_the_end() {
    let mut scenario = Scenario::new("", "");
    scenario.answers.insert("slack", failed());
    scenario.pass(&[alert("cpu")]);
    scenario.until(40).pass(&[alert("cpu").over().at(40)]);
    scenario.answers.clear();
    scenario.until(minutes(10));
    assert_eq!(scenario.heard_by("slack"), ["60s opened 1+0", "60s resolved 0+1"]);
}

#[test]
fn a_sink_whose_turn_it_is_not_is_told_when_it_is() {
    let mut scenario = Scenario::new("", "");
    scenario.answers.insert("slack", Outcome::Postponed(at(3)));
    scenario.pass(&[alert("cpu")]);
    scenario.answers.clear();
    scenario.until(10);
    assert_eq!(scenario.heard, ["0s teams opened 1+0", "3s slack opened 1+0"]);
}

#[test]
fn while_one_function_tells_a_sink_no_other_does() {
    let mut scenario = Scenario::new("", "");
    let first = scenario.decide(&[alert("a").critical()], "first");
    let sends = first.sends.clone();
    scenario.write(first);
    let second = scenario.decide(&[alert("b").critical().at(1)], "second");
    assert!(second.sends.is_empty());
    scenario.write(second);
    for send in &sends {
        scenario.call(send, "first");
    }
    // The first, coming back, tells what the second found.
    scenario.pass(&[]);
    assert_eq!(scenario.heard_by("slack"), ["0s opened 1+0", "0s updated 2+0"]);
}

#[test]
fn what_a_function_that_died_had_claimed_is_told_by_the_next_one() {
    let mut scenario = Scenario::new("", "");
    let lost = scenario.decide(&[alert("a").critical()], "first");
    scenario.write(lost);
    scenario.until(minutes(5));
    assert_eq!(scenario.heard, ["50s slack opened 1+0", "50s teams opened 1+0"]);
}

#[test]
fn a_message_on_the_queue_watches_over_each_call_whatever_its_severity() {
    for alert in [alert("a"), alert("a").critical()] {
        let mut scenario = Scenario::new("", "");
        let lost = scenario.decide(&[alert], "dies");
        assert_eq!((lost.nudge_at, lost.watch_at), (None, Some(at(50))));
        scenario.write(lost);
        scenario.by_the_queue_until(59);
        assert_eq!(scenario.heard, ["50s slack opened 1+0", "50s teams opened 1+0"]);
    }
}

#[test]
fn who_meets_a_call_on_its_way_has_the_queue_look_whether_it_arrived() {
    let mut scenario = Scenario::new("", "");
    let lost = scenario.decide(&[alert("a")], "dies");
    scenario.write(lost);
    // It died before anything could watch over it.
    scenario.queue.clear();
    scenario.seconds = 7;
    let met = scenario.decide(&[alert("b").critical().at(7)], "meets");
    assert_eq!((met.sends.len(), met.nudge_at, met.watch_at), (0, Some(at(50)), None));
    scenario.write(met);
    let again = scenario.decide(&[alert("c").critical().at(8)], "meets");
    assert_eq!(again.nudge_at, None, "one look is on its way");
    scenario.write(again);
    scenario.by_the_queue_until(59);
    assert_eq!(scenario.heard, ["50s slack opened 3+0", "50s teams opened 3+0"]);
}

#[test]
fn a_look_that_comes_while_the_call_is_still_on_its_way_has_another_one_come() {
    let mut scenario = Scenario::new("", "");
    let lost = scenario.decide(&[alert("a")], "dies");
    scenario.write(lost);
    // The clock of whoever looks is behind.
    scenario.seconds = 49;
    assert_eq!(scenario.decide(&[], "looks").nudge_at, Some(at(50)));
}

#[test]
fn an_answer_that_comes_too_late_does_not_undo_what_happened_since() {
    let mut scenario = Scenario::new("", "");
    let slow = scenario.decide(&[alert("a")], "slow");
    let sends = slow.sends.clone();
    scenario.write(slow);
    scenario.until(60);
    assert_eq!(scenario.heard_by("slack"), ["50s opened 1+0"]);
    let before = scenario.group.clone();
    scenario.taken.clear();
    for send in &sends {
        scenario.call(send, "slow");
    }
    assert_eq!(scenario.group, before);
}

#[test]
fn an_end_does_not_overtake_the_next_beginning() {
    let mut scenario = Scenario::new("", "");
    scenario.pass(&[alert("cpu")]);
    scenario.until(60);
    let end = scenario.decide(&[alert("cpu").over().at(60)], "slow");
    let sends = end.sends.clone();
    scenario.write(end);
    scenario.until(70);
    let again = scenario.decide(&[alert("cpu").at(70)], "quick");
    assert!(again.sends.is_empty(), "the end is still on its way");
    scenario.write(again);
    for send in &sends {
        scenario.call(send, "slow");
    }
    scenario.pass(&[]);
    assert_eq!(scenario.heard_by("slack"), ["0s opened 1+0", "70s resolved 0+1", "70s opened 1+0"]);
}

const ESCALATING: &str = r#"
[alerting.receivers.team]
sinks = [{ slack = { channel = "C024BE91L", token = "slack" } }]
escalation = [{ after = "30m", receiver = "second" }, { after = "1h", receiver = "manager" }]
[alerting.receivers.second]
sinks = [{ teams = { url = "teams" } }]
[alerting.receivers.manager]
sinks = [{ sns = {} }]
"#;

fn escalating() -> Scenario {
    Scenario::of(super::fixtures::alerting("", ESCALATING))
}

#[test]
fn a_critical_alert_that_nobody_ends_is_told_to_the_next_person_and_so_is_its_end() {
    let mut scenario = escalating();
    scenario.pass(&[alert("cpu").critical()]);
    scenario.until(minutes(70)).pass(&[alert("cpu").over().at(minutes(70))]);
    assert_eq!(
        scenario.heard,
        [
            "0s slack opened 1+0",
            "1800s second escalated 1+0",
            "3600s manager escalated 1+0",
            "4200s slack resolved 0+1",
            "4200s second resolved 0+1",
            "4200s manager resolved 0+1",
        ]
    );
}

#[test]
fn nobody_is_called_for_what_is_not_critical_is_over_or_silenced() {
    let mut warning = escalating();
    warning.pass(&[alert("cpu")]).until(minutes(70));
    assert_eq!(warning.heard, ["0s slack opened 1+0"]);

    let mut over = escalating();
    over.pass(&[alert("cpu").critical()]);
    over.until(60).pass(&[alert("cpu").over().at(60)]).until(minutes(70));
    assert_eq!(over.heard, ["0s slack opened 1+0", "60s slack resolved 0+1"]);

    let mut silenced = escalating();
    silenced.silences = vec![super::fixtures::silence("cpu", 60, minutes(200))];
    silenced.pass(&[alert("cpu").critical()]).until(minutes(70));
    assert_eq!(silenced.heard, ["0s slack opened 1+0"]);
}

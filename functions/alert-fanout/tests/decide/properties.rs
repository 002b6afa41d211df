//! What holds whatever happens: alerts in any order, sinks that fail in any way, functions that die.

use std::collections::BTreeMap;

use alert_fanout::alert::{Alert, State};
use alert_fanout::decide::Outcome;
use domain::catalogue::Severity;
use proptest::prelude::*;

use super::fixtures::{Scenario, Told, alert, at, minutes};

/// What can happen to a group.
#[derive(Debug, Clone)]
enum Event {
    /// An alert comes in that happened so many seconds ago.
    Comes { name: u8, critical: bool, over: bool, ago: i64 },
    /// The alert that came last comes again.
    Again,
    /// Time goes by, and whatever is due is looked at.
    Wait(i64),
    /// A sink answers like this from now on; 0 is well, 1 fails, 2 refuses.
    Answers { sink: bool, how: u8 },
    /// A function writes what it decided and dies before it calls a sink.
    DiesBeforeTheCalls,
    /// A function calls all sinks and dies before it can note what they answered.
    DiesAfterTheCalls,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0_u8..3, any::<bool>(), any::<bool>(), 0_i64..120)
            .prop_map(|(name, critical, over, ago)| Event::Comes { name, critical, over, ago }),
        1 => Just(Event::Again),
        4 => (1_i64..900).prop_map(Event::Wait),
        2 => (any::<bool>(), 0_u8..3).prop_map(|(sink, how)| Event::Answers { sink, how }),
        1 => Just(Event::DiesBeforeTheCalls),
        1 => Just(Event::DiesAfterTheCalls),
    ]
}

fn of(name: u8, critical: bool, over: bool, happened: i64) -> Alert {
    let alert = alert(&format!("a{name}")).at(happened);
    let alert = if critical { alert.critical() } else { alert };
    if over { alert.over() } else { alert }
}

/// Lets all this happen to a group, and answers with it and the alerts that came.
fn happens(events: &[Event], receivers: &str) -> (Scenario, Vec<Alert>) {
    let mut scenario = Scenario::of(super::fixtures::alerting("", receivers));
    let mut came: Vec<Alert> = Vec::new();
    for event in events {
        match event {
            Event::Comes { name, critical, over, ago } => {
                let alert = of(*name, *critical, *over, scenario.seconds - ago);
                came.push(alert.clone());
                let before = scenario.heard.len();
                let is_news = is_new_critical(&scenario, &alert);
                scenario.pass(std::slice::from_ref(&alert));
                if is_news {
                    a_critical_alert_has_not_waited(&scenario, before);
                }
            }
            Event::Again => {
                let last: Vec<Alert> = came.last().cloned().into_iter().collect();
                scenario.pass(&last);
            }
            Event::Wait(seconds) => {
                let until = scenario.seconds + seconds;
                scenario.until(until);
            }
            Event::Answers { sink, how } => {
                let sink = if *sink { "team: slack" } else { "team: teams" };
                match how {
                    0 => scenario.answers.remove(sink),
                    1 => scenario.answers.insert(sink, Outcome::Failed("no answer".to_owned())),
                    _ => scenario.answers.insert(sink, Outcome::Refused("not that".to_owned())),
                };
            }
            Event::DiesBeforeTheCalls | Event::DiesAfterTheCalls => {
                let decision = scenario.decide(&[], "dies");
                let sends = decision.sends.clone();
                scenario.write(decision);
                if matches!(event, Event::DiesAfterTheCalls) {
                    let written = scenario.group.clone();
                    let taken = scenario.taken.clone();
                    for send in &sends {
                        scenario.call(send, "dies");
                    }
                    scenario.group = written;
                    // By its key the sink makes one of the call that is made again.
                    scenario.taken = taken;
                }
            }
        }
    }
    (scenario, came)
}

fn is_new_critical(scenario: &Scenario, alert: &Alert) -> bool {
    let is_critical = alert.severity == Severity::Critical;
    let entry = scenario
        .group
        .as_ref()
        .and_then(|group| group.entries.get(&alert_fanout::route::fingerprint(&alert.dedup_key)));
    let is_new = entry.is_none_or(|entry| {
        entry.state == State::Resolved
            && entry.happened_at < alert.happened_at
            && entry.flaps_until(scenario.alerting.flapping, scenario.now()).is_none()
    });
    is_critical && alert.state == State::Firing && is_new
}

/// After a pass with a new critical alert, a sink that is well has heard of it, unless somebody was
/// just telling it something, or it is left alone because it failed.
fn a_critical_alert_has_not_waited(scenario: &Scenario, heard_before: usize) {
    let group = scenario.group.as_ref().unwrap();
    for (target, delivery) in &group.ledger {
        let is_well = !scenario.answers.contains_key(&target[..target.len().min(11)])
            && delivery.claim.is_none()
            && delivery.retry_at.is_none();
        let has_heard = delivery.done() >= group.generation || target.contains("fallback");
        let heard = &scenario.heard[heard_before..];
        assert!(has_heard || !is_well, "{target} did not hear of it: {heard:?}");
    }
    let untold = group.entries.values().find(|entry| {
        entry.severity == Severity::Critical && entry.state == State::Firing && entry.told.is_none()
    });
    assert_eq!(untold, None);
}

/// The state of each alert, by what happened last.
fn truth(came: &[Alert]) -> BTreeMap<String, State> {
    let mut latest: BTreeMap<String, &Alert> = BTreeMap::new();
    for alert in came {
        let known = latest.entry(alert.dedup_key.clone()).or_insert(alert);
        if (alert.happened_at, alert.state) > (known.happened_at, known.state) {
            *known = alert;
        }
    }
    latest.into_iter().map(|(key, alert)| (key, alert.state)).collect()
}

/// What each sink heard, in order: its name, the occasion and how many fire.
fn stories(scenario: &Scenario) -> BTreeMap<String, Vec<(String, String)>> {
    let mut stories: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for line in &scenario.heard {
        let words: Vec<&str> = line.split(' ').collect();
        let story = stories.entry(words[1].to_owned()).or_default();
        story.push((words[2].to_owned(), words[3].to_owned()));
    }
    stories
}

const FALLBACK: &str = r#"
[alerting.receivers.team]
sinks = [{ slack = { channel = "C024BE91L", token = "slack" } }, { teams = { url = "teams" } }]
fallback = { sns = {} }
"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// No alert is lost, no sink is told a generation twice (the scenario asserts it), and an end is
    /// never told before its beginning.
    #[test]
    fn every_alert_is_told_to_every_sink_in_the_end_and_in_order(
        events in prop::collection::vec(event(), 1..40),
        falls_back: bool,
    ) {
        let receivers = if falls_back { FALLBACK } else { super::fixtures::RECEIVERS };
        let (mut scenario, came) = happens(&events, receivers);
        scenario.answers.clear();
        let calm = scenario.seconds + minutes(60);
        scenario.until(calm);
        scenario.pass(&[]);

        let Some(group) = scenario.group.clone() else { return Ok(()) };
        let truth = truth(&came);
        for (key, state) in &truth {
            let entry = &group.entries[&alert_fanout::route::fingerprint(key)];
            prop_assert_eq!(entry.state, *state, "{} is judged by when it happened", key);
            let is_told = entry.told == Some(*state) || (!entry.fired && *state == State::Resolved);
            prop_assert!(is_told, "{} is told: {:?}", key, entry);
        }
        for (target, delivery) in &group.ledger {
            let is_up_to_date = delivery.done() >= group.generation || target.contains("fallback");
            prop_assert!(is_up_to_date, "{target}: {delivery:?}");
        }
        for (sink, story) in stories(&scenario) {
            let mut is_open = false;
            for (occasion, counts) in &story {
                match occasion.as_str() {
                    "opened" => is_open = true,
                    "resolved" => {
                        prop_assert!(is_open || sink == "fallback", "{sink}: {story:?}");
                        prop_assert!(counts.starts_with("0+"), "{sink}: {story:?}");
                        is_open = false;
                    }
                    _ => prop_assert!(is_open || sink == "fallback", "{sink}: {story:?}"),
                }
            }
            let fires = truth.values().any(|state| *state == State::Firing);
            let refused = group.ledger.iter().any(|(target, delivery)| {
                target.contains(&sink) && delivery.refused > 0
            });
            if sink != "fallback" && !falls_back && !refused {
                prop_assert_eq!(is_open, fires, "{}: {:?}", sink, story);
            }
        }
    }

    /// Whoever dies, the queue alone brings the rest: of what a call was to tell, within a minute.
    #[test]
    fn what_a_function_that_died_was_to_tell_is_told_within_a_minute_without_a_sweep(
        events in prop::collection::vec(event(), 1..30),
        comes in event().prop_filter("an alert", |it| matches!(it, Event::Comes { .. })),
        met in any::<bool>(),
    ) {
        let (mut scenario, _) = happens(&events, super::fixtures::RECEIVERS);
        scenario.answers.clear();
        // What the sinks failed to take is forgotten, so that nobody waits for them.
        scenario.by_the_queue_until(scenario.seconds + minutes(60));
        let Event::Comes { name, critical, .. } = comes else { unreachable!() };
        let alert = of(name, critical, false, scenario.seconds);
        let dies = scenario.decide(std::slice::from_ref(&alert), "dies");
        let is_told = !dies.sends.is_empty();
        scenario.write(dies);
        if met {
            scenario.seconds += 7;
            let news = of(3, true, false, scenario.seconds);
            let meets = scenario.decide(&[news], "meets");
            scenario.write(meets);
        }
        let generation = scenario.group.as_ref().map_or(0, |group| group.generation);
        scenario.by_the_queue_until(scenario.seconds + 60);
        let group = scenario.group.as_ref().unwrap();
        for (target, delivery) in group.ledger.iter().filter(|_| is_told) {
            prop_assert!(delivery.done() >= generation, "{target}: {delivery:?}");
        }
    }

    /// The same alerts again, in any order, change nothing.
    #[test]
    fn duplicates_change_nothing(
        events in prop::collection::vec(event(), 1..30),
        order in any::<prop::sample::Index>(),
    ) {
        let (mut scenario, mut came) = happens(&events, super::fixtures::RECEIVERS);
        scenario.answers.clear();
        scenario.until(scenario.seconds + minutes(60));
        scenario.pass(&[]);
        let before = scenario.group.clone();
        if came.is_empty() {
            return Ok(());
        }
        let middle = order.index(came.len());
        came.rotate_left(middle);
        let decision = scenario.decide(&came, "again");
        prop_assert!(decision.sends.is_empty());
        prop_assert_eq!(Some(decision.group), before);
    }

    /// In which order alerts come does not matter for what is known in the end.
    #[test]
    fn what_is_known_does_not_depend_on_the_order_of_arrival(
        happened in prop::collection::vec((0_u8..3, any::<bool>(), 0_i64..60), 1..20),
        seed in any::<u64>(),
    ) {
        let alerts: Vec<Alert> =
            happened.iter().map(|(name, over, when)| of(*name, false, *over, *when)).collect();
        let mut shuffled = alerts.clone();
        let mut random = fastrand::Rng::with_seed(seed);
        random.shuffle(&mut shuffled);
        let states = |alerts: &[Alert]| {
            let mut scenario = Scenario::new("", "");
            scenario.seconds = 60;
            for alert in alerts {
                scenario.pass(std::slice::from_ref(alert));
            }
            let entries = scenario.group.unwrap().entries;
            entries.into_iter().map(|(id, e)| (id, e.state, e.happened_at)).collect::<Vec<_>>()
        };
        prop_assert_eq!(states(&alerts), states(&shuffled));
    }

    /// However a group looks, there is a next look while anything is left to tell.
    #[test]
    fn what_is_left_to_tell_has_a_next_look(events in prop::collection::vec(event(), 1..30)) {
        let (scenario, _) = happens(&events, super::fixtures::RECEIVERS);
        let Some(group) = &scenario.group else { return Ok(()) };
        let is_behind = group.ledger.values().any(|delivery| delivery.done() < group.generation);
        let fires = group.open_episode().is_some();
        if is_behind || fires {
            prop_assert!(scenario.due_at.is_some_and(|due| due > at(-1)), "{group:?}");
        }
    }
}

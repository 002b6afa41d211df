//! The function is killed before and after every single call that it makes, its own sinks' included.
//! Each time the queue delivers the messages again, and in the end everybody has heard everything,
//! in order, and no incident was opened twice.

use std::time::Duration;

use alert_fanout::act::Patience;
use alert_fanout::alert::State;
use runtime::Backoff;

use crate::aws::Kill;
use crate::services::Mood;
use crate::world::{PATIENCE, ROUTES, World, alarm};

/// How many calls a story makes that nobody interrupts.
async fn calls_of(bodies: &[Vec<(&str, &str, i64)>]) -> usize {
    let world = World::new().await;
    for batch in bodies {
        let batch = batch_of(&world, batch);
        world.hears(&batch).await.unwrap();
        world.clock.advance(Duration::from_mins(1));
    }
    world.state().calls.len()
}

fn batch_of(world: &World, batch: &[(&str, &str, i64)]) -> Vec<String> {
    let at = |ago: i64| world.now() - jiff::SignedDuration::from_secs(ago);
    batch.iter().map(|(name, state, ago)| alarm(name, "critical", state, at(*ago))).collect()
}

/// A kill at each call of the first batch, before and after it took effect.
async fn killed_at_each_call(
    first: &[(&str, &str, i64)],
    then: &[(&str, &str, i64)],
    episodes: usize,
) -> usize {
    let calls = calls_of(&[first.to_vec()]).await;
    let mut stories = 0;
    for number in 1..=calls {
        for kill in [Kill::Before(number), Kill::After(number)] {
            let mut world = World::new().await;
            let batch = batch_of(&world, first);
            world.lives_through(&batch, kill).await;
            if !then.is_empty() {
                let batch = batch_of(&world, then);
                assert_eq!(world.hears(&batch).await, Some(vec![]), "{kill:?}");
            }
            world.goes_by(Duration::from_mins(2)).await;
            check(&world, kill, episodes);
            stories += 1;
        }
    }
    stories
}

/// Everybody has heard everything, in order.
fn check(world: &World, kill: Kill, episodes: usize) {
    for group in world.groups() {
        for entry in group.entries.values() {
            let is_told =
                entry.told == Some(entry.state) || (!entry.fired && entry.state == State::Resolved);
            assert!(is_told, "{kill:?}: {group:?}");
        }
        for (target, delivery) in &group.ledger {
            assert!(delivery.done() >= group.generation, "{kill:?}: {target} {delivery:?}");
        }
    }
    let pages = world.services.pages();
    let (mut is_open, mut opened) = (false, 0);
    for page in &pages {
        let is_trigger = page == "trigger";
        // A call whose answer was lost is made again, by the same key: PagerDuty makes one incident
        // of both.
        opened += usize::from(is_trigger && !is_open);
        is_open = is_trigger;
        assert!(opened > 0, "{kill:?}: an end before its beginning: {pages:?}");
    }
    assert_eq!(opened, episodes, "{kill:?}: {pages:?}");
    let calls = pages.iter().filter(|page| *page == "trigger").count();
    assert!(calls <= episodes + 1, "{kill:?}: {pages:?}");
    assert_eq!(world.services.incidents().len(), 1, "{kill:?}");
    // Slack knows no such key, so a message whose answer was lost is there twice.
    let posts = world.services.posts();
    let messages = posts.iter().filter(|post| *post == "chat.postMessage").count();
    assert!((episodes..=episodes + 1).contains(&messages), "{kill:?}: {posts:?}");
    assert!(world.dead_letters().is_empty(), "{kill:?}: {:?}", world.dead_letters());
}

#[tokio::test]
async fn a_beginning_survives_a_kill_at_any_call() {
    let stories = killed_at_each_call(&[("cpu", "ALARM", 0)], &[], 1).await;
    assert!(stories >= 16, "{stories}");
}

#[tokio::test]
async fn a_beginning_and_its_end_survive_a_kill_at_any_call() {
    let first = [("cpu", "ALARM", 0)];
    let stories = killed_at_each_call(&first, &[("cpu", "OK", 0)], 1).await;
    assert!(stories >= 16, "{stories}");
}

#[tokio::test]
async fn disorder_and_duplicates_survive_a_kill_at_any_call() {
    // The end comes first, then the beginning, then both again.
    let first = [("cpu", "OK", 10), ("cpu", "ALARM", 20), ("cpu", "OK", 10), ("cpu", "ALARM", 20)];
    let then = [("cpu", "ALARM", 0)];
    let stories = killed_at_each_call(&first, &then, 2).await;
    assert!(stories >= 16, "{stories}");
}

#[tokio::test]
async fn a_fallback_survives_a_kill_at_any_call_and_the_page_follows() {
    // A second attempt would come too late: nobody waits for it here.
    let late = PATIENCE.whole * 2;
    let pause = Backoff { first: late, cap: late, ..PATIENCE.pause };
    let broken = async || {
        let world = World::patient(ROUTES, Patience { pause, ..PATIENCE }).await;
        world.services.pagerduty(Mood::Broken);
        world
    };
    let firing = [("cpu", "ALARM", 0)];
    let counted = broken().await;
    counted.hears(&batch_of(&counted, &firing)).await.unwrap();
    let calls = counted.state().calls.clone();
    let failed = calls.iter().position(|call| call == "enqueue").unwrap();
    assert!(calls.len() - failed >= 6, "{calls:?}");
    // What comes before that is as without a failure.
    let numbers = failed + 1..=calls.len();
    for kill in numbers.flat_map(|number| [Kill::Before(number), Kill::After(number)]) {
        let mut world = broken().await;
        let batch = batch_of(&world, &firing);
        world.lives_through(&batch, kill).await;
        let mails = world.state().published.len();
        // A topic knows no key: a mail whose answer was lost is there twice.
        assert!((1..=2).contains(&mails), "{kill:?}: {mails} mails");
        assert!(world.services.pages().is_empty(), "{kill:?}");
        world.services.pagerduty(Mood::Well);
        world.goes_by(Duration::from_mins(11)).await;
        check(&world, kill, 1);
    }
}

#[tokio::test]
async fn when_a_function_dies_over_a_message_another_sends_it_within_a_minute() {
    for severity in ["critical", "warning"] {
        let mut world = World::new().await;
        let firing = alarm("cpu", severity, "ALARM", world.now());
        let pages: &[&str] = if severity == "critical" { &["trigger"] } else { &[] };
        world.services.pagerduty(Mood::Silent);
        world.services.slack(Mood::Silent);
        let is_watched = |world: &World| {
            world.state().calls.iter().any(|call| call == "SendMessage")
                && world.services.requests().len() > pages.len()
        };
        dies_when(&mut world, &[firing], is_watched).await;
        world.goes_by(Duration::from_secs(55)).await;
        assert_eq!(world.services.pages(), pages, "{severity}");
        assert_eq!(world.services.posts(), ["chat.postMessage"], "{severity}");
    }
}

#[tokio::test]
async fn news_that_met_the_message_of_a_function_that_died_are_told_within_a_minute() {
    let mut world = World::with(TOGETHER).await;
    let warning = alarm("disk", "warning", "ALARM", world.now());
    world.services.slack(Mood::Silent);
    // It dies before anything can watch over its call.
    world.state().refuses = vec!["SendMessage"];
    dies_when(&mut world, &[warning], |world| !world.services.requests().is_empty()).await;
    world.state().refuses.clear();
    world.clock.advance(Duration::from_secs(3));
    let critical = alarm("cpu", "critical", "ALARM", world.now());
    assert_eq!(world.hears(&[critical]).await, Some(vec![]));
    assert!(world.services.posts().is_empty(), "somebody is telling Slack something, it seems");
    world.goes_by(Duration::from_secs(55)).await;
    let [told] = world.services.taken().try_into().unwrap();
    assert!(told.body.to_string().contains("disk"), "{told:?}");
    assert!(told.body.to_string().contains("cpu"), "{told:?}");
}

const TOGETHER: &str = r#"
[alerting.route]
receiver = "team"
group_by = ["tenant"]
[alerting.receivers.team]
sinks = [{ slack = { channel = "C024BE91L", token = "slack" } }]
"#;

/// Has the function hear this and die as soon as it has come so far; afterwards all sinks are well.
async fn dies_when(world: &mut World, bodies: &[String], far: impl Fn(&World) -> bool) {
    {
        let come_so_far = async {
            while !far(world) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            biased;
            () = come_so_far => {}
            answer = world.hears(bodies) => panic!("it lived: {answer:?}"),
        }
    }
    world.services.pagerduty(Mood::Well);
    world.services.slack(Mood::Well);
    world.restart();
}

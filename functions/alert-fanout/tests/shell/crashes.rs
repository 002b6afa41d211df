//! The function is killed before and after every single call that it makes, its own sinks' included.
//! Each time the queue delivers the messages again, and in the end everybody has heard everything,
//! in order, and no incident was opened twice.

use std::time::Duration;

use alert_fanout::alert::State;

use crate::aws::Kill;
use crate::world::{World, alarm};

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
async fn when_a_function_dies_over_a_page_another_sends_it_within_a_minute() {
    let mut world = World::new().await;
    let batch = batch_of(&world, &[("cpu", "ALARM", 0)]);
    world.services.pagerduty(crate::services::Mood::Silent);
    world.services.slack(crate::services::Mood::Silent);
    let died = tokio::time::timeout(Duration::from_millis(100), world.hears(&batch)).await;
    assert!(died.is_err(), "it was dropped in the middle of its calls");
    world.services.pagerduty(crate::services::Mood::Well);
    world.services.slack(crate::services::Mood::Well);
    world.restart();
    world.goes_by(Duration::from_secs(55)).await;
    assert_eq!(world.services.pages(), ["trigger"]);
    assert_eq!(world.services.posts(), ["chat.postMessage"]);
}

//! Sinks that answer 429, 500, nothing, or 200 with an error; for a moment, or for ten minutes.

use std::time::Duration;

use alert_fanout::act::Patience;

use crate::services::Mood;
use crate::world::{ROUTES, World, alarm};

async fn critical() -> (World, String) {
    let world = World::new().await;
    let firing = alarm("database-cpu", "critical", "ALARM", world.now());
    (world, firing)
}

#[tokio::test]
async fn a_sink_that_asks_for_patience_gets_it_and_is_tried_again() {
    let (world, firing) = critical().await;
    world.services.pagerduty(Mood::Busy(0));
    world.hears(&[firing]).await.unwrap();
    assert_eq!(world.services.pages(), ["trigger"]);
    assert!(world.state().published.is_empty(), "no fallback was needed");
}

#[tokio::test]
async fn whatever_a_sink_answers_instead_the_fallback_is_told_within_the_invocation() {
    for mood in [Mood::Broken, Mood::AlwaysBusy(600), Mood::SaysNo, Mood::Silent] {
        for sink in ["PagerDuty", "Slack"] {
            let (world, firing) = critical().await;
            let (pages, posts): (&[&str], &[&str]) = if sink == "PagerDuty" {
                world.services.pagerduty(mood);
                (&[], &["chat.postMessage"])
            } else {
                world.services.slack(mood);
                (&["trigger"], &[])
            };
            assert_eq!(world.hears(&[firing]).await, Some(vec![]), "{mood:?} of {sink}");
            assert_eq!(world.services.pages(), pages, "{mood:?} of {sink}");
            assert_eq!(world.services.posts(), posts, "{mood:?} of {sink}");
            let published = world.state().published.clone();
            assert_eq!(published.len(), 1, "{mood:?} of {sink}: {published:?}");
            assert!(published[0].contains(sink), "{mood:?}: it says what failed: {published:?}");
            assert!(world.dead_letters().is_empty(), "{mood:?} of {sink}");
        }
    }
}

#[tokio::test]
async fn a_fallback_for_which_no_time_is_left_is_told_by_the_next_invocation() {
    let patience = Patience { least: Duration::from_millis(100), ..Patience::DEFAULT };
    let mut world = World::patient(ROUTES, patience).await;
    // Of these, five seconds are kept for writes and half a second for the answer.
    world.timeout = Duration::from_millis(5_900);
    world.services.pagerduty(Mood::Silent);
    let firing = alarm("database-cpu", "critical", "ALARM", world.now());
    assert_eq!(world.hears(&[firing]).await, Some(vec![]));
    assert!(world.state().published.is_empty(), "PagerDuty was waited for until the end");
    world.goes_by(Duration::from_secs(10)).await;
    let published = world.state().published.clone();
    assert_eq!(published.len(), 1, "{published:?}");
    assert!(published[0].contains("PagerDuty"), "it says what failed: {published:?}");
    assert_eq!(world.dead_letters(), Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn a_sink_that_is_dead_for_ten_minutes_is_told_once_it_is_back_and_nobody_else_twice() {
    for mood in [Mood::Broken, Mood::Silent, Mood::AlwaysBusy(30)] {
        for (what, is_page) in [("enqueue", true), ("chat.postMessage", false)] {
            let (mut world, firing) = critical().await;
            let becomes = |world: &World, mood| {
                if is_page {
                    world.services.pagerduty(mood);
                } else {
                    world.services.slack(mood);
                }
            };
            becomes(&world, mood);
            world.hears(&[firing]).await.unwrap();
            world.goes_by(Duration::from_mins(10)).await;
            let requests = world.services.requests().iter().filter(|it| *it == what).count();
            assert!((4..20).contains(&requests), "{mood:?}: {requests} attempts in ten minutes");
            becomes(&world, Mood::Well);
            world.goes_by(Duration::from_mins(15)).await;
            assert_eq!(world.services.pages(), ["trigger"], "{mood:?} of {what}");
            assert_eq!(world.services.posts(), ["chat.postMessage"], "{mood:?} of {what}");
            assert_eq!(world.state().published.len(), 1, "{mood:?} of {what}: the fallback");
            assert!(world.dead_letters().is_empty(), "{mood:?} of {what}");
        }
    }
}

#[tokio::test]
async fn what_is_over_before_the_sink_is_back_is_told_by_the_fallback_alone() {
    let (mut world, firing) = critical().await;
    world.services.pagerduty(Mood::Broken);
    world.hears(&[firing]).await.unwrap();
    world.clock.advance(Duration::from_secs(30));
    let over = alarm("database-cpu", "critical", "OK", world.now());
    world.hears(&[over]).await.unwrap();
    world.services.pagerduty(Mood::Well);
    world.goes_by(Duration::from_mins(15)).await;
    assert!(world.services.pages().is_empty());
    assert_eq!(world.state().published.len(), 2, "the beginning and the end");
}

#[tokio::test]
async fn what_nobody_takes_lies_with_the_dead_letters_and_is_told_when_it_is_sent_again() {
    let world = World::new().await;
    let firing = alarm("cpu", "warning", "ALARM", world.now());
    world.services.slack(Mood::Broken);
    assert_eq!(world.hears(&[firing]).await, Some(vec![]));
    let [letter] = world.dead_letters().try_into().unwrap();
    assert!(letter["not_told_to"].as_str().unwrap().contains("slack C024BE91L"), "{letter}");
    assert_eq!(letter["alerts"][0]["state"], "firing");
    assert!(!letter.to_string().contains("xoxb"), "{letter}");

    world.services.slack(Mood::Well);
    world.clock.advance(Duration::from_hours(1));
    world.hears(&[letter.to_string()]).await.unwrap();
    assert_eq!(world.services.posts(), ["chat.postMessage"]);
}

#[tokio::test]
async fn what_a_sink_refused_is_told_when_its_dead_letter_is_sent_again() {
    let world = World::new().await;
    let firing = alarm("cpu", "warning", "ALARM", world.now());
    world.services.slack(Mood::SaysNo);
    assert_eq!(world.hears(&[firing]).await, Some(vec![]));
    let [letter] = world.dead_letters().try_into().unwrap();
    let tried = world.services.posts().len();

    // A look alone does not try again what was refused: nothing has changed.
    world.services.slack(Mood::Well);
    let look = serde_json::json!({ "caretaker": "look", "group": letter["group"] });
    world.hears(&[look.to_string()]).await.unwrap();
    assert_eq!(world.services.posts().len(), tried);

    world.clock.advance(Duration::from_hours(1));
    world.hears(&[letter.to_string()]).await.unwrap();
    assert_eq!(world.services.posts().len(), tried + 1);
    world.hears(&[letter.to_string()]).await.unwrap();
    assert_eq!(world.services.posts().len(), tried + 1, "it has been told");
}

#[tokio::test]
async fn a_table_that_does_not_answer_makes_the_message_come_again_and_pages_nobody() {
    for call in ["GetItem", "PutItem"] {
        let (world, firing) = critical().await;
        world.state().refuses = vec![call];
        let again = Some(vec!["0".to_owned()]);
        assert_eq!(world.hears(std::slice::from_ref(&firing)).await, again, "{call}");
        assert!(world.services.taken().is_empty(), "{call}");
        assert_eq!(world.state().shown_again, [2], "{call}: not after minutes");
        world.state().refuses.clear();
        assert_eq!(world.hears(&[firing]).await, Some(vec![]), "{call}");
        assert_eq!(world.services.pages(), ["trigger"], "{call}");
    }
}

#[tokio::test]
async fn a_table_without_tokens_to_give_does_not_hold_a_page_back() {
    let (world, firing) = critical().await;
    world.state().refuses = vec!["UpdateItem"];
    world.hears(&[firing]).await.unwrap();
    assert_eq!(world.services.pages(), ["trigger"]);
}

#[tokio::test]
async fn a_queue_that_takes_no_nudge_costs_time_only() {
    let mut world = World::new().await;
    world.services.slack(Mood::Broken);
    world.state().refuses = vec!["SendMessage"];
    let critical = alarm("database-cpu", "critical", "ALARM", world.now());
    assert_eq!(world.hears(&[critical]).await, Some(vec![]));
    world.state().refuses.clear();
    world.services.slack(Mood::Well);
    world.goes_by(Duration::from_mins(15)).await;
    assert_eq!(world.services.posts(), ["chat.postMessage"]);
}

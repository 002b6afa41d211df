//! The way of an alert when all is well, and what it costs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{World, alarm};

#[tokio::test]
async fn a_critical_alarm_pages_and_is_in_the_chat_and_its_end_resolves_both() {
    let mut world = World::new().await;
    let firing = alarm("database-cpu", "critical", "ALARM", world.now());
    assert_eq!(world.hears(&[firing]).await, Some(vec![]));
    assert_eq!(
        (world.services.pages(), world.services.posts()),
        (vec!["trigger".to_owned()], vec!["chat.postMessage".to_owned()])
    );

    world.goes_by(Duration::from_mins(1)).await;
    let over = alarm("database-cpu", "critical", "OK", world.now());
    assert_eq!(world.hears(&[over]).await, Some(vec![]));
    assert_eq!(world.services.pages(), ["trigger", "resolve"]);
    assert_eq!(world.services.posts(), ["chat.postMessage", "chat.update"]);
    assert_eq!(world.services.incidents().len(), 1);
}

#[tokio::test]
async fn the_silent_path_is_one_read_and_one_write() {
    let world = World::with(SILENT).await;
    let first = alarm("cpu", "warning", "ALARM", world.now());
    world.hears(&[first]).await.unwrap();
    world.clock.advance(Duration::from_secs(10));
    let calls = world.state().calls.len();
    let second = alarm("memory", "warning", "ALARM", world.now());
    world.hears(&[second]).await.unwrap();
    let made: Vec<String> = world.state().calls[calls..].to_vec();
    // The message on the queue brings the update that tells of it.
    assert_eq!(made, ["GetItem", "PutItem", "SendMessage"]);

    world.clock.advance(Duration::from_secs(1));
    let calls = world.state().calls.len();
    let third = alarm("disk", "warning", "ALARM", world.now());
    world.hears(&[third]).await.unwrap();
    let made: Vec<String> = world.state().calls[calls..].to_vec();
    assert_eq!(made, ["GetItem", "PutItem"]);
}

const SILENT: &str = r#"
[alerting.route]
receiver = "team"
group_by = ["tenant"]
[alerting.receivers.team]
sinks = [{ slack = { channel = "C024BE91L", token = "slack" } }]
"#;

#[tokio::test]
async fn ten_alerts_of_a_group_are_one_write_and_one_message() {
    let world = World::with(SILENT).await;
    let bodies: Vec<String> =
        (0..10).map(|n| alarm(&format!("a{n}"), "warning", "ALARM", world.now())).collect();
    world.hears(&bodies).await.unwrap();
    let state = world.state();
    let writes = state.calls.iter().filter(|call| *call == "PutItem").count();
    assert_eq!(writes, 2, "claimed and confirmed: {:?}", state.calls);
    drop(state);
    assert_eq!(world.services.posts(), ["chat.postMessage"]);
}

#[tokio::test]
async fn the_same_message_twice_at_once_pages_once() {
    let world = World::new().await;
    let firing = alarm("database-cpu", "critical", "ALARM", world.now());
    world.hears(&[firing.clone(), firing.clone()]).await.unwrap();
    world.hears(&[firing]).await.unwrap();
    assert_eq!(world.services.pages(), ["trigger"]);
    assert_eq!(world.services.posts(), ["chat.postMessage"]);
}

#[tokio::test]
async fn a_message_that_is_no_json_is_told_all_the_same() {
    let world = World::new().await;
    world.hears(&["the disk is full, somebody look".to_owned()]).await.unwrap();
    let [taken] = world.services.taken().try_into().unwrap();
    assert!(taken.body.to_string().contains("the disk is full"), "{taken:?}");
}

#[tokio::test]
async fn an_invocation_by_an_alarm_or_a_bus_is_taken_like_one_of_the_queue() {
    let world = World::new().await;
    let message: Value =
        serde_json::from_str(&alarm("database-cpu", "critical", "ALARM", world.now())).unwrap();
    let payload =
        json!({ "Records": [{ "EventSource": "aws:sns", "EventVersion": "1.0", "Sns": message }] });
    assert!(world.invoke(payload).await.unwrap().unwrap().is_none());
    assert_eq!(world.services.pages(), ["trigger"]);
}

#[tokio::test]
async fn a_direct_invocation_that_cannot_be_written_fails_so_that_it_comes_again() {
    let world = World::new().await;
    world.state().refuses = vec!["PutItem"];
    let payload = json!({ "source": "test", "text": "hello" });
    assert!(world.invoke(payload).await.unwrap().is_err());
}

#[tokio::test]
async fn a_record_comes_again_only_if_its_own_group_could_not_be_written() {
    let world = World::new().await;
    let bodies = ["cpu", "disk"].map(|name| alarm(name, "critical", "ALARM", world.now()));
    assert_eq!(world.hears(&bodies).await, Some(vec![]));
    world.state().refuses = vec!["PutItem"];
    let over = alarm("cpu", "critical", "OK", world.now() + Duration::from_secs(1));
    // The alarm that fires already is no news, so nothing of it has to be written.
    assert_eq!(world.hears(&[bodies[1].clone(), over]).await, Some(vec!["1".to_owned()]));
}

#[tokio::test]
async fn an_end_with_another_severity_finds_the_group_in_which_it_fired() {
    let world = World::new().await;
    let firing = alarm("database-cpu", "critical", "ALARM", world.now());
    world.hears(&[firing]).await.unwrap();
    world.clock.advance(Duration::from_mins(1));
    let over = alarm("database-cpu", "info", "OK", world.now());
    world.hears(&[over]).await.unwrap();
    assert_eq!(world.services.pages(), ["trigger", "resolve"]);
}

#[tokio::test]
async fn the_heartbeat_goes_through_the_whole_chain_each_time() {
    let mut world = World::new().await;
    let beat = json!({ "caretaker": "heartbeat" }).to_string();
    for _ in 0..2 {
        world.hears(std::slice::from_ref(&beat)).await.unwrap();
        world.goes_by(Duration::from_hours(1)).await;
    }
    assert_eq!(world.services.posts(), ["chat.postMessage", "chat.postMessage"]);
}

#[tokio::test]
async fn a_silence_is_made_prolonged_and_ended_by_a_message() {
    let mut world = World::new().await;
    let until = |minutes: u64| (world.now() + Duration::from_secs(60 * minutes)).to_string();
    let silence = |ends_at: String| {
        json!({
            "caretaker": "silence", "matchers": ["alertname=cpu"], "tenant": "demo",
            "ends_at": ends_at, "author": "ada", "comment": "a load test",
        })
        .to_string()
    };
    let (short, long, ended) = (silence(until(10)), silence(until(60)), silence(until(0)));
    for made in [&short, &long] {
        assert_eq!(world.hears(std::slice::from_ref(made)).await, Some(vec![]));
    }
    let firing = alarm("cpu", "critical", "ALARM", world.now());
    world.hears(&[firing]).await.unwrap();
    world.goes_by(Duration::from_mins(20)).await;
    assert!(world.services.taken().is_empty());
    world.hears(&[ended]).await.unwrap();
    world.goes_by(Duration::from_mins(45)).await;
    assert_eq!(world.services.pages(), ["trigger"]);
}

#[tokio::test]
async fn a_silence_that_cannot_be_read_is_told_as_what_it_is() {
    let world = World::new().await;
    let wrong = json!({ "caretaker": "silence", "matchers": ["alertname=~("], "author": "ada" });
    world.hears(&[wrong.to_string()]).await.unwrap();
    assert_eq!(world.services.posts().len(), 1, "somebody sees that it silences nothing");
}

const INHIBITING: &str = r#"
[alerting.route]
receiver = "team"
group_by = ["alertname"]
[alerting.receivers.team]
sinks = [{ slack = { channel = "C024BE91L", token = "slack" } }]
[[alerting.inhibit_rules]]
source_matchers = ['alertname="database-down"']
target_matchers = ['alertname="slow"']
equal = ["tenant"]
"#;

#[tokio::test]
async fn while_a_source_fires_its_targets_are_quiet_and_told_when_it_ends() {
    let mut world = World::with(INHIBITING).await;
    let down = alarm("database-down", "critical", "ALARM", world.now());
    world.hears(&[down]).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    let slow = alarm("slow", "warning", "ALARM", world.now());
    world.hears(&[slow]).await.unwrap();
    world.goes_by(Duration::from_mins(12)).await;
    assert_eq!(world.services.posts(), ["chat.postMessage"]);
    let over = alarm("database-down", "critical", "OK", world.now());
    world.hears(&[over]).await.unwrap();
    world.goes_by(Duration::from_mins(12)).await;
    assert_eq!(world.services.posts(), ["chat.postMessage", "chat.update", "chat.postMessage"]);
}

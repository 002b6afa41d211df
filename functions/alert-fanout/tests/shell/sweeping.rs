//! Every five minutes: what is due is looked at, and CloudWatch is asked whether what fires still
//! fires.

use std::time::Duration;

use aws_sdk_cloudwatch::types::StateValue;

use crate::world::{World, alarm};

const ALARM: &str = "mate-demo-dev-cpu";

#[tokio::test]
async fn an_alarm_whose_ok_nobody_sent_is_found_to_be_over() {
    let mut world = World::new().await;
    let firing = alarm("cpu", "critical", "ALARM", world.now());
    world.hears(&[firing]).await.unwrap();
    let name = ALARM.to_owned();
    world.goes_by(Duration::from_mins(11)).await;
    assert_eq!(world.services.pages(), ["trigger"]);
    let now = world.now().as_second();
    world.alarms.lock().unwrap().insert(name, Some((StateValue::Ok, now)));
    world.goes_by(Duration::from_mins(5)).await;
    assert_eq!(world.services.pages(), ["trigger", "resolve"]);
}

#[tokio::test]
async fn an_alarm_that_was_deleted_is_over() {
    let mut world = World::new().await;
    let firing = alarm("cpu", "critical", "ALARM", world.now());
    world.hears(&[firing]).await.unwrap();
    world.alarms.lock().unwrap().insert(ALARM.to_owned(), None);
    world.goes_by(Duration::from_mins(6)).await;
    assert_eq!(world.services.pages(), ["trigger", "resolve"]);
}

#[tokio::test]
async fn an_ok_from_before_the_alarm_is_not_its_end() {
    let mut world = World::new().await;
    let before = world.now().as_second() - 60;
    world.alarms.lock().unwrap().insert(ALARM.to_owned(), Some((StateValue::Ok, before)));
    let firing = alarm("cpu", "critical", "ALARM", world.now());
    world.hears(&[firing]).await.unwrap();
    world.goes_by(Duration::from_mins(20)).await;
    assert_eq!(world.services.pages(), ["trigger"]);
}

#[tokio::test]
async fn what_still_fires_after_the_repeat_interval_is_told_again() {
    let mut world = World::new().await;
    let firing = alarm("cpu", "critical", "ALARM", world.now());
    world.hears(&[firing]).await.unwrap();
    world.goes_by(Duration::from_mins(250)).await;
    assert_eq!(world.services.posts().len(), 2, "{:?}", world.services.posts());
}

#[tokio::test]
async fn a_sweep_of_nothing_calls_nobody() {
    let mut world = World::new().await;
    world.goes_by(Duration::from_mins(5)).await;
    let calls = world.state().calls.clone();
    assert_eq!(calls, ["Query"]);
}

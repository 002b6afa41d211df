//! The same work twice has the effect of one.

use std::time::Duration;

use serde_json::json;
use store::{Begin, Claim, Idempotency, Store, StoreError};

use crate::support::{DAY, DynamoDb, instant};

/// How long an attempt says that it takes.
const WHILE: Duration = Duration::from_secs(30);

fn request(payload: &str) -> Idempotency {
    Idempotency::new("report", "r-1", &json!({ "payload": payload }), DAY).unwrap()
}

async fn begin(store: &Store, payload: &str, owner: &str, at: i64) -> Begin {
    store.begin(&request(payload), owner, instant(at), WHILE).await.unwrap()
}

async fn claimed(store: &Store, payload: &str, owner: &str, at: i64) -> Claim {
    match begin(store, payload, owner, at).await {
        Begin::Claimed(claim) => claim,
        other => panic!("{owner} should have claimed the key: {other:?}"),
    }
}

#[tokio::test]
async fn a_repetition_gets_the_earlier_answer() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let claim = claimed(&store, "x", "a", 0).await;
    store.complete(&claim, &json!({ "cost": [1, "2.50"] }), instant(1)).await.unwrap();
    let again = begin(&store, "x", "b", 2).await;
    assert_eq!(again, Begin::Repeated(json!({ "cost": [1, "2.50"] })));
}

#[tokio::test]
async fn another_payload_under_the_same_key_is_a_conflict_at_every_stage() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let claim = claimed(&store, "x", "a", 0).await;
    for at in [1, 31] {
        let other = begin(&store, "y", "b", at).await;
        assert!(matches!(other, Begin::Conflict(_)), "after {at} s: {other:?}");
    }
    store.complete(&claim, &json!(null), instant(32)).await.unwrap();
    let other = begin(&store, "y", "b", 33).await;
    assert!(matches!(other, Begin::Conflict(_)), "{other:?}");
}

#[tokio::test]
async fn work_in_progress_is_not_begun_a_second_time() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let _claim = claimed(&store, "x", "a", 0).await;
    assert_eq!(begin(&store, "x", "b", 1).await, Begin::InProgress { until: instant(30) });
}

#[tokio::test]
async fn an_attempt_that_took_too_long_is_taken_over_and_cannot_answer_any_more() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let late = claimed(&store, "x", "a", 0).await;
    let successor = claimed(&store, "x", "b", 31).await;
    for refused in
        [store.complete(&late, &json!("late"), instant(32)).await, store.abandon(&late).await]
    {
        assert!(matches!(refused, Err(StoreError::StaleClaim(_))), "{refused:?}");
    }
    store.complete(&successor, &json!("right"), instant(33)).await.unwrap();
    assert_eq!(begin(&store, "x", "c", 34).await, Begin::Repeated(json!("right")));
}

#[tokio::test]
async fn an_abandoned_request_can_be_begun_anew_with_any_payload() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let claim = claimed(&store, "x", "a", 0).await;
    store.abandon(&claim).await.unwrap();
    store.abandon(&claim).await.unwrap();
    let next = claimed(&store, "y", "b", 1).await;
    let refused = store.complete(&claim, &json!("late"), instant(2)).await;
    assert!(matches!(refused, Err(StoreError::StaleClaim(_))), "{refused:?}");
    store.complete(&next, &json!("right"), instant(3)).await.unwrap();
}

#[tokio::test]
async fn calls_whose_answers_were_lost_can_be_repeated() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let _lost = claimed(&store, "x", "a", 0).await;
    let claim = claimed(&store, "x", "a", 1).await;
    store.complete(&claim, &json!(1), instant(2)).await.unwrap();
    store.complete(&claim, &json!(1), instant(2)).await.unwrap();
    let other_answer = store.complete(&claim, &json!(2), instant(2)).await;
    assert!(matches!(other_answer, Err(StoreError::StaleClaim(_))), "{other_answer:?}");
}

#[tokio::test]
async fn an_expired_answer_is_forgotten_though_ttl_has_not_deleted_it() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let claim = claimed(&store, "x", "a", 0).await;
    store.complete(&claim, &json!(1), instant(0)).await.unwrap();
    let a_day = 24 * 60 * 60;
    assert_eq!(begin(&store, "x", "b", a_day).await, Begin::Repeated(json!(1)));
    let _anew = claimed(&store, "y", "b", a_day + 1).await;
}

#[tokio::test]
async fn of_many_attempts_at_once_exactly_one_works() {
    let dynamodb = DynamoDb::start().await;
    let mut attempts = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = dynamodb.store();
        attempts.spawn(async move { begin(&store, "x", &format!("attempt-{number}"), 0).await });
    }
    let answers = attempts.join_all().await;
    let working = answers.iter().filter(|a| matches!(a, Begin::Claimed(_))).count();
    let waiting = answers.iter().filter(|a| matches!(a, Begin::InProgress { .. })).count();
    assert_eq!((working, waiting), (1, 7), "{answers:?}");
}

use domain::catalogue::alerting::Sink;
use proptest::prelude::*;

use super::*;
use crate::sinks::testing::{Say, Service, place, say, secret, secrets, sinks};
use crate::testing::{alert, notification, resolved};

/// What PagerDuty answers when it takes an event.
const TAKEN: &str = r#"{"status":"success","message":"Event processed","dedup_key":"x"}"#;
const OLD: &str = "0123456789abcdef0123456789abcdef";
const NEW: &str = "fedcba9876543210fedcba9876543210";

/// Delivers one notification; the secret's value is `current` or `current previous`.
async fn deliver(
    answers: Vec<Say>,
    keys: &str,
    told: &Notification,
    receipt: Option<&Receipt>,
) -> (Result<Receipt, SinkError>, Vec<Value>) {
    let service = Service::answering(answers).await;
    let sinks = sinks(&service.url, &secrets(&[("pagerduty", keys)]), &[], &[]);
    let sink = Sink::PagerDuty(PagerDuty { routing_key: secret("pagerduty") });
    let done = sinks.deliver(&sink, told, receipt).await;
    let got = service.got();
    assert!(got.iter().all(|got| got.path == "/v2/enqueue"));
    (done, got.iter().map(super::super::testing::Got::json).collect())
}

#[tokio::test]
async fn a_group_that_fires_triggers_and_its_end_resolves_the_same_incident() {
    let (receipt, mut got) = deliver(vec![say(202, TAKEN)], OLD, &notification(), None).await;
    insta::assert_json_snapshot!(got.remove(0));
    let (_, got) = deliver(vec![say(202, TAKEN)], OLD, &resolved(), Some(&receipt.unwrap())).await;
    insta::assert_json_snapshot!(got[0]);
}

#[tokio::test]
async fn a_resolve_carries_the_key_of_its_trigger_though_it_was_rotated() {
    let (receipt, _) = deliver(vec![say(202, TAKEN)], OLD, &notification(), None).await;
    let receipt = receipt.unwrap();
    let keys = format!("{NEW} {OLD}");
    let (done, got) = deliver(vec![say(202, TAKEN)], &keys, &resolved(), Some(&receipt)).await;
    done.unwrap();
    assert_eq!(got[0]["routing_key"], OLD);
    // A trigger goes by the new one.
    let (done, got) = deliver(vec![say(202, TAKEN)], &keys, &notification(), Some(&receipt)).await;
    assert_eq!(got[0]["routing_key"], NEW);
    assert_ne!(done.unwrap().credential, receipt.credential);
}

#[tokio::test]
async fn a_key_that_is_nowhere_any_more_cannot_resolve_and_that_is_said() {
    let (receipt, _) = deliver(vec![say(202, TAKEN)], OLD, &notification(), None).await;
    let (done, got) = deliver(vec![], NEW, &resolved(), Some(&receipt.unwrap())).await;
    let error = done.unwrap_err();
    assert!(matches!(error, SinkError::Refused { .. }));
    assert!(error.to_string().contains("resolve the incident in PagerDuty by hand"), "{error}");
    assert!(!error.to_string().contains(NEW), "{error}");
    assert!(got.is_empty());
}

#[tokio::test]
async fn only_202_is_success() {
    let kind = |error: SinkError| match error {
        SinkError::Limited { .. } => "limited",
        SinkError::Unauthorized { .. } => "unauthorized",
        SinkError::Refused { .. } => "refused",
        SinkError::Failed { .. } => "failed",
    };
    let invalid = r#"{"status":"invalid event","errors":["'payload.summary' is missing"]}"#;
    let unknown_key = r#"{"status":"invalid event","errors":["Invalid routing key"]}"#;
    for (status, body, expected) in [
        (200, "{}", "failed"),
        (400, invalid, "refused"),
        (400, unknown_key, "unauthorized"),
        (403, "", "unauthorized"),
        (429, "", "limited"),
        (500, "", "failed"),
        (503, "", "failed"),
    ] {
        let (done, _) = deliver(vec![say(status, body)], OLD, &notification(), None).await;
        assert_eq!(kind(done.unwrap_err()), expected, "{status} {body}");
    }
    let (done, _) = deliver(vec![Say::HangUp], OLD, &notification(), None).await;
    assert_eq!(kind(done.unwrap_err()), "failed");
}

#[tokio::test]
async fn an_answer_that_repeats_the_key_does_not_give_it_away() {
    let body = format!("no such thing as {OLD}");
    let (done, _) = deliver(vec![say(400, &body)], OLD, &notification(), None).await;
    let error = done.unwrap_err().to_string();
    assert!(error.contains("no such thing as …") && !error.contains(OLD), "{error}");
}

#[test]
fn a_long_group_key_becomes_a_digest_and_two_stay_two() {
    let mut told = notification();
    told.group_key = "x".repeat(300);
    let one = dedup_key(&told, &place());
    told.group_key.push('y');
    let other = dedup_key(&told, &place());
    assert!(
        one.len() <= DEDUP_KEY_LENGTH_MAX && one.starts_with("mate-dev:sha256:") && one != other
    );
}

proptest! {
    #[test]
    fn any_event_is_taken(
        title in "[^\u{0}]{0,2000}",
        text in any::<String>(),
        group_key in any::<String>(),
        many in 0usize..100,
    ) {
        let mut told = notification();
        told.alerts[0].title = title;
        told.alerts[0].summary = text.repeat(200);
        told.alerts[0].resource = Some(text.clone());
        told.alerts[0].service = Some(text);
        told.alerts.extend((0..many).map(|_| alert()));
        told.firing = told.alerts.len() as u64;
        told.group_key = group_key;
        let event = preview(&told, &place());
        let length = |value: &Value| value.as_str().unwrap().chars().count();
        prop_assert!((1..=1_024).contains(&length(&event["payload"]["summary"])));
        prop_assert!((1..=255).contains(&length(&event["dedup_key"])));
        prop_assert!(length(&event["payload"]["source"]) >= 1);
        prop_assert!(Value::Object(event).to_string().len() < 512 * 1024);
    }
}

use std::time::Duration;

use domain::catalogue::alerting::Sink;

use super::*;
use crate::sinks::testing::{Got, Say, Service, say, secret, secrets, sinks};
use crate::testing::{notification, resolved};

const POSTED: &str = r#"{"ok":true,"channel":"C024BE91L","ts":"1764.000100"}"#;

fn bot() -> Sink {
    let channel = "C024BE91L".to_owned();
    Sink::Slack(Slack { channel, token: secret("slack"), mentions: Vec::new() })
}

fn receipt() -> Receipt {
    Receipt {
        key: Some("1764.000100".to_owned()),
        place: Some("C024BE91L".to_owned()),
        credential: None,
    }
}

/// Delivers to a Slack that gives these answers; the token is `xoxb-old`, and `xoxb-new` once read
/// anew.
async fn deliver(
    answers: Vec<Say>,
    sink: &Sink,
    told: &Notification,
    receipt: Option<&Receipt>,
) -> (Result<Receipt, SinkError>, Vec<Got>) {
    let service = Service::answering(answers).await;
    let secrets = secrets(&[
        ("slack", "xoxb-hunter2"),
        ("url", &format!("{}/services/T/B/hunter2", service.url)),
    ]);
    let done = sinks(&service.url, &secrets, &[], &[]).deliver(sink, told, receipt).await;
    let got = service.got();
    (done, got)
}

#[tokio::test]
async fn the_first_notification_is_a_message_in_the_channel() {
    let (done, got) = deliver(vec![say(200, POSTED)], &bot(), &notification(), None).await;
    let receipt = done.unwrap();
    assert_eq!(receipt.key.as_deref(), Some("1764.000100"));
    assert_eq!(receipt.place.as_deref(), Some("C024BE91L"));
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].path, "/chat.postMessage");
    assert_eq!(got[0].header("authorization"), "Bearer xoxb-hunter2");
    assert_eq!(got[0].header("content-type"), "application/json; charset=utf-8");
    assert_eq!(got[0].json()["channel"], "C024BE91L");
}

#[tokio::test]
async fn the_end_updates_that_message_and_answers_in_its_thread() {
    let answers =
        vec![say(200, POSTED), say(200, r#"{"ok":true,"channel":"C024BE91L","ts":"1764.000200"}"#)];
    let (done, got) = deliver(answers, &bot(), &resolved(), Some(&receipt())).await;
    assert_eq!(done.unwrap(), receipt(), "the first message stays the one that is updated");
    let paths: Vec<&str> = got.iter().map(|got| got.path.as_str()).collect();
    assert_eq!(paths, ["/chat.update", "/chat.postMessage"]);
    assert_eq!(got[0].json()["ts"], "1764.000100");
    assert_eq!(got[1].json()["thread_ts"], "1764.000100");
}

#[tokio::test]
async fn a_message_that_is_gone_is_posted_anew() {
    for code in GONE {
        let gone = format!(r#"{{"ok":false,"error":"{code}"}}"#);
        let again = r#"{"ok":true,"channel":"C024BE91L","ts":"1764.000900"}"#;
        let answers = vec![say(200, &gone), say(200, again)];
        let (done, got) = deliver(answers, &bot(), &resolved(), Some(&receipt())).await;
        assert_eq!(done.unwrap().key.as_deref(), Some("1764.000900"));
        assert!(got[1].json().get("thread_ts").is_none());
    }
}

#[tokio::test]
async fn an_answer_in_the_thread_that_fails_is_a_failure_and_can_be_tried_again() {
    let answers = vec![say(200, POSTED), say(500, "")];
    let (done, _) = deliver(answers, &bot(), &resolved(), Some(&receipt())).await;
    assert!(matches!(done.unwrap_err(), SinkError::Failed { .. }));
}

#[tokio::test]
async fn a_limit_is_passed_on_with_its_patience() {
    let limited =
        Say::Answer(429, "retry-after: 30\r\n", r#"{"ok":false,"error":"ratelimited"}"#.to_owned());
    let (done, _) = deliver(vec![limited], &bot(), &notification(), None).await;
    let Err(SinkError::Limited { retry_after, .. }) = done else { panic!("{done:?}") };
    assert_eq!(retry_after, Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn a_refused_token_that_has_not_changed_is_not_tried_again() {
    let refused = say(200, r#"{"ok":false,"error":"token_revoked"}"#);
    let (done, got) = deliver(vec![refused], &bot(), &notification(), None).await;
    let error = done.unwrap_err();
    assert!(matches!(error, SinkError::Unauthorized { .. }));
    assert!(error.to_string().contains("put a valid bot token into the secret"), "{error}");
    assert_eq!(got.len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Service::answering(vec![say(200, POSTED)]).await;
    let location: &'static str = format!("location: {}/x\r\n", elsewhere.url).leak();
    let moved = Say::Answer(302, location, String::new());
    let (done, _) = deliver(vec![moved], &bot(), &notification(), None).await;
    assert!(matches!(done.unwrap_err(), SinkError::Refused { .. }));
    assert!(elsewhere.got().is_empty());
}

#[tokio::test]
async fn a_webhook_that_hangs_up_fails_without_its_address() {
    let sink = Sink::SlackWebhook(SlackWebhook { url: secret("url"), mentions: Vec::new() });
    let (done, got) = deliver(vec![Say::HangUp], &sink, &notification(), None).await;
    let error = done.unwrap_err();
    assert!(matches!(error, SinkError::Failed { .. }));
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    assert_eq!(got[0].path, "/services/T/B/hunter2");
}

#[tokio::test]
async fn a_webhook_takes_every_notification_as_a_message_of_its_own() {
    let sink = Sink::SlackWebhook(SlackWebhook { url: secret("url"), mentions: Vec::new() });
    for told in [notification(), resolved()] {
        let (done, got) =
            deliver(vec![say(200, "ok")], &sink, &told, Some(&Receipt::default())).await;
        assert_eq!(done.unwrap().key, None);
        assert!(got[0].json().get("channel").is_none());
    }
    let (done, _) = deliver(vec![say(200, "no_text")], &sink, &notification(), None).await;
    assert!(matches!(done.unwrap_err(), SinkError::Refused { .. }));
}

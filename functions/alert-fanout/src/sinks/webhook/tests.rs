use domain::catalogue::alerting::Sink;

use super::*;
use crate::sinks::testing::{Service, place, say, secret, secrets, sinks};
use crate::testing::{alert, notification, resolved};

fn sink() -> Webhook {
    Webhook { url: secret("url"), signing_secret: secret("signing") }
}

#[test]
fn a_notification_looks_as_alertmanagers_does() {
    insta::assert_json_snapshot!(body(&notification(), &place()));
}

#[test]
fn an_end_has_its_time_and_what_is_left_out_is_counted() {
    let mut over = resolved();
    let told = body(&over, &place());
    assert_eq!(told["status"], "resolved");
    assert_eq!(told["alerts"][0]["startsAt"], "2026-11-21T12:00:00Z");
    assert_eq!(told["alerts"][0]["endsAt"], "2026-11-21T12:17:30Z");
    over.alerts = (0..150).map(|_| alert()).collect();
    over.resolved = 9_999;
    let told = body(&over, &place());
    assert_eq!(told["alerts"].as_array().unwrap().len(), ALERTS_MAX);
    assert_eq!(told["truncatedAlerts"], 9_999 - ALERTS_MAX);
}

#[test]
fn what_only_some_alerts_have_is_not_common() {
    let mut told = notification();
    let mut other = alert();
    other.labels.insert("threshold".to_owned(), "80".to_owned());
    told.alerts.push(other);
    let common = body(&told, &place())["commonLabels"].clone();
    assert_eq!(common["alertname"], "database-cpu");
    assert!(common.get("threshold").is_none());
}

/// The example of the specification of Standard Webhooks.
#[test]
fn the_signature_is_that_of_standard_webhooks() {
    let secret = Credential::for_test("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let key = key("webhook", &sink(), &secret).unwrap();
    let signature =
        sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn a_secret_that_is_none_is_refused_and_not_shown() {
    for bad in ["whsec_hunter2", "whsec_c2hvcnQ=", "hunter2 hunter2"] {
        let error = key("webhook", &sink(), &Credential::for_test(bad)).unwrap_err();
        assert!(error.to_string().contains("no signing secret"), "{error}");
        assert!(!error.to_string().contains(bad), "{error}");
    }
}

#[tokio::test]
async fn a_receiver_can_verify_what_it_gets_and_tell_a_repetition() {
    let service = Service::answering(vec![say(500, ""), say(204, ""), say(204, "")]).await;
    let url = format!("{}/hooks?key=hunter2", service.url);
    let secrets = secrets(&[("url", &url), ("signing", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]);
    let sinks = sinks(&service.url, &secrets, &[], &[]);
    let sink = Sink::Webhook(sink());
    let error = sinks.deliver(&sink, &notification(), None).await.unwrap_err();
    assert!(matches!(error, SinkError::Failed { .. }));
    sinks.deliver(&sink, &notification(), None).await.unwrap();
    sinks.deliver(&sink, &resolved(), None).await.unwrap();
    let got = service.got();
    let ids: Vec<&str> = got.iter().map(|got| got.header("webhook-id")).collect();
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
    let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    for got in &got {
        let (version, signature) = got.header("webhook-signature").split_once(',').unwrap();
        let signed = format!(
            "{}.{}.{}",
            got.header("webhook-id"),
            got.header("webhook-timestamp"),
            got.body
        );
        let signature = STANDARD.decode(signature).unwrap();
        assert_eq!(version, "v1");
        hmac::verify(&key, signed.as_bytes(), &signature).unwrap();
    }
}

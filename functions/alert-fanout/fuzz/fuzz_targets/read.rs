//! Bytes, as the body of a queue's message and as the payload of an invocation.

#![no_main]

use std::sync::LazyLock;

use alert_fanout::alert::Alert;
use alert_fanout::event::{self, Context, Delivery, Message};
use domain::Catalogue;
use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;

static CONTEXT: LazyLock<Context> = LazyLock::new(|| {
    let text = include_str!("../../../../infra/catalogues/mate.toml");
    let catalogue = Catalogue::parse("mate.toml", text).expect("the catalogue is good");
    Context::new(&catalogue, &"dev".parse().expect("an environment"), "eu-central-1")
});

/// A few hours after the fixtures.
static NOW: LazyLock<Timestamp> =
    LazyLock::new(|| "2026-03-02T12:00:00Z".parse().expect("a time"));

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    check(&event::read_body(&text, Delivery::default(), &CONTEXT, *NOW));
    if let Ok(payload) = serde_json::from_slice(bytes) {
        check(&event::read(&payload, &CONTEXT, *NOW));
    }
});

fn check(messages: &[Message]) {
    assert!(!messages.is_empty(), "a report was lost");
    for message in messages {
        if let Message::Alert(alert) = message {
            check_alert(alert);
        }
    }
}

fn check_alert(alert: &Alert) {
    assert!((1..=255).contains(&alert.dedup_key.len()), "{:?}", alert.dedup_key);
    assert!(!alert.title.trim().is_empty());
    assert!(!alert.title.chars().any(char::is_control), "{:?}", alert.title);
    assert!(alert.title.chars().count() <= 200 && alert.summary.chars().count() <= 1500);
    assert!(alert.labels.contains_key("alertname"));
    assert!(alert.happened_at <= *NOW + SignedDuration::from_mins(5));
    for link in &alert.links {
        assert!(link.url.starts_with("https://"), "{}", link.url);
        let host = link.url.split('/').nth(2).unwrap_or_default();
        let of_aws = [".aws.amazon.com", ".amazonaws.cn", ".amazonaws-us-gov.com", "-eusc.eu"];
        assert!(of_aws.iter().any(|domain| host.ends_with(domain)), "{}", link.url);
    }
}

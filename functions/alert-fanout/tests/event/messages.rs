//! Each fixture has a snapshot of the messages that it comes to; and whatever the message, each
//! sink takes it.
//!
//! Slack's and Teams' messages are shown as the words in them: their markup has snapshots where it
//! is made.

use std::fmt::Write as _;

use alert_fanout::alert::Alert;
use alert_fanout::notification::{Notification, Occasion};
use alert_fanout::sinks::{Endpoints, Place, preview};
use domain::catalogue::alerting::{Email, PagerDuty, SecretRef, Sink, Slack, Sns, Teams, Webhook};
use serde_json::Value;

use crate::corpus;

fn place() -> Place {
    Place {
        product: "mate".parse().unwrap(),
        environment: "dev".parse().unwrap(),
        region: "eu-central-1".to_owned(),
        mail_topic_arn: None,
        endpoints: Endpoints::default(),
    }
}

fn secret(name: &str) -> SecretRef {
    SecretRef { secret: name.to_owned(), field: None }
}

/// A group of this alert alone, as it is told for the first time.
fn notification(alert: Alert) -> Notification {
    let of = |name: &str, value: Option<&str>| Some((name.to_owned(), value?.to_owned()));
    let labels = [
        of("alertname", alert.labels.get("alertname").map(String::as_str)),
        of("tenant", alert.tenant.as_ref().map(domain::TenantId::as_str)),
    ];
    Notification {
        group_key: format!("{{}}:{{{}}}", alert.dedup_key),
        generation: 1,
        occasion: Occasion::Opened,
        receiver: "everyone".to_owned(),
        group_labels: labels.into_iter().flatten().collect(),
        state: alert.state,
        severity: alert.severity,
        firing: u64::from(alert.state == alert_fanout::alert::State::Firing),
        resolved: u64::from(alert.state == alert_fanout::alert::State::Resolved),
        is_digest: false,
        opened_at: alert.happened_at,
        happened_at: alert.happened_at,
        alerts: vec![alert],
        mentions: Vec::new(),
        fallback_for: None,
    }
}

/// How a message is shown.
type Show = fn(&str) -> String;

/// The sinks, and how their messages are shown.
fn sinks() -> Vec<(Sink, Show)> {
    let slack = Slack {
        channel: "C024BE91L".to_owned(),
        token: secret("slack"),
        mentions: vec!["U024BE7LH".to_owned()],
    };
    vec![
        (Sink::Sns(Sns { topic_arn: None }), str::to_owned as Show),
        (Sink::Slack(slack), words),
        (Sink::PagerDuty(PagerDuty { routing_key: secret("pagerduty") }), str::to_owned),
        (Sink::Teams(Teams { url: secret("teams"), mentions: Vec::new() }), words),
    ]
}

/// What a person reads of a message, a line each.
fn words(body: &str) -> String {
    fn collect(value: &Value, out: &mut String) {
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    match value {
                        Value::String(text)
                            if ["text", "url", "title", "color"].contains(&name.as_str()) =>
                        {
                            let _ = writeln!(out, "{}", text.replace('\n', " ⏎ "));
                        }
                        other => collect(other, out),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, out)),
            _ => {}
        }
    }
    let mut out = String::new();
    collect(&serde_json::from_str(body).unwrap(), &mut out);
    out
}

#[test]
fn every_event_comes_to_the_messages_that_its_snapshot_says() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut failed = Vec::new();
    for fixture in corpus::all() {
        let alerts = alert_fanout::event::alerts(fixture.read());
        if alerts.is_empty() {
            continue;
        }
        let mut shown = String::new();
        for alert in alerts {
            let told = notification(alert);
            for (sink, show) in sinks() {
                for preview in preview(&place(), &sink, &told) {
                    let _ = writeln!(
                        shown,
                        "--- {}: {}\n{}",
                        sink.kind(),
                        preview.what,
                        show(&preview.body)
                    );
                }
            }
        }
        let (folder, name) = fixture.name.rsplit_once('/').unwrap();
        settings.set_snapshot_path(format!("../snapshots/messages/{folder}"));
        settings.bind(|| {
            // All that differ are shown, not the first alone.
            let check = || insta::assert_snapshot!(name, shown.trim_end());
            if std::panic::catch_unwind(check).is_err() {
                failed.push(fixture.name.clone());
            }
        });
    }
    assert!(failed.is_empty(), "these differ: {failed:#?}");
}

#[test]
fn every_event_fits_into_every_message() {
    let webhook = Webhook { url: secret("url"), signing_secret: secret("signing") };
    let email = Email { from: "a@example.com".to_owned(), to: vec!["b@example.com".to_owned()] };
    let mut all = sinks();
    all.push((Sink::Webhook(webhook), str::to_owned));
    all.push((Sink::Email(email), str::to_owned));
    for fixture in corpus::all() {
        for alert in alert_fanout::event::alerts(fixture.read()) {
            let told = notification(alert);
            for (sink, _) in &all {
                for preview in preview(&place(), sink, &told) {
                    let bytes = preview.body.len();
                    // The services' own limits of a whole message, in bytes.
                    let bytes_max = match sink {
                        Sink::Teams(_) => 28 * 1024,
                        Sink::Sns(_) => 256 * 1024,
                        Sink::PagerDuty(_) => 512 * 1024,
                        _ => 100 * 1024,
                    };
                    assert!(bytes <= bytes_max, "{} to {sink}: {bytes}", fixture.name);
                }
            }
        }
    }
}

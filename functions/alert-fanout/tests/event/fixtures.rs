//! Each fixture has a snapshot of what it comes to; a change of any alert is seen in review.

use std::collections::BTreeSet;

use alert_fanout::event::Message;
use serde_json::{Value, json};

use crate::corpus;

#[test]
fn every_event_comes_to_what_its_snapshot_says() {
    let fixtures = corpus::all();
    assert!(fixtures.len() >= 60, "only {} fixtures", fixtures.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut failed = Vec::new();
    for fixture in &fixtures {
        settings.set_snapshot_path(format!("../snapshots/{}", folder(&fixture.name)));
        settings.bind(|| {
            let shown: Vec<Value> = fixture.read().iter().map(shown).collect();
            let name = fixture.name.rsplit('/').next().unwrap_or_default();
            // All that differ are shown, not the first alone.
            let check = || insta::assert_json_snapshot!(name, shown);
            if std::panic::catch_unwind(check).is_err() {
                failed.push(fixture.name.clone());
            }
        });
    }
    assert!(failed.is_empty(), "these differ: {failed:#?}");
}

fn folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn shown(message: &Message) -> Value {
    match message {
        Message::Alert(alert) => json!(alert),
        Message::Look(look) => json!({ "look": look.group }),
        Message::Sweep => json!("sweep"),
        Message::Silence(silence) => json!({ "silence": silence }),
        Message::Ignored(reason) => json!({ "ignored": reason }),
    }
}

#[test]
fn there_are_fixtures_of_every_source() {
    let mut sources = BTreeSet::new();
    for fixture in corpus::all() {
        sources.extend(alert_fanout::event::alerts(fixture.read()).into_iter().map(|it| it.source));
    }
    let expected = [
        "autoscaling",
        "backup",
        "budgets",
        "caretaker",
        "cloudformation",
        "cloudwatch-alarm",
        "cost-anomaly",
        "ecs-service",
        "ecs-task",
        "elasticache",
        "eventbridge",
        "guardduty",
        "health",
        "lambda",
        "rds",
        "security-hub",
        "text",
    ];
    assert_eq!(sources, expected.map(str::to_owned).into());
}

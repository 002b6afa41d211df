//! What holds for every payload whatsoever: fixtures with something in them changed, JSON and text of
//! any kind.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use alert_fanout::alert::Alert;
use alert_fanout::event::{self, Delivery, Message};
use domain::catalogue::is_label_name;
use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::corpus::{self, context, now, read};

/// Hosts that a link may lead to.
const HOSTS: [&str; 4] = [
    ".console.aws.amazon.com/",
    ".console.amazonaws.cn/",
    ".console.amazonaws-us-gov.com/",
    ".console.amazonaws-eusc.eu/",
];

fn check(messages: &[Message]) -> Result<(), TestCaseError> {
    prop_assert!(!messages.is_empty(), "a report was lost");
    for message in messages {
        match message {
            Message::Alert(alert) => check_alert(alert)?,
            Message::Ignored(reason) => prop_assert!(!reason.trim().is_empty()),
            Message::Look(_) | Message::Silence(_) | Message::Sweep => {}
        }
    }
    Ok(())
}

fn check_alert(alert: &Alert) -> Result<(), TestCaseError> {
    let key = &alert.dedup_key;
    prop_assert!((1..=255).contains(&key.len()) && key.is_ascii(), "{key:?}");
    prop_assert!(!alert.title.trim().is_empty());
    prop_assert!(alert.title.chars().count() <= 200, "{:?}", alert.title);
    prop_assert!(!alert.title.chars().any(char::is_control), "{:?}", alert.title);
    prop_assert!(alert.summary.chars().count() <= 1500);
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    prop_assert!(alert.summary.chars().all(is_plain), "{:?}", alert.summary);
    prop_assert!(alert.labels.contains_key("alertname"));
    prop_assert!(alert.labels.len() <= 52, "{} labels", alert.labels.len());
    for (name, value) in &alert.labels {
        prop_assert!(is_label_name(name), "{name:?}");
        prop_assert!(value.chars().count() <= 256 && !value.chars().any(char::is_control));
    }
    for link in &alert.links {
        let rest = link.url.strip_prefix("https://");
        prop_assert!(rest.is_some_and(is_known_place), "{}", link.url);
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '|');
        prop_assert!(link.url.chars().all(is_plain), "{}", link.url);
    }
    prop_assert!(alert.happened_at <= now() + SignedDuration::from_mins(5));
    Ok(())
}

fn is_known_place(rest: &str) -> bool {
    let is_console = HOSTS.iter().any(|host| {
        let place = rest.split_once(host).map(|(region, _)| region);
        let is_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        place.is_some_and(|region| region.chars().all(is_region)) || rest.starts_with(&host[1..])
    });
    is_console || rest.starts_with("wiki.example.com/runbooks/")
}

/// Every fixture as JSON, with texts that are JSON themselves opened, so that what is inside is
/// changed, too; and all keys and texts in them.
struct Material {
    payloads: Vec<Value>,
    words: Vec<String>,
}

fn material() -> &'static Material {
    static MATERIAL: OnceLock<Material> = OnceLock::new();
    MATERIAL.get_or_init(|| {
        let parsed = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
        let payloads: Vec<Value> =
            corpus::all().iter().map(|fixture| parsed(&fixture.text)).collect();
        let mut words = BTreeSet::new();
        for payload in &payloads {
            gather(payload, &mut words);
        }
        Material { payloads, words: words.into_iter().collect() }
    })
}

fn gather(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            words.insert(text.clone());
            if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                gather(&inner, words);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, words)),
        Value::Object(fields) => {
            for (key, value) in fields {
                words.insert(key.clone());
                gather(value, words);
            }
        }
        _ => {}
    }
}

/// A change of one place in a payload.
#[derive(Debug, Clone)]
enum Change {
    Replace(Value),
    Remove,
    Repeat,
    CutText(usize),
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = any::<prop::sample::Index>().prop_map(|at| json!(at.get(&material().words)));
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        word,
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof![
            any::<prop::sample::Index>().prop_map(|at| at.get(&material().words).clone()),
            any::<String>(),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any_json().prop_map(Change::Replace),
        Just(Change::Remove),
        Just(Change::Repeat),
        (0..60_usize).prop_map(Change::CutText),
    ]
}

/// Changes the `place`th value in `value`, counted as a reader comes by them; texts that are JSON are
/// gone into.
fn change(value: &mut Value, place: &mut usize, how: &Change) {
    if *place == 0 {
        *place = usize::MAX;
        match how {
            Change::Replace(other) => *value = other.clone(),
            Change::Remove => *value = Value::Null,
            Change::Repeat => *value = json!([value.clone(), value.clone()]),
            Change::CutText(at) => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                *value = json!(text.chars().take(*at).collect::<String>());
            }
        }
        return;
    }
    *place = place.wrapping_sub(1);
    match value {
        Value::String(text) => {
            if let Ok(mut inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
            {
                change(&mut inner, place, how);
                *text = inner.to_string();
            }
        }
        Value::Array(items) => {
            for item in items {
                if *place != usize::MAX {
                    change(item, place, how);
                }
            }
        }
        Value::Object(fields) => {
            for (_, field) in fields.iter_mut() {
                if *place != usize::MAX {
                    change(field, place, how);
                }
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_report_with_something_changed_in_it_is_still_told(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((0..120_usize, any_change()), 1..4),
    ) {
        let mut payload = which.get(&material().payloads).clone();
        for (mut place, how) in changes {
            change(&mut payload, &mut place, &how);
        }
        check(&event::read(&payload, context(), now()))?;
    }

    #[test]
    fn any_json_is_told(payload in any_json()) {
        check(&event::read(&payload, context(), now()))?;
        check(&read(&payload.to_string()))?;
    }

    #[test]
    fn any_text_is_told(text in "\\PC{0,300}|(?s).{0,200}|[{\\[\"a-zA-Z':,\\\\}\\]]{0,80}") {
        check(&event::read_body(&text, Delivery::default(), context(), now()))?;
    }

    #[test]
    fn a_report_cut_anywhere_is_told(which in any::<prop::sample::Index>(), at in 0..4000_usize) {
        let text = which.get(&material().payloads).to_string();
        let cut: String = text.chars().take(at).collect();
        check(&event::read_body(&cut, Delivery::default(), context(), now()))?;
    }

    #[test]
    fn the_same_payload_is_the_same_alert(which in any::<prop::sample::Index>()) {
        let payload = which.get(&material().payloads);
        prop_assert_eq!(
            event::read(payload, context(), now()),
            event::read(payload, context(), now())
        );
    }
}

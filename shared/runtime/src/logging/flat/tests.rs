use std::fmt;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tracing::{Span, error, info, info_span, warn};
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

/// The lines that `work` logs, with the time standing still.
fn lines_of(work: impl FnOnce()) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let output = move |line: &str| sink.lock().unwrap().push(line.to_owned());
    let clock = Clock::fixed("2026-01-02T03:04:05.006Z".parse().unwrap());
    let layer = FlatJson::new(output, [("function", "tenant-onboarding")]).with_clock(clock);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    lines.lock().unwrap().clone()
}

fn line_of(work: impl FnOnce()) -> String {
    let lines = lines_of(work);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

const HEAD: &str = r#"{"timestamp":"2026-01-02T03:04:05.006Z","level":"#;

#[test]
fn a_line_is_one_flat_object_with_the_fields_of_its_spans() {
    let line = line_of(|| {
        let _request = info_span!("request", request_id = "r-1", cold_start = true).entered();
        let _pass = info_span!("pass", tenant = "demo", pass = 3).entered();
        info!(target: "onboarding", duration_ms = 12.5, "pass ended");
    });
    let rest = concat!(
        r#""INFO","message":"pass ended","target":"onboarding","cold_start":true,"#,
        r#""duration_ms":12.5,"function":"tenant-onboarding","pass":3,"#,
        r#""request_id":"r-1","tenant":"demo"}"#,
        "\n"
    );
    assert_eq!(line, format!("{HEAD}{rest}"));
}

#[test]
fn the_inner_field_wins_and_a_later_record_wins() {
    let line = line_of(|| {
        let _outer = info_span!("outer", tenant = "outer", function = "from the span").entered();
        let inner = info_span!("inner", tenant = "inner", pass = tracing::field::Empty);
        inner.record("pass", 1);
        inner.record("pass", 2);
        let _inner = inner.entered();
        warn!(target: "t", pass_id = "p", "m");
    });
    let rest = concat!(
        r#""WARN","message":"m","target":"t","function":"from the span","pass":2,"#,
        r#""pass_id":"p","tenant":"inner"}"#,
        "\n"
    );
    assert_eq!(line, format!("{HEAD}{rest}"));
}

#[test]
fn an_empty_span_field_is_left_out() {
    let line = line_of(|| {
        let _span = info_span!("record", tenant = tracing::field::Empty).entered();
        info!(target: "t", "m");
    });
    assert!(!line.contains("tenant\":"), "{line}");
}

#[test]
fn quotes_newlines_and_control_characters_are_escaped() {
    let line = line_of(|| error!(target: "t", why = "a \"quoted\"\n\u{1}line\\", "two\nlines"));
    let rest = concat!(
        r#""ERROR","message":"two\nlines","target":"t","function":"tenant-onboarding","#,
        r#""why":"a \"quoted\"\n\u0001line\\"}"#,
        "\n"
    );
    assert_eq!(line, format!("{HEAD}{rest}"));
}

#[test]
fn fields_named_like_the_lines_own_are_renamed() {
    let line = line_of(
        || info!(target: "t", level = 9, timestamp = "then", target = "tenant", r#type = 1, "m"),
    );
    let rest = concat!(
        r#""INFO","message":"m","target":"t","field_level":9,"field_target":"tenant","#,
        r#""field_timestamp":"then","function":"tenant-onboarding","type":1}"#,
        "\n"
    );
    assert_eq!(line, format!("{HEAD}{rest}"));
}

#[derive(Debug, thiserror::Error)]
#[error("outer")]
struct Outer(#[source] std::io::Error);

#[test]
fn an_error_field_tells_all_its_causes() {
    let error = Outer(std::io::Error::other("root"));
    let line = line_of(|| {
        info!(target: "t", error = &error as &(dyn std::error::Error + 'static), "m");
    });
    assert!(line.contains(r#""error":"outer: root""#), "{line}");
}

#[test]
fn numbers_that_json_cannot_hold_become_text() {
    let line = line_of(|| info!(target: "t", nan = f64::NAN, big = u128::MAX, small = 7_i128, "m"));
    let big = u128::MAX;
    assert!(line.contains(&format!(r#""big":"{big}","#)), "{line}");
    assert!(line.contains(r#""nan":"NaN""#) && line.contains(r#""small":7"#), "{line}");
}

struct Broken;

impl fmt::Debug for Broken {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

#[test]
fn a_value_that_cannot_be_shown_does_not_panic() {
    let line = line_of(|| info!(target: "t", value = ?Broken, "m"));
    assert!(line.contains(r#""value":"(cannot be shown)""#), "{line}");
}

struct Chatty;

impl fmt::Debug for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!(target: "t", "logged while being shown");
        f.write_str("chatty")
    }
}

#[test]
fn a_value_that_logs_while_it_is_shown_does_not_deadlock() {
    let lines = lines_of(|| {
        let span = info_span!("span", value = tracing::field::Empty);
        let _entered = span.clone().entered();
        Span::current().record("value", tracing::field::debug(Chatty));
        info!(target: "t", other = ?Chatty, "m");
    });
    let last = lines.last().unwrap();
    assert!(last.contains(r#""other":"chatty","value":"chatty""#), "{lines:?}");
    assert!(lines[0].contains("logged while being shown"), "{lines:?}");
}

#[test]
fn a_huge_field_is_cut_and_says_so() {
    let huge = "ü".repeat(FIELD_BYTES_MAX);
    let line = line_of(|| info!(target: "t", huge, tenant = "demo", "m"));
    assert!(line.len() < FIELD_BYTES_MAX + 1_000, "{} bytes", line.len());
    assert!(line.contains("ü… (32768 bytes in all)") && line.contains(r#""tenant":"demo""#));
}

proptest! {
    #[test]
    fn every_line_is_one_json_object_that_gives_the_text_back(message: String, value: String) {
        let line = line_of(|| info!(target: "t", value, "{message}"));
        prop_assert_eq!(line.matches('\n').count(), 1);
        let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(&parsed["message"], &message);
        prop_assert_eq!(&parsed["value"], &value);
    }
}

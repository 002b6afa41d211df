//! Logs as one flat JSON object per line, so that CloudWatch Logs Insights finds `tenant = "demo"`
//! without knowing how deep it was logged.
//!
//! `tracing-subscriber`'s own JSON format nests the fields of spans under `span` and `spans`; a
//! query would have to name the depth, and a refactoring would break it. Here the fields of the
//! enclosing spans and of the event lie side by side; where two have the same name, the inner one
//! wins.
//!
//! What belongs into a field: names, identifiers, counts, durations with their unit in the name.
//! What never does: a secret, a password, a connection string, a whole event or response.

mod flat;
mod panics;

use std::io::{self, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

pub use flat::{FlatJson, Output};
pub(crate) use panics::message_of as panic_message;

/// The level that Lambda's advanced logging controls set; it wins over `RUST_LOG`.
const LAMBDA_LEVEL_VARIABLE: &str = "AWS_LAMBDA_LOG_LEVEL";

/// `info`, or `info,store=debug`: levels by target, as everywhere in Rust.
const RUST_LEVEL_VARIABLE: &str = "RUST_LOG";

/// What others may log at most, whatever the level: beyond it lie whole requests, responses and
/// statements, with the secrets in them. Targets that begin so; a longer one in `RUST_LOG` wins,
/// for a person who knows what they ask for.
const CAPS: [(&str, LevelFilter); 6] = [
    // It logs the `Debug` of every handler error and panic; the shell logs them itself, readably
    // and once.
    ("lambda_runtime::layers::panic", LevelFilter::OFF),
    // The SDK: requests and headers, security token included, at debug and trace.
    ("aws_", LevelFilter::INFO),
    ("hyper", LevelFilter::INFO),
    ("rustls", LevelFilter::INFO),
    ("sqlx", LevelFilter::INFO),
    // It logs slow statements as warnings, whole.
    ("sqlx::query", LevelFilter::OFF),
];

/// Sets up the process's logs: JSON lines to standard output, each with `function`, and panics
/// among them.
///
/// A second call changes nothing; so tests may call it as they like.
pub fn init(function_name: &str) {
    let (filter, complaint) = filter(
        std::env::var(LAMBDA_LEVEL_VARIABLE).ok().as_deref(),
        std::env::var(RUST_LEVEL_VARIABLE).ok().as_deref(),
    );
    let layer = FlatJson::new(write_line, [("function", function_name)]);
    let subscriber = tracing_subscriber::registry().with(filter).with(layer);
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        return;
    }
    panics::install_hook();
    if let Some(complaint) = complaint {
        tracing::warn!("{complaint}");
    }
}

/// One system call per line where the line fits the pipe: lines of several threads never mix.
fn write_line(line: &str) {
    // A log that cannot be written is no reason to fail the work, and there is nowhere else to say
    // so.
    let _ = io::stdout().lock().write_all(line.as_bytes());
}

/// The filter, and a complaint where the setting could not be understood.
fn filter(lambda_level: Option<&str>, rust_log: Option<&str>) -> (Targets, Option<String>) {
    let (variable, value) = match (non_blank(lambda_level), non_blank(rust_log)) {
        (Some(level), _) => (LAMBDA_LEVEL_VARIABLE, level),
        (None, Some(directives)) => (RUST_LEVEL_VARIABLE, directives),
        (None, None) => return (targets("info").unwrap_or_default(), None),
    };
    // Lambda knows a level that tracing does not; nothing here is worse than an error.
    let value = if value.eq_ignore_ascii_case("fatal") { "error" } else { value };
    match targets(value) {
        Ok(filter) => (filter, None),
        Err(error) => {
            let complaint = format!(
                "{variable} cannot be understood ({error}); logging at info. \
                 Give a level such as warn, or levels by target such as info,store=debug"
            );
            (targets("info").unwrap_or_default(), Some(complaint))
        }
    }
}

fn targets(directives: &str) -> Result<Targets, tracing_subscriber::filter::ParseError> {
    let asked: Targets = directives.to_ascii_lowercase().parse()?;
    let general = asked.default_level().unwrap_or(LevelFilter::OFF);
    let caps = CAPS.map(|(target, cap)| (target, cap.min(general)));
    // What was asked for by name comes last: of two levels for the same target the later one
    // stands.
    Ok(Targets::new().with_default(general).with_targets(caps).with_targets(asked))
}

fn non_blank(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn the_lambda_level_wins_over_rust_log_and_info_is_the_default() {
        // (AWS_LAMBDA_LOG_LEVEL, RUST_LOG) → the levels of ours that are shown
        let cases = [
            ((None, None), Level::INFO),
            ((Some(""), Some(" ")), Level::INFO),
            ((Some("DEBUG"), Some("error")), Level::DEBUG),
            ((Some("WARN"), None), Level::WARN),
            ((Some("FATAL"), None), Level::ERROR),
            ((None, Some("trace")), Level::TRACE),
            ((None, Some("error,store=debug")), Level::ERROR),
        ];
        for ((lambda, rust), expected) in cases {
            let (filter, complaint) = filter(lambda, rust);
            assert_eq!(complaint, None);
            for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
                let shown = filter.would_enable("runtime", &level);
                assert_eq!(shown, level <= expected, "{level} with {lambda:?} and {rust:?}");
            }
        }
    }

    #[test]
    fn a_target_may_have_a_level_of_its_own() {
        let (filter, _) = filter(None, Some("error,store=debug"));
        assert!(filter.would_enable("store::lease", &Level::DEBUG));
    }

    #[test]
    fn a_level_that_cannot_be_understood_is_complained_about_and_info_is_taken() {
        let (filter, complaint) = filter(Some("loud=very"), None);
        assert!(complaint.unwrap().starts_with("AWS_LAMBDA_LOG_LEVEL cannot be understood"));
        assert!(filter.would_enable("runtime", &Level::INFO));
        assert!(!filter.would_enable("runtime", &Level::DEBUG));
    }

    #[test]
    fn at_the_most_talkative_level_others_still_keep_requests_and_statements_to_themselves() {
        let (filter, _) = filter(Some("TRACE"), None);
        assert!(filter.would_enable("store", &Level::TRACE));
        let cases = [
            ("aws_smithy_runtime::client::orchestrator", Some(Level::INFO)),
            ("aws_sigv4::http_request", Some(Level::INFO)),
            ("hyper_util::client", Some(Level::INFO)),
            ("sqlx::pool", Some(Level::INFO)),
            ("sqlx::query", None),
            ("lambda_runtime::layers::panic", None),
        ];
        for (target, most) in cases {
            for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
                let expected = most.is_some_and(|most| level <= most);
                assert_eq!(filter.would_enable(target, &level), expected, "{target} at {level}");
            }
        }
    }

    #[test]
    fn a_low_level_holds_for_others_too() {
        let (filter, _) = filter(Some("ERROR"), None);
        assert!(filter.would_enable("aws_config", &Level::ERROR));
        assert!(!filter.would_enable("aws_config", &Level::WARN));
    }

    #[test]
    fn a_person_may_ask_for_more_by_name() {
        let (filter, _) = filter(None, Some("info,aws_smithy_runtime=debug,hyper=off"));
        assert!(filter.would_enable("aws_smithy_runtime::client", &Level::DEBUG));
        assert!(!filter.would_enable("aws_sigv4", &Level::DEBUG));
        assert!(!filter.would_enable("hyper", &Level::ERROR));
    }
}

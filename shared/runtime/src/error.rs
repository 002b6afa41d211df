//! What the shell must know of a function's error: what it is called, and whether trying again can
//! help.
//!
//! Left to itself, `lambda_runtime` answers a failed invocation with a Rust type name as
//! `errorType`. People and alarms read that field, so a function names its errors itself.

use std::error::Error;
use std::fmt::Write as _;

use lambda_runtime::Diagnostic;

/// An error as the shell sees it. A function's own error enum implements it.
pub trait Classify: Error {
    /// A short, stable name for people, alarms and metrics: the enum's variant, such as
    /// `StackFailed`.
    fn error_type(&self) -> &'static str;

    /// Whether the same work may succeed when it is tried again, without anyone changing anything.
    fn is_transient(&self) -> bool;

    /// The `errorType` and `errorMessage` that Lambda shows; the message tells all causes, not only
    /// the last.
    fn diagnostic(&self) -> Diagnostic
    where
        Self: Sized,
    {
        Diagnostic { error_type: self.error_type().to_owned(), error_message: chain(self) }
    }
}

/// Logs that work failed: what passes by itself is a warning; what needs a person is an error, and
/// alarms count errors. `consequence` says what becomes of it: `the record comes again`.
pub fn log_failure(failure: &impl Classify, consequence: &str) {
    let (error_type, error) = (failure.error_type(), chain(failure));
    if failure.is_transient() {
        tracing::warn!(error_type, error, transient = true, "{consequence}: {error}");
    } else {
        tracing::error!(error_type, error, transient = false, "{consequence}: {error}");
    }
}

/// The error and everything that caused it, on one line: `outer: middle: root`.
///
/// A cause whose words the error before it already repeats is left out.
pub fn chain(error: &dyn Error) -> String {
    let mut text = String::new();
    let mut last = String::new();
    let mut current = Some(error);
    while let Some(error) = current {
        let words = text_of(error);
        if text.is_empty() {
            text.push_str(&words);
        } else if !last.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        last = words;
        current = error.source();
    }
    text
}

/// `Display` without the panic of `to_string` where an implementation reports failure.
fn text_of(error: &dyn Error) -> String {
    let mut text = String::new();
    if write!(text, "{error}").is_err() {
        text.push_str(" (its text cannot be shown)");
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A function's error as the tests of this crate need it.
    #[derive(Debug, thiserror::Error)]
    pub(crate) enum Sample {
        #[error("stack mate-demo-dev-data failed")]
        Permanent(#[source] std::io::Error),
        #[error("the table was throttled")]
        Transient,
    }

    impl Classify for Sample {
        fn error_type(&self) -> &'static str {
            match self {
                Self::Permanent(_) => "StackFailed",
                Self::Transient => "Throttled",
            }
        }

        fn is_transient(&self) -> bool {
            matches!(self, Self::Transient)
        }
    }

    #[test]
    fn the_diagnostic_carries_the_name_and_every_cause() {
        let error = Sample::Permanent(std::io::Error::other("Database: quota exceeded"));
        let diagnostic = error.diagnostic();
        assert_eq!(diagnostic.error_type, "StackFailed");
        let message = "stack mate-demo-dev-data failed: Database: quota exceeded";
        assert_eq!(diagnostic.error_message, message);
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the record: {0}")]
    struct Repeating(#[source] std::io::Error);

    #[test]
    fn a_cause_that_is_already_told_is_not_told_twice() {
        let error = Repeating(std::io::Error::other("no such table"));
        assert_eq!(chain(&error), "cannot read the record: no such table");
    }
}

//! A panic as a log line like any other, instead of a few lines of text on standard error without
//! tenant or request.

use std::panic::{self, PanicHookInfo};

/// Replaces the default hook. The line carries the fields of the spans in which the panic happened.
pub(super) fn install_hook() {
    panic::set_hook(Box::new(log_panic));
}

pub(super) fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = message_of(panic.payload());
    let location = panic.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    tracing::error!(panic_location = location, "panicked: {message}");
}

/// What `panic!` was given: a literal or a formatted string; other payloads have no words.
pub(crate) fn message_of(payload: &(dyn std::any::Any + Send)) -> &str {
    match (payload.downcast_ref::<&'static str>(), payload.downcast_ref::<String>()) {
        (Some(message), _) => message,
        (None, Some(message)) => message,
        (None, None) => "no message",
    }
}

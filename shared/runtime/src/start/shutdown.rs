//! The end of the process: the invocation in hand is finished first.
//!
//! Lambda sends SIGTERM only to functions with an extension; the local cloud and a person at a
//! terminal send it, or SIGINT, at any time. `lambda_runtime`'s own handler registers an empty
//! extension to be sent the signal always. That is one more call at every cold start and a panic
//! where the Extensions API is not served, for nothing: a function of ours holds no state to save,
//! logs and metrics are written as they come, and a pass that is killed is taken up by the next.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::Invocations;

/// How long an invocation in hand may go on. Lambda kills a function 2 s after SIGTERM where an
/// external extension runs (500 ms with internal ones only).
const GRACE: Duration = Duration::from_millis(1_500);

/// Returns the signal's name once the process was asked to end and no invocation is in hand (or the
/// grace is over).
pub(super) async fn asked_for(invocations: &Invocations) -> &'static str {
    let name = tokio::select! {
        () = received(SignalKind::terminate()) => "SIGTERM",
        () = received(SignalKind::interrupt()) => "SIGINT",
    };
    info!(signal = name, invocations_in_hand = invocations.in_hand.get(), "asked to end");
    if tokio::time::timeout(GRACE, invocations.none_in_hand()).await.is_err() {
        warn!(signal = name, "ending in the middle of an invocation; the next pass takes it up");
    }
    name
}

async fn received(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        // Without a handler the signal ends the process by itself, which loses nothing either.
        Err(_) => std::future::pending().await,
    }
}

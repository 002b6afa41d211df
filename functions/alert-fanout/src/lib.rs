//! From what AWS and Caretaker report to the right people, within a minute, without loss and
//! without noise.
//!
//! Why it exists: alerts that nobody routes are either missed or ignored. A function that posts each
//! of them to one channel loses those that the channel does not take, and drowns the rest.
//!
//! ```text
//! payload ──► event, normalise ──► alert ──► severity, route ──► group
//! group ──► decide (pure) ──► claim ──► sinks ──► confirm
//! ```
//!
//! What comes in is folded into the document of its group before anything else; from then on it
//! cannot be lost. [`decide`] is where the thinking is.

pub mod act;
pub mod alert;
pub mod builtin;
pub mod credentials;
pub mod decide;
pub mod error;
pub mod event;
pub mod explain;
pub mod group;
pub mod inhibit;
pub mod interval;
pub mod notification;
pub mod observe;
pub mod overflow;
pub mod render;
pub mod route;
pub mod severity;
pub mod silence;
pub mod sinks;
pub mod wiring;

mod intake;
mod normalise;
mod pass;
mod setup;
mod sweep;
#[cfg(test)]
mod testing;
mod time;

pub use setup::Clients;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::catalogue::alerting::Alerting;
use runtime::Invocation;
use serde_json::Value;

use crate::act::Hands;
use crate::error::Error;
use crate::event::Context;
use crate::observe::Observer;
use crate::wiring::Wiring;

/// The function's name, in logs and metrics.
pub const FUNCTION: &str = "alert-fanout";

/// The function: everything that outlives an invocation.
#[derive(Debug)]
pub struct AlertFanout {
    alerting: Alerting,
    context: Context,
    wiring: Wiring,
    observer: Observer,
    hands: Hands,
}

impl AlertFanout {
    /// Takes in whatever the function was invoked with: a batch of its queue, which is answered
    /// record by record, or what SNS, EventBridge or an alarm of CloudWatch invoke it with.
    ///
    /// # Errors
    /// When a direct invocation could not be taken in. Lambda then tries it again.
    pub async fn handle(
        &self,
        payload: Value,
        invocation: &Invocation,
    ) -> Result<Option<SqsBatchResponse>, Error> {
        match queued(payload) {
            Ok(batch) => Ok(Some(self.batch(batch, invocation).await)),
            Err(payload) => self.direct(&payload, invocation).await.map(|()| None),
        }
    }
}

/// The batch of the queue, or the payload again if it is none.
fn queued(payload: Value) -> Result<SqsEvent, Value> {
    const QUEUE: &str = "aws:sqs";
    let records = payload.get("Records").and_then(Value::as_array);
    let is_queued = records.is_some_and(|records| {
        !records.is_empty()
            && records
                .iter()
                .all(|record| record.get("eventSource").and_then(Value::as_str) == Some(QUEUE))
    });
    if !is_queued {
        return Err(payload);
    }
    serde_json::from_value(payload.clone()).map_err(|error| {
        tracing::warn!(error = %error, "records of a queue that are not as documented");
        payload
    })
}

//! Sending the looks of a sweep: all that is unfinished, a few calls for hundreds.

use std::time::Duration;

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, MessageSystemAttributeNameForSends, SendMessageBatchRequestEntry,
};

use super::{Queue, trace_attribute};
use crate::invocation::Invocation;
use crate::sdk::{CallError, call};

/// Messages in one call (SQS API reference, `SendMessageBatch`).
const MESSAGES_PER_CALL: usize = 10;

/// What is tried, in the words of an error.
const TRIED: &str = "queue looks at what is unfinished";

impl Queue {
    /// Sends the looks of a sweep, to be received over `spread`, so that a thousand of them do not
    /// ask AWS in the same second: with jitter, no sooner than half of it. A single one, which has
    /// nobody to make way for, comes at once. Beyond the invocation's deadline none is sent: the
    /// next sweep goes on.
    ///
    /// # Errors
    /// When the queue does not take some; the rest is not sent then.
    pub async fn requeue_all(
        &self,
        bodies: &[String],
        spread: Duration,
        invocation: &Invocation,
    ) -> Result<(), CallError> {
        let spread = if bodies.len() > 1 { spread } else { Duration::ZERO };
        let mut left = bodies.len();
        for bodies in bodies.chunks(MESSAGES_PER_CALL) {
            if invocation.deadline.has_passed(invocation.clock.now()) {
                tracing::warn!(left, "the sweep ran out of time; the next goes on");
                break;
            }
            let trace = invocation.trace_header.as_deref();
            let entries = bodies.iter().enumerate().filter_map(|(number, body)| {
                let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
                let trace = trace.and_then(trace_attribute).map(|trace| [(name, trace)].into());
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .message_body(body)
                    .delay_seconds(self.with_jitter(spread))
                    .set_message_system_attributes(trace);
                // Its two required fields, id and body, are set.
                entry.build().ok()
            });
            let sent = self
                .client
                .send_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries.collect()))
                .send()
                .await
                .map_err(|error| call(TRIED, &error))?;
            // A call that succeeds may have refused its entries.
            if let Some(refused) = sent.failed().first() {
                return Err(error_of(refused));
            }
            left = left.saturating_sub(bodies.len());
        }
        Ok(())
    }
}

fn error_of(refused: &BatchResultErrorEntry) -> CallError {
    let words = refused.message().unwrap_or("no reason was given");
    CallError {
        tried: TRIED.to_owned(),
        reason: format!("{}: {words}", refused.code()),
        transient: !refused.sender_fault(),
    }
}

//! A function's own queue: sending a message back to it, showing one again soon, and giving one up.
//!
//! What takes minutes (a database being created, a task running) is never waited for inside an
//! invocation: the pass ends and re-queues itself. SQS holds the message meanwhile, for nothing.
//!
//! What becomes of a message that failed is the same for every function, too ([`Queue::settle`]):
//! what passes by itself comes again within seconds, and what does not is put with the dead letters
//! at once, with its reason beside it. What the queue itself gives up has none.

mod dead_letters;
mod redelivery;
mod sweep;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message::SendMessageError;
use aws_sdk_sqs::types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

use crate::backoff::equal_jitter;
use crate::error::Classify;
use crate::sdk::{describe_sdk_error, is_transient};

pub use redelivery::REDELIVERY;

/// The longest `DelaySeconds` of SQS (15 minutes). A longer wait is cut to it: the pass comes
/// early, finds nothing to do and re-queues itself once more.
pub const DELAY_MAX: Duration = Duration::from_mins(15);

/// A function's queue and its dead letters, for all but receiving.
///
/// It must be a standard queue: SQS takes no delay of a single message on a FIFO queue.
#[derive(Debug)]
pub struct Queue {
    client: Client,
    url: String,
    dead_letters_url: String,
    random: Mutex<fastrand::Rng>,
}

impl Queue {
    /// The queue at `url`, what it gives up at `dead_letters_url`, with jitter from the system's
    /// randomness.
    pub fn new(
        client: Client,
        url: impl Into<String>,
        dead_letters_url: impl Into<String>,
    ) -> Self {
        let random = Mutex::new(fastrand::Rng::new());
        Self { client, url: url.into(), dead_letters_url: dead_letters_url.into(), random }
    }

    /// The same jitter every time; for tests.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.random = Mutex::new(fastrand::Rng::with_seed(seed));
        self
    }

    /// Sends `body`, to be received after `delay` with equal jitter: no sooner than half of it, no
    /// later than the whole, in full seconds rounded up, at most [`DELAY_MAX`]. A delay of zero
    /// stays zero.
    ///
    /// `trace_header` is the [`Invocation`](crate::Invocation)'s; X-Ray then shows all passes as one
    /// trace.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub async fn requeue(
        &self,
        body: impl Into<String>,
        delay: Duration,
        trace_header: Option<&str>,
    ) -> Result<(), RequeueError> {
        self.send(body.into(), self.with_jitter(delay), trace_header).await
    }

    /// Sends `body`, to be received after the whole of `delay` and not sooner, in full seconds
    /// rounded up, at most [`DELAY_MAX`]: for a look that would find nothing to do before its time.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub async fn send_after(
        &self,
        body: impl Into<String>,
        delay: Duration,
        trace_header: Option<&str>,
    ) -> Result<(), RequeueError> {
        self.send(body.into(), full_seconds(delay.min(DELAY_MAX)), trace_header).await
    }

    async fn send(
        &self,
        body: String,
        delay_seconds: i32,
        trace_header: Option<&str>,
    ) -> Result<(), RequeueError> {
        let mut request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(delay_seconds);
        if let Some(trace) = trace_header.and_then(trace_attribute) {
            let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
            request = request.message_system_attributes(name, trace);
        }
        match request.send().await {
            Ok(_sent) => Ok(()),
            Err(cause) => Err(RequeueError {
                queue_url: self.url.clone(),
                delay_seconds,
                cause: Box::new(cause),
            }),
        }
    }

    fn with_jitter(&self, delay: Duration) -> i32 {
        let delay = delay.min(DELAY_MAX);
        // The generator is whole at every moment: a panic elsewhere cannot have left it
        // half-written.
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        full_seconds(equal_jitter(delay, &mut random))
    }
}

/// In full seconds rounded up, at most [`DELAY_MAX`].
fn full_seconds(delay: Duration) -> i32 {
    let rounded_up = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    i32::try_from(rounded_up.min(DELAY_MAX.as_secs())).unwrap_or(0)
}

/// `None` where there is no trace: SQS refuses an empty attribute.
fn trace_attribute(header: &str) -> Option<MessageSystemAttributeValue> {
    let value = MessageSystemAttributeValue::builder().data_type("String").string_value(header);
    value.build().ok().filter(|_| !header.is_empty())
}

/// A message that could not be sent back to the function's queue.
#[derive(Debug, thiserror::Error)]
#[error(
    "could not re-queue to {queue_url} with a delay of {delay_seconds} s: {}. \
     Nothing is lost: the message in hand comes again, and the sweep takes up what is unfinished",
    describe_sdk_error(cause)
)]
pub struct RequeueError {
    queue_url: String,
    delay_seconds: i32,
    // Not a `source`: its words are in the message already, made fit for reading.
    cause: Box<SdkError<SendMessageError, HttpResponse>>,
}

impl Classify for RequeueError {
    fn error_type(&self) -> &'static str {
        "RequeueFailed"
    }

    fn is_transient(&self) -> bool {
        is_transient(&self.cause)
    }
}

#[cfg(test)]
mod tests;

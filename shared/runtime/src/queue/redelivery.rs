//! What becomes of a message whose work is over, well or badly.

use std::time::Duration;

use super::Queue;
use crate::backoff::Backoff;
use crate::batch::Record;
use crate::error::{Classify, chain};
use crate::sdk::{CallError, describe_sdk_error};

/// How soon a message comes again after something passing went wrong: soon at first, for most
/// throttling is over in seconds, and at most as long as the queue itself would hide it. Queues
/// give a message up after five deliveries (`infra/manifest.yaml`), so the four delays between
/// them, almost three minutes, outlast a bad minute.
pub const REDELIVERY: Backoff =
    Backoff { first: Duration::from_secs(2), factor: 4, cap: Duration::from_mins(3) };

impl Queue {
    /// Has a message come again as soon as [`REDELIVERY`] says, where it would otherwise stay hidden
    /// for the queue's visibility timeout. That it cannot be done costs nothing but time.
    pub async fn show_again(&self, record: &Record) {
        let delay = REDELIVERY.delay(record.receive_count);
        let shown = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(&record.receipt_handle)
            .visibility_timeout(i32::try_from(delay.as_secs()).unwrap_or(i32::MAX))
            .send()
            .await;
        if let Err(error) = shown {
            let message_id = record.message_id.as_str();
            tracing::warn!(
                message_id,
                error = describe_sdk_error(&error),
                "{message_id} comes again later than it could"
            );
        }
    }

    /// Ends the work on a message, for [`batch::process`](crate::batch::process): what was done is
    /// done with, what may pass comes again soon, and what does not is put with the dead letters
    /// now, since trying again cannot help.
    ///
    /// # Errors
    /// What may pass, and that the dead letters did not take the message: it must come again.
    pub async fn settle<E>(&self, record: &Record, done: Result<(), E>) -> Result<(), E>
    where
        E: Classify + From<CallError>,
    {
        let Err(error) = done else { return Ok(()) };
        if error.is_transient() {
            self.show_again(record).await;
            return Err(error);
        }
        let reason = chain(&error);
        tracing::error!(error_type = error.error_type(), error = reason, "given up: {reason}");
        Ok(self.give_up(record, &reason).await?)
    }
}

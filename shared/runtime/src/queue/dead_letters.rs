//! Giving a message up: what cannot be done is kept, with the reason beside it.

use aws_sdk_sqs::types::MessageAttributeValue;

use super::Queue;
use crate::batch::Record;
use crate::sdk::{CallError, call};

/// The message attribute that says why a message is a dead letter.
pub(super) const REASON: &str = "CaretakerReason";

/// The longest reason beside a dead letter: a message's attributes share its 1 MiB with the body
/// (SQS developer guide, "Message quotas"), and a person reads the first screen.
pub(super) const REASON_BYTES_MAX: usize = 4 * 1024;

impl Queue {
    /// Puts a message of this queue with the dead letters, with the reason why it cannot be done.
    ///
    /// # Errors
    /// When the queue does not take it; the message must then come again.
    pub async fn give_up(&self, record: &Record, reason: &str) -> Result<(), CallError> {
        let what = format!("the message {}", record.message_id);
        self.bury(&what, &record.body, reason).await
    }

    /// Puts `body` with the dead letters, with the reason why it cannot be done. `what` names it in
    /// the error: `the message 059f36b4`.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub async fn bury(&self, what: &str, body: &str, reason: &str) -> Result<(), CallError> {
        let tried = format!("put {what} into {}", self.dead_letters_url);
        let mut reason = taken_by_sqs(reason);
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        let attribute =
            MessageAttributeValue::builder().data_type("String").string_value(reason).build();
        let attribute = attribute.map_err(|error| CallError {
            tried: tried.clone(),
            reason: error.to_string(),
            transient: false,
        })?;
        // SQS takes no empty body.
        let body = if body.is_empty() { " ".to_owned() } else { taken_by_sqs(body) };
        self.client
            .send_message()
            .queue_url(&self.dead_letters_url)
            .message_body(body)
            .message_attributes(REASON, attribute)
            .send()
            .await
            .map_err(|error| call(tried, &error))?;
        Ok(())
    }
}

/// The text with the replacement character in place of those that SQS refuses a whole message for:
/// all but `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF` (API
/// reference, `SendMessage`). What was read from JSON or said by a server may hold any.
fn taken_by_sqs(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\t' | '\n' | '\r' => character,
            '\0'..=' ' if character != ' ' => char::REPLACEMENT_CHARACTER,
            '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
            other => other,
        })
        .collect()
}

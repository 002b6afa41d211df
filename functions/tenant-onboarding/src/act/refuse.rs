//! What cannot be taken: told at once, filed where it belongs, and kept with its reason.

use std::time::Duration;

use aws_sdk_sqs::types::MessageAttributeValue;
use events::Event;
use events::published::TenantRequestRefused;
use events::saas_builder::Registration;

use super::Hands;
use crate::error::Error;
use crate::event::Refusal;
use crate::wiring::Wiring;
use runtime::{Record, call, describe_sdk_error};

/// The message attribute that says why a message is a dead letter.
pub(super) const REASON: &str = "CaretakerReason";

/// The longest reason beside a dead letter: a message's attributes share its 1 MiB with the body
/// (SQS developer guide, "Message quotas"), and a person reads the first screen.
const REASON_BYTES_MAX: usize = 4 * 1024;

impl Hands {
    /// Publishes the refusal, with an answer to a control plane where one waits, alerts, and puts the message into the dead-letter queue with its
    /// reason. The message can be forgotten then.
    ///
    /// # Errors
    /// When one of the three is not taken; the message must then come again.
    pub async fn refuse(
        &self,
        refusal: &Refusal,
        message_id: &str,
        body: &str,
        wiring: &Wiring,
    ) -> Result<(), Error> {
        let mistakes: Vec<String> = refusal.mistakes.iter().map(ToString::to_string).collect();
        let reason = mistakes.join("\n");
        let event = Event::TenantRequestRefused(TenantRequestRefused {
            message_id: message_id.to_owned(),
            tenant_id: refusal.tenant_id.as_ref().map(ToString::to_string),
            request_id: refusal.request_id.clone(),
            mistakes,
        });
        let answer = refusal.registration.as_ref().map(Registration::failed);
        self.publish(&event, answer.as_ref(), wiring).await?;
        let words = format!(
            "The message {message_id} on {} was refused:\n\n{reason}\n\nIt lies in the \
             dead-letter queue. Mend it and send it again.",
            wiring.queue_url
        );
        let subject = "A request for a tenant was refused";
        self.notify(&wiring.alarm_topic_arn, subject, &words, Some(&event)).await?;
        self.bury(&reason, message_id, body, wiring).await
    }

    /// Has a message come again after `delay`, where it would otherwise stay hidden for the
    /// queue's visibility timeout. That it cannot be done costs nothing but time.
    pub async fn show_again(&self, wiring: &Wiring, record: &Record, delay: Duration) {
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
        let sent = self
            .sqs
            .change_message_visibility()
            .queue_url(&wiring.queue_url)
            .receipt_handle(&record.receipt_handle)
            .visibility_timeout(seconds)
            .send()
            .await;
        if let Err(error) = sent {
            tracing::warn!(error = describe_sdk_error(&error), "the message comes again later");
        }
    }

    /// Puts a message with the dead letters, with the reason why it cannot be done.
    ///
    /// # Errors
    /// When the queue does not take it; the message must then come again.
    pub async fn bury(
        &self,
        reason: &str,
        message_id: &str,
        body: &str,
        wiring: &Wiring,
    ) -> Result<(), Error> {
        let tried = format!("put the message {message_id} into {}", wiring.dead_letter_queue_url);
        let mut reason = reason.to_owned();
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason)
            .build()
            .map_err(|error| Error::Deployment(format!("could not {tried}: {error}")))?;
        // SQS takes no empty body.
        let body = if body.is_empty() { " " } else { body };
        self.sqs
            .send_message()
            .queue_url(&wiring.dead_letter_queue_url)
            .message_body(body)
            .message_attributes(REASON, attribute)
            .send()
            .await
            .map_err(|error| call(tried, &error))?;
        Ok(())
    }
}

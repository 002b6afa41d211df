//! What cannot be taken: told at once, to programs, to people and to the control plane that asked.

use events::Event;
use events::published::TenantRequestRefused;
use events::saas_builder::Registration;

use super::Hands;
use crate::error::Error;
use crate::event::Refusal;
use crate::wiring::Wiring;

impl Hands {
    /// Publishes the refusal, with an answer to a control plane where one waits, and alerts. Answers
    /// with the reason to keep beside the message.
    ///
    /// # Errors
    /// When one of the two is not taken; the message must then come again.
    pub async fn refuse(
        &self,
        refusal: &Refusal,
        message_id: &str,
        wiring: &Wiring,
    ) -> Result<String, Error> {
        let mistakes: Vec<String> = refusal.mistakes.iter().map(ToString::to_string).collect();
        let reason = mistakes.join("\n");
        let event = Event::TenantRequestRefused(TenantRequestRefused {
            message_id: message_id.to_owned(),
            tenant_id: refusal.tenant_id.as_ref().map(ToString::to_string),
            request_id: refusal.request_id.clone(),
            mistakes,
        });
        let answer = refusal.registration.as_ref().map(Registration::failed);
        self.publisher.publish_with(&event, answer.as_ref()).await?;
        let words = format!(
            "The message {message_id} on {} was refused:\n\n{reason}\n\nIt lies in the \
             dead-letter queue. Mend it and send it again.",
            wiring.queue_url
        );
        let subject = "A request for a tenant was refused";
        self.publisher.notify(&wiring.alarm_topic_arn, subject, &words, Some(&event)).await?;
        Ok(reason)
    }
}

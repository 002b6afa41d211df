//! Telling others: an event on the bus for programs, a message on a topic for people.
//!
//! Both bear the same id for the same fact ([`Event::id`]), so that who hears both, or one of them
//! twice, can see that it is one thing.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sns::types::MessageAttributeValue;
use events::Event;
use events::published::EVENT_ID_ATTRIBUTE;
use events::saas_builder::Answer;

use crate::sdk::{CallError, call};

/// The longest subject of an e-mail through SNS: less than 100 characters (SNS API reference,
/// `Publish`).
const SUBJECT_CHARS_MAX: usize = 99;

/// Tells programs and people what happened.
#[derive(Debug)]
pub struct Publisher {
    events: aws_sdk_eventbridge::Client,
    sns: aws_sdk_sns::Client,
    bus: String,
    source: String,
}

impl Publisher {
    /// Tells programs on `bus`, as `source`, and people by `sns`.
    pub fn new(
        events: aws_sdk_eventbridge::Client,
        sns: aws_sdk_sns::Client,
        bus: impl Into<String>,
        source: impl Into<String>,
    ) -> Self {
        Self { events, sns, bus: bus.into(), source: source.into() }
    }

    /// Puts an event on the bus.
    ///
    /// # Errors
    /// When the bus does not take it; whoever hears it twice knows it by its `eventId`.
    pub async fn publish(&self, event: &Event) -> Result<(), CallError> {
        self.publish_with(event, None).await
    }

    /// Puts an event on the bus, and in the same call the answer to a control plane where there is
    /// one to give.
    ///
    /// # Errors
    /// When the bus does not take both.
    pub async fn publish_with(
        &self,
        event: &Event,
        answer: Option<&Answer<'_>>,
    ) -> Result<(), CallError> {
        let tried = format!("publish {} on {}", event.detail_type(), self.bus);
        let answer = answer.map(|it| self.entry(it.detail_type(), it.detail().to_string()));
        let event = self.entry(event.detail_type().to_owned(), event.detail().to_string());
        let sent = self
            .events
            .put_events()
            .set_entries(Some(std::iter::once(event).chain(answer).collect()))
            .send()
            .await
            .map_err(|error| call(tried.clone(), &error))?;
        // A call that succeeds may have refused its entries.
        let refused = sent.entries().iter().find_map(|entry| {
            let code = entry.error_code()?;
            Some(format!("{code}: {}", entry.error_message().unwrap_or("no reason was given")))
        });
        match refused {
            Some(reason) => Err(CallError { tried, reason, transient: true }),
            None => Ok(()),
        }
    }

    fn entry(&self, detail_type: String, detail: String) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(&self.source)
            .detail_type(detail_type)
            .detail(detail)
            .build()
    }

    /// Sends a message to the people behind a topic. `event` is what programs are told of the same
    /// thing, if they are. Of a long subject the beginning is kept.
    ///
    /// # Errors
    /// When the topic does not take it.
    pub async fn notify(
        &self,
        topic: &str,
        subject: &str,
        words: &str,
        event: Option<&Event>,
    ) -> Result<(), CallError> {
        let id = event.map(|event| {
            let id = MessageAttributeValue::builder().data_type("String").string_value(event.id());
            // Its one required field, the type, is set.
            id.build().map(|id| (EVENT_ID_ATTRIBUTE.to_owned(), id)).into_iter().collect()
        });
        self.sns
            .publish()
            .topic_arn(topic)
            .subject(subject.chars().take(SUBJECT_CHARS_MAX).collect::<String>())
            .message(words)
            .set_message_attributes(id)
            .send()
            .await
            .map_err(|error| call(format!("tell {topic}"), &error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;

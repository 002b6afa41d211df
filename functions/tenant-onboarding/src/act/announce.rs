//! Telling how an attempt ended: an event for programs, a message for people, and the control
//! plane's own kind of answer where one asked.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sns::types::MessageAttributeValue;
use events::Event;
use events::published::{
    EVENT_ID_ATTRIBUTE, Subject, TenantActivated, TenantAlreadyExists, TenantOnboardingFailed,
};
use events::saas_builder::{Answer, Registration};
use runtime::{CallError, call};
use store::{Status, TenantRecord};

use super::Hands;
use crate::error::Error;
use crate::wiring::Wiring;

/// The longest subject of an e-mail through SNS (SNS API reference, `Publish`).
const SUBJECT_LENGTH_MAX: usize = 99;

impl Hands {
    pub(super) async fn announce(
        &self,
        record: &TenantRecord,
        wiring: &Wiring,
    ) -> Result<String, Error> {
        let names = record.tenant.names();
        let active = record.status == Status::Active;
        let url = record.url.as_deref();
        let (event, topic, subject, words) = if let Some(failure) =
            record.failure.as_ref().filter(|_| !active)
        {
            let event = Event::TenantOnboardingFailed(TenantOnboardingFailed {
                subject: subject_of(record),
                request_id: record.request_id.clone(),
                attempt: record.attempt,
                step: failure.step.clone(),
                resource: failure.resource.clone(),
                reason: failure.reason.clone(),
            });
            let words = format!(
                "{} could not be brought up: {failure}.\n\nWhat the attempt left half-made is \
                 being removed. When the cause is mended, send the request again with a new \
                 requestId; the journal of {} has every step.",
                record.tenant.display_name,
                names.base(),
            );
            let topic = wiring.alarm_topic_arn.as_str();
            (event, topic, format!("{} failed in step {}", names.base(), failure.step), words)
        } else {
            let event = Event::TenantActivated(TenantActivated {
                subject: subject_of(record),
                request_id: record.request_id.clone(),
                attempt: record.attempt,
                url: url.unwrap_or_default().to_owned(),
            });
            let words =
                format!("{} is active at {}.", record.tenant.display_name, url.unwrap_or_default());
            let topic = wiring.notification_topic_arn.as_str();
            (event, topic, format!("{} is active", names.base()), words)
        };
        let registration = record
            .registration_id
            .clone()
            .map(|id| Registration { id, is_unprefixed: record.registration_unprefixed });
        let answer =
            registration.as_ref().map(|registration| Answer { registration, success: active, url });
        self.publish(&event, answer.as_ref(), wiring).await?;
        self.notify(topic, &subject, &words, Some(&event)).await?;
        Ok(format!("{} was published and {topic} told", event.detail_type()))
    }

    /// Answers a request for a tenant that exists with the tenant's state. A control plane hears
    /// that its registration failed: the tenant of that name is another registration's.
    ///
    /// # Errors
    /// When the bus does not take the answer.
    pub async fn answer_with_state(
        &self,
        record: &TenantRecord,
        request_id: &str,
        waiting: Option<&Registration>,
        wiring: &Wiring,
    ) -> Result<(), Error> {
        let event = Event::TenantAlreadyExists(TenantAlreadyExists {
            subject: subject_of(record),
            request_id: request_id.to_owned(),
            state: record.status.to_string(),
            url: record.url.clone(),
        });
        self.publish(&event, waiting.map(Registration::failed).as_ref(), wiring).await
    }

    /// Puts an event, and an answer to a control plane where there is one to give, on the bus.
    pub(super) async fn publish(
        &self,
        event: &Event,
        answer: Option<&Answer<'_>>,
        wiring: &Wiring,
    ) -> Result<(), Error> {
        let entry = |detail_type: String, detail: String| {
            PutEventsRequestEntry::builder()
                .event_bus_name(&wiring.event_bus)
                .source(&wiring.event_source)
                .detail_type(detail_type)
                .detail(detail)
                .build()
        };
        let tried = format!("publish {} on {}", event.detail_type(), wiring.event_bus);
        let answer = answer.map(|it| entry(it.detail_type(), it.detail().to_string()));
        let event = entry(event.detail_type().to_owned(), event.detail().to_string());
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
            Some(reason) => Err(CallError { tried, reason, transient: true }.into()),
            None => Ok(()),
        }
    }

    /// Calls a person to a stack that CloudFormation gave up on.
    pub(super) async fn call_person(&self, stack: &str, wiring: &Wiring) -> Result<String, Error> {
        let words = format!(
            "CloudFormation gave up on the stack {stack}, which a failed attempt left behind. Remove \
             it by hand; until then a new attempt fails. The runbook says how."
        );
        let topic = wiring.alarm_topic_arn.as_str();
        self.notify(topic, &format!("{stack} must be removed by hand"), &words, None).await?;
        Ok(format!("{topic} told"))
    }

    /// Sends a message to the people behind a topic. `event` is what programs are told of the same
    /// thing, if they are.
    pub(super) async fn notify(
        &self,
        topic: &str,
        subject: &str,
        words: &str,
        event: Option<&Event>,
    ) -> Result<(), Error> {
        let subject: String = subject.chars().take(SUBJECT_LENGTH_MAX).collect();
        self.sns
            .publish()
            .topic_arn(topic)
            .subject(subject)
            .message(words)
            .set_message_attributes(event.map(|event| {
                let id = MessageAttributeValue::builder()
                    .data_type("String")
                    .string_value(event.id())
                    .build();
                // Its one required field, the type, is set.
                id.map(|id| (EVENT_ID_ATTRIBUTE.to_owned(), id)).into_iter().collect()
            }))
            .send()
            .await
            .map_err(|error| call(format!("tell {topic}"), &error))?;
        Ok(())
    }
}

fn subject_of(record: &TenantRecord) -> Subject {
    let tenant = &record.tenant;
    Subject {
        product: tenant.product.clone(),
        tenant_id: tenant.id.clone(),
        environment: tenant.environment.clone(),
        tier: tenant.tier,
    }
}

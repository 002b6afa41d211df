//! Telling how an attempt ended: an event for programs, a message for people, and the control
//! plane's own kind of answer where one asked.

use events::Event;
use events::published::{Subject, TenantActivated, TenantAlreadyExists, TenantOnboardingFailed};
use events::saas_builder::{Answer, Registration};
use store::{Status, TenantRecord};

use super::Hands;
use crate::error::Error;
use crate::wiring::Wiring;

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
                subject: Subject::from(&record.tenant),
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
                subject: Subject::from(&record.tenant),
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
        self.publisher.publish_with(&event, answer.as_ref()).await?;
        self.publisher.notify(topic, &subject, &words, Some(&event)).await?;
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
    ) -> Result<(), Error> {
        let event = Event::TenantAlreadyExists(TenantAlreadyExists {
            subject: Subject::from(&record.tenant),
            request_id: request_id.to_owned(),
            state: record.status.to_string(),
            url: record.url.clone(),
        });
        let answer = waiting.map(Registration::failed);
        Ok(self.publisher.publish_with(&event, answer.as_ref()).await?)
    }

    /// Calls a person to a stack that CloudFormation gave up on.
    pub(super) async fn call_person(&self, stack: &str, wiring: &Wiring) -> Result<String, Error> {
        let words = format!(
            "CloudFormation gave up on the stack {stack}, which a failed attempt left behind. Remove \
             it by hand; until then a new attempt fails. The runbook says how."
        );
        let topic = wiring.alarm_topic_arn.as_str();
        self.publisher
            .notify(topic, &format!("{stack} must be removed by hand"), &words, None)
            .await?;
        Ok(format!("{topic} told"))
    }
}

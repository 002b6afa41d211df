//! Telling what happened: an event for programs, words for people, a dead letter for what cannot
//! be done.

use std::time::Duration;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sns::types as sns;
use aws_sdk_sqs::types::MessageAttributeValue;
use domain::catalogue::Severity;
use events::Event;
use events::published::{EVENT_ID_ATTRIBUTE, SecretRotationFailed, Subject};
use runtime::{CallError, Invocation, Record, call, describe_sdk_error};
use store::TenantRecord;

use crate::SecretRotation;
use crate::error::Error;
use crate::event::{Look, nudge};
use crate::refusal::{FailureKind, Refusal};

/// The longest subject of an e-mail through SNS (SNS API reference, `Publish`).
const SUBJECT_LENGTH_MAX: usize = 99;

/// The message attribute that says why a message is a dead letter.
const REASON: &str = "CaretakerReason";

/// The longest reason beside a dead letter: a person reads the first screen.
const REASON_BYTES_MAX: usize = 4 * 1024;

/// A failure, with all that is to be told of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed<'a> {
    /// Whose secret it is, where that is known.
    pub(crate) tenant: Option<&'a TenantRecord>,
    /// The secret's ARN.
    pub(crate) secret_arn: &'a str,
    /// Its name, where that is known.
    pub(crate) secret_name: &'a str,
    /// The version that was being made.
    pub(crate) token: &'a str,
    /// The step.
    pub(crate) step: &'a str,
    /// Why.
    pub(crate) refusal: &'a Refusal,
}

/// Whom an event is about.
pub(crate) fn subject(record: &TenantRecord) -> Subject {
    let tenant = &record.tenant;
    Subject {
        product: tenant.product.clone(),
        tenant_id: tenant.id.clone(),
        environment: tenant.environment.clone(),
        tier: tenant.tier,
    }
}

impl SecretRotation {
    /// Tells of a failure: programs always, a person where one tenant's secret reaches for what is
    /// not its own. The failure is the news; that it could not be told as well only goes to the
    /// log.
    pub(crate) async fn tell_failure(&self, failed: Failed<'_>) {
        let Failed { tenant, secret_arn, secret_name, token, step, refusal } = failed;
        let is_foreign = refusal.kind == FailureKind::Binding;
        let event = Event::SecretRotationFailed(SecretRotationFailed {
            subject: tenant.map(subject),
            secret_arn: secret_arn.to_owned(),
            secret_name: secret_name.to_owned(),
            version_id: token.to_owned(),
            step: step.to_owned(),
            kind: refusal.kind.as_str().to_owned(),
            // Somebody may be trying to take another tenant's database over.
            severity: is_foreign.then_some(Severity::Critical),
            reason: refusal.reason.clone(),
            remedy: refusal.remedy.clone(),
        });
        if let Err(error) = self.publish(&event).await {
            tracing::warn!(error = runtime::chain(&error), "the failure could not be published");
        }
        if is_foreign {
            let subject = format!("CRITICAL: {secret_name} points at what is not its tenant's");
            let words = format!("{}.\n\nWhat to do: {}.", refusal.reason, refusal.remedy);
            if let Err(error) = self.alarm(&subject, &words, Some(&event)).await {
                tracing::warn!(error = runtime::chain(&error), "nobody could be called");
            }
        }
    }

    /// Puts an event on the bus.
    pub(crate) async fn publish(&self, event: &Event) -> Result<(), Error> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.wiring.event_bus)
            .source(&self.wiring.event_source)
            .detail_type(event.detail_type())
            .detail(event.detail().to_string())
            .build();
        let tried = format!("publish {} on {}", event.detail_type(), self.wiring.event_bus);
        let sent = self
            .clients
            .events
            .put_events()
            .entries(entry)
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

    /// Calls a person. `event` is what programs are told of the same thing, if they are.
    pub(crate) async fn alarm(
        &self,
        subject: &str,
        words: &str,
        event: Option<&Event>,
    ) -> Result<(), Error> {
        let topic = &self.wiring.alarm_topic_arn;
        let subject: String = subject.chars().take(SUBJECT_LENGTH_MAX).collect();
        self.clients
            .sns
            .publish()
            .topic_arn(topic)
            .subject(subject)
            .message(words)
            .set_message_attributes(event.map(|event| {
                let id = sns::MessageAttributeValue::builder()
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

    /// Has the function look at a secret in a moment. That it cannot be queued costs nothing but
    /// time: the sweep comes.
    pub(crate) async fn look_soon(&self, secret: &str, invocation: &Invocation) {
        let look = Look { secret: secret.to_owned(), chain: None };
        let trace = invocation.trace_header.as_deref();
        if let Err(error) = self.requeue.send(nudge(&look), Duration::ZERO, trace).await {
            tracing::warn!(error = runtime::chain(&error), "the sweep looks instead");
        }
    }

    /// Has a message come again after `delay`, where it would otherwise stay hidden for the queue's
    /// visibility timeout. That it cannot be done costs nothing but time.
    pub(crate) async fn show_again(&self, record: &Record, delay: Duration) {
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
        let sent = self
            .clients
            .sqs
            .change_message_visibility()
            .queue_url(&self.wiring.queue_url)
            .receipt_handle(&record.receipt_handle)
            .visibility_timeout(seconds)
            .send()
            .await;
        if let Err(error) = sent {
            tracing::warn!(error = describe_sdk_error(&error), "the message comes again later");
        }
    }

    /// Puts a message with the dead letters, with the reason why it cannot be done.
    pub(crate) async fn bury(&self, reason: &str, record: &Record) -> Result<(), Error> {
        let tried = format!(
            "put the message {} into {}",
            record.message_id, self.wiring.dead_letter_queue_url
        );
        let mut reason = reason.to_owned();
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason)
            .build()
            .map_err(|error| Error::Unfit(format!("could not {tried}: {error}")))?;
        // SQS takes no empty body.
        let body = if record.body.is_empty() { " " } else { &record.body };
        self.clients
            .sqs
            .send_message()
            .queue_url(&self.wiring.dead_letter_queue_url)
            .message_body(body)
            .message_attributes(REASON, attribute)
            .send()
            .await
            .map_err(|error| call(tried, &error))?;
        Ok(())
    }
}

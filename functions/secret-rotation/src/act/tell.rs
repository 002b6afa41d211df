//! Telling what happened: an event for programs, words for people, a look at what comes next.

use std::time::Duration;

use domain::catalogue::Severity;
use events::Event;
use events::published::{SecretRotationFailed, Subject};
use runtime::Invocation;
use store::TenantRecord;

use crate::SecretRotation;
use crate::error::Error;
use crate::event::{Look, nudge};
use crate::refusal::{FailureKind, Refusal};

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

impl SecretRotation {
    /// Tells of a failure: programs always, a person where one tenant's secret reaches for what is
    /// not its own. The failure is the news; that it could not be told as well only goes to the
    /// log.
    pub(crate) async fn tell_failure(&self, failed: Failed<'_>) {
        let Failed { tenant, secret_arn, secret_name, token, step, refusal } = failed;
        let is_foreign = refusal.kind == FailureKind::Binding;
        let event = Event::SecretRotationFailed(SecretRotationFailed {
            subject: tenant.map(|record| Subject::from(&record.tenant)),
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
        if let Err(error) = self.publisher.publish(&event).await {
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

    /// Calls a person. `event` is what programs are told of the same thing, if they are.
    pub(crate) async fn alarm(
        &self,
        subject: &str,
        words: &str,
        event: Option<&Event>,
    ) -> Result<(), Error> {
        Ok(self.publisher.notify(&self.wiring.alarm_topic_arn, subject, words, event).await?)
    }

    /// Has the function look at a secret in a moment. That it cannot be queued costs nothing but
    /// time: the sweep comes.
    pub(crate) async fn look_soon(&self, secret: &str, invocation: &Invocation) {
        let look = Look { secret: secret.to_owned(), chain: None };
        let trace = invocation.trace_header.as_deref();
        if let Err(error) = self.queue.requeue(nudge(&look), Duration::ZERO, trace).await {
            tracing::warn!(error = runtime::chain(&error), "the sweep looks instead");
        }
    }
}

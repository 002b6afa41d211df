//! Telling how a rollout ended: an event for programs, and a person where it failed.
//!
//! It is recorded first and told then: the world never knows more than the record. Whoever is
//! killed between the two leaves a record that says so, and the next look tells. A subscriber may
//! hear it twice, with the same `eventId`.

use events::Event;
use events::published::{SecretRolloutCompleted, SecretRolloutFailed, Subject};
use jiff::Timestamp;
use runtime::metrics::Metrics;
use store::TenantRecord;

use crate::document::{Rotation, State};
use crate::error::Error;
use crate::{FUNCTION, SecretRotation};

use super::decide::Retirement;

/// What a person does about a rollout that failed.
const REMEDY: &str = "see why the service's new tasks do not start (its events and logs), mend it \
                      and deploy it; the old value works until then, and is taken away by itself \
                      when all tasks have the new one";

impl SecretRotation {
    /// Tells how the rollout ended, and notes that it was told.
    ///
    /// # Errors
    /// When somebody could not be told; the next look tells.
    pub(super) async fn tell_end(
        &self,
        rotation: &Rotation,
        tenant: &TenantRecord,
        now: Timestamp,
    ) -> Result<(), Error> {
        let subject = Subject::from(&tenant.tenant);
        match rotation.state {
            State::Settled => self.publisher.publish(&completed(rotation, subject)).await?,
            State::Failed => {
                let failed = failed(rotation, subject);
                let subject =
                    format!("{}: services did not take the new value", failed.secret_name);
                let words = format!(
                    "The secret {} was rotated, but not all that use it could be brought to the \
                     new value.\n\n{}\n\nWhat to do: {}.",
                    failed.secret_name, failed.reason, failed.remedy
                );
                let event = Event::SecretRolloutFailed(failed);
                self.publisher.publish(&event).await?;
                self.alarm(&subject, &words, Some(&event)).await?;
            }
            State::Rotating | State::RollingOut | State::Replacing => return Ok(()),
        }
        let state = rotation.state;
        count(rotation, now);
        let told = |it: &Rotation| it.state == state && it.untold;
        self.change_rollout_if(rotation, now, told, |it| it.untold = false).await?;
        Ok(())
    }
}

/// How many rollouts end how, and how long they take from the new value to the end.
fn count(rotation: &Rotation, now: Timestamp) {
    let mut metrics = Metrics::new(FUNCTION);
    metrics.dimension("kind", rotation.subject.as_str());
    metrics.property("secret", rotation.secret_name.as_str());
    metrics.property("tenant", rotation.tenant.as_str());
    let name = match rotation.state {
        State::Settled => "rollouts_completed",
        _ => "rollouts_failed",
    };
    metrics.count(name, 1);
    if let Some(finished_at) = rotation.finished_at {
        metrics.duration("rollout_ms", now.duration_since(finished_at).unsigned_abs());
    }
    metrics.emit();
}

fn completed(rotation: &Rotation, subject: Subject) -> Event {
    Event::SecretRolloutCompleted(SecretRolloutCompleted {
        subject: Some(subject),
        secret_arn: rotation.secret_arn.clone(),
        secret_name: rotation.secret_name.clone(),
        version_id: rotation.token.clone(),
        services: rotation.services.keys().cloned().collect(),
        retired: Retirement::of(rotation).to_string(),
    })
}

fn failed(rotation: &Rotation, subject: Subject) -> SecretRolloutFailed {
    let failure = rotation.last_failure.as_ref();
    SecretRolloutFailed {
        subject: Some(subject),
        secret_arn: rotation.secret_arn.clone(),
        secret_name: rotation.secret_name.clone(),
        version_id: rotation.token.clone(),
        services: rotation.unsteady.clone(),
        reason: failure.map_or_else(String::new, |failure| failure.reason.clone()),
        remedy: REMEDY.to_owned(),
    }
}

//! Looking at a rotation: by its chain of looks, by an event about one of its services, or by the
//! sweep.
//!
//! Looks come in chains, and only the event that a secret was rotated begins one: events of ECS and
//! sweeps are single looks, or a secret would soon be looked at by ever more chains. Were there no
//! chain, a rollout would rest for up to five minutes after each lost event.

use std::time::Duration;

use domain::TenantId;
use jiff::SignedDuration;
use runtime::{Backoff, Invocation};
use store::DocumentKey;

use crate::SecretRotation;
use crate::document::{self, Rotation, State};
use crate::error::Error;
use crate::event::{Look, nudge};
use crate::settle::Settled;

use super::decide::is_rolling_out;

/// How soon a rotation is looked at again while there is only waiting to do. ECS's events end most
/// waits; this is for those that are lost, and for tasks on their way out, of which ECS does not
/// tell.
const PATIENCE: Backoff =
    Backoff { first: Duration::from_secs(10), factor: 2, cap: Duration::from_mins(5) };

/// How soon a rotation is looked at again after something was done for it.
const SOON: Duration = Duration::from_secs(5);

/// Over which time the looks of one sweep are spread, so that a thousand rotations do not ask ECS
/// in the same second.
const SPREAD: Duration = Duration::from_mins(1);

/// How far ahead an event about a service looks for rotations that are due: those that failed are
/// looked at once an hour, and what has just changed may have mended one of them.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// There was nothing but waiting to do.
    Waiting,
    /// Something was done, and there is more to come.
    Progress,
    /// Not before this has passed.
    After(Duration),
}

impl SecretRotation {
    /// Looks at a secret's rotation, and goes on from where it is.
    ///
    /// # Errors
    /// When AWS or the table does not answer; the message comes again.
    pub(crate) async fn look(&self, look: &Look, invocation: &Invocation) -> Result<(), Error> {
        let now = invocation.clock.now();
        let Some(document) = self.rotation_of(&look.secret, now).await? else {
            tracing::info!(secret = look.secret, "no rotation is recorded; nothing to do");
            return Ok(());
        };
        let rotation = document.value;
        tracing::Span::current().record("tenant", rotation.tenant.as_str());
        let pause = match rotation.state {
            State::Rotating | State::Replacing => {
                self.go_on_settling(&rotation, invocation).await?
            }
            State::RollingOut | State::Settled | State::Failed => {
                // On the heap: it is by far the largest of a look's futures.
                Box::pin(self.roll_out(rotation, invocation)).await?
            }
        };
        self.look_again(look, pause, invocation).await
    }

    async fn go_on_settling(
        &self,
        rotation: &Rotation,
        invocation: &Invocation,
    ) -> Result<Option<Pause>, Error> {
        Ok(match Box::pin(self.settle(rotation, invocation)).await? {
            Settled::Again(after) => Some(Pause::After(after)),
            Settled::RollingOut => Some(Pause::Progress),
            Settled::Done => None,
        })
    }

    /// Looks at all rotations of a tenant that are rolling out: something of its services has
    /// changed. What one of them meets does not keep the others from being looked at.
    ///
    /// # Errors
    /// The first one's, when all were looked at.
    pub(crate) async fn look_at_tenant(
        &self,
        tenant: &TenantId,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        tracing::Span::current().record("tenant", tenant.as_str());
        let now = invocation.clock.now();
        let until = now.checked_add(AHEAD).unwrap_or(now);
        let partition = document::partition(&self.wiring.product, &self.wiring.environment);
        let due = self.documents.due(document::KIND, &partition, until).await?;
        let keys: Vec<DocumentKey> = due.iter().map(|due| self.document_key(&due.id)).collect();
        let found = self.documents.read_many::<Rotation>(&keys, now).await?;
        let mut first = Ok(());
        for rotation in found.into_values().map(|document| document.value) {
            if rotation.tenant != *tenant || !is_rolling_out(&rotation) {
                continue;
            }
            let look = Look { secret: rotation.secret_arn, chain: None };
            let looked = self.look(&look, invocation).await;
            first = first.and(looked);
        }
        first
    }

    /// Has every rotation looked at that is due.
    ///
    /// # Errors
    /// When the table or the queue does not answer; the next sweep comes.
    pub(crate) async fn sweep(&self, invocation: &Invocation) -> Result<(), Error> {
        let now = invocation.clock.now();
        let partition = document::partition(&self.wiring.product, &self.wiring.environment);
        let due = self.documents.due(document::KIND, &partition, now).await?;
        // Alone, not the beginning of a chain: if a chain still lives, there must not be two.
        let look = |secret: &str| nudge(&Look { secret: secret.to_owned(), chain: None });
        let looks: Vec<String> = due.iter().map(|due| look(&due.id)).collect();
        self.queue.requeue_all(&looks, SPREAD, invocation).await?;
        tracing::info!(due = due.len(), "swept: {} rotations are due", due.len());
        Ok(())
    }

    /// Queues the next look, if there is to be one and this look is one of a chain.
    async fn look_again(
        &self,
        look: &Look,
        pause: Option<Pause>,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let Some((chain, delay)) = next_look(look.chain, pause) else { return Ok(()) };
        let next = Look { secret: look.secret.clone(), chain: Some(chain) };
        let trace = invocation.trace_header.as_deref();
        self.queue.requeue(nudge(&next), delay, trace).await?;
        Ok(())
    }
}

/// The next look of a chain: how many have waited by then, and after which time.
fn next_look(chain: Option<u32>, pause: Option<Pause>) -> Option<(u32, Duration)> {
    let waited = chain?;
    Some(match pause? {
        Pause::Waiting => {
            let waited = waited.saturating_add(1);
            (waited, PATIENCE.delay(waited))
        }
        Pause::Progress => (0, SOON),
        Pause::After(after) => (waited, after),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_chain_goes_on_and_ever_more_patiently() {
        assert_eq!(next_look(None, Some(Pause::Progress)), None);
        assert_eq!(next_look(Some(3), None), None);
        assert_eq!(next_look(Some(3), Some(Pause::Progress)), Some((0, SOON)));
        let after = Duration::from_secs(77);
        assert_eq!(next_look(Some(3), Some(Pause::After(after))), Some((3, after)));
        let mut chain = 0;
        let mut delays = Vec::new();
        for _ in 0..7 {
            let (next, delay) = next_look(Some(chain), Some(Pause::Waiting)).unwrap();
            chain = next;
            delays.push(delay.as_secs());
        }
        assert_eq!(delays, [10, 20, 40, 80, 160, 300, 300]);
    }
}

//! One pass over one tenant: observe, decide, act, and leave a record of it.
//!
//! A pass that finds nothing to do writes nothing. One that acts takes the lease on the very
//! record it decided from, says in the journal what it is about to do, does it, and commits what
//! came of it together with the end of the lease.

use std::time::Duration;

use domain::catalogue::Settings;
use jiff::Timestamp;
use runtime::metrics::Metrics;
use runtime::{Backoff, Classify, Invocation, Record};
use store::{Acquire, Failure, Lease, Status, TenantRecord};

use crate::act::Situation;
use crate::decide::{Action, Decision, Wanted, decide};
use crate::error::Error;
use crate::event::{Look, nudge};
use crate::journal::{self, Lines};
use crate::{FUNCTION, TenantOnboarding};

/// How long a pass may hold a tenant: longer than the function's timeout of 30 s, so that it
/// never runs out under a pass that lives, and short enough that a pass which was killed does not
/// hold up the next one for long.
pub(crate) const LEASE_MAX: Duration = Duration::from_secs(45);

/// By how much a lease outlives the invocation that took it: clocks may be apart.
const LEASE_BEYOND: Duration = Duration::from_secs(5);

/// How long a pass of this invocation holds a tenant.
pub(crate) fn lease_for(invocation: &Invocation) -> Duration {
    let left = invocation.deadline.remaining_for_work_in_hand(invocation.clock.now());
    left.saturating_add(LEASE_BEYOND).min(LEASE_MAX)
}

/// Who a pass is: SQS may deliver a message twice at the same time, and only one of the two may
/// act.
pub(crate) fn pass_of(record: &Record) -> String {
    format!("{}/{}", record.message_id, record.receive_count)
}

/// How soon a tenant is looked at again while there is only waiting to do. CloudFormation's and
/// ECS's events end a wait; this is for those that are lost, and each look costs three calls: on
/// AWS, where a database takes ten minutes, impatience would cost more than the onboarding.
const PATIENCE: Backoff =
    Backoff { first: Duration::from_mins(1), factor: 2, cap: Duration::from_mins(10) };

/// How soon a tenant is looked at again after something was done: the next thing may be due, and
/// no event tells of it.
const SOON: Duration = Duration::from_secs(10);

/// How soon a tenant is looked at again that another pass has in hand.
const IN_OTHER_HANDS: Duration = Duration::from_secs(5);

impl TenantOnboarding {
    /// Goes on with a tenant from where it is.
    pub(crate) async fn pass(
        &self,
        tenant: TenantRecord,
        look: &Look,
        record: &Record,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let settings = self.settings(&tenant)?;
        let observed = self.observer.observe(&tenant, settings, &self.wiring.cluster).await?;
        let now = invocation.clock.now();
        let wanted = Wanted { protection: settings.database.deletion_protection };
        let decisions = decide(&tenant, &observed, wanted, now);
        let waits = decisions.iter().any(|decision| decision.action == Action::Wait);
        let only_waits = decisions.iter().all(|decision| decision.action == Action::Wait);
        if only_waits {
            for decision in &decisions {
                tracing::info!(why = decision.why, "{} waits: {}", tenant.key(), decision.why);
            }
            return self.look_again(look, waits.then_some(Pause::Waiting), invocation).await;
        }
        let (pass, held_for) = (pass_of(record), lease_for(invocation));
        let taken = self.store.acquire(&tenant, &pass, now, held_for).await?;
        let Acquire::Taken(lease) = taken else {
            tracing::info!("{} is in other hands", tenant.key());
            return self.look_again(look, Some(Pause::InOtherHands), invocation).await;
        };
        let situation = Situation { wiring: &self.wiring, settings, observed: &observed };
        let passing = Passing { function: self, lease, situation, invocation, now };
        let ended = passing.act(tenant, &decisions).await?;
        let again = waits || ended.is_unfinished();
        self.look_again(look, again.then_some(Pause::Progress), invocation).await
    }

    /// The settings of a tenant's tier.
    fn settings(&self, tenant: &TenantRecord) -> Result<&Settings, Error> {
        let tenant = &tenant.tenant;
        self.catalogue.settings(&tenant.environment, tenant.tier).ok_or_else(|| {
            Error::Deployment(format!(
                "the catalogue of {} has no tier {} in {}",
                tenant.product, tenant.tier, tenant.environment
            ))
        })
    }

    /// Queues the next look, if there is to be one and this look is one of a chain.
    async fn look_again(
        &self,
        look: &Look,
        pause: Option<Pause>,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let (waited, delay) = match (look.chain, pause) {
            (_, None) | (None, Some(Pause::Waiting | Pause::Progress)) => return Ok(()),
            (chain, Some(Pause::InOtherHands)) => (chain, IN_OTHER_HANDS),
            (Some(waited), Some(Pause::Waiting)) => {
                let waited = waited.saturating_add(1);
                (Some(waited), PATIENCE.delay(waited))
            }
            (Some(_), Some(Pause::Progress)) => (Some(0), SOON),
        };
        let next = Look { tenant_id: look.tenant_id.clone(), chain: waited };
        let trace = invocation.trace_header.as_deref();
        self.queue.requeue(nudge(&next), delay, trace).await?;
        Ok(())
    }
}

/// Why a tenant is to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// There was nothing but waiting to do.
    Waiting,
    /// Something was done, and there is more to come.
    Progress,
    /// Another pass is at work on it.
    InOtherHands,
}

/// A pass that acts.
struct Passing<'a> {
    function: &'a TenantOnboarding,
    lease: Lease,
    situation: Situation<'a>,
    invocation: &'a Invocation,
    now: Timestamp,
}

impl Passing<'_> {
    /// Carries the decisions out in their order, and ends with the record as it then stands.
    async fn act(
        &self,
        tenant: TenantRecord,
        decisions: &[Decision],
    ) -> Result<TenantRecord, Error> {
        let store = &self.function.store;
        let mut tenant = self.intend(tenant, decisions).await?;
        let mut lines = Lines::new(&self.invocation.request_id, &tenant.request_id, self.now);
        let todo = decisions.iter().filter(|decision| decision.action != Action::Wait);
        for decision in todo {
            let done =
                self.function.hands.carry_out(&decision.action, &tenant, self.situation).await;
            match done {
                Ok(outcome) => {
                    tracing::info!(outcome, "{}: {decision}: {outcome}", tenant.key());
                    lines.decision(decision, &outcome);
                    note(&mut tenant, &decision.action, self.now);
                    // What is told must be recorded first: the world never knows more than we.
                    if matches!(decision.action, Action::MarkActive { .. } | Action::MarkFailed(_))
                    {
                        let said = lines.take();
                        tenant = store.checkpoint(&self.lease, &tenant, &said, self.now).await?;
                        self.count(&tenant);
                    }
                }
                Err(error) => {
                    lines.decision(decision, &format!("failed: {}", runtime::chain(&error)));
                    let permanent = !error.is_transient();
                    if permanent && tenant.status == Status::Onboarding {
                        let failure = Failure {
                            step: journal::step(&decision.action).to_owned(),
                            resource: None,
                            reason: runtime::chain(&error),
                            at: self.now,
                        };
                        note(&mut tenant, &Action::MarkFailed(failure), self.now);
                        let said = lines.take();
                        let failed = store.commit(&self.lease, &tenant, &said, self.now).await?;
                        self.count(&failed);
                        return Ok(failed);
                    }
                    // The error is the news; that it could not be noted as well adds nothing.
                    let noted = store.commit(&self.lease, &tenant, &lines.take(), self.now).await;
                    if let Err(unnoted) = noted {
                        tracing::warn!(error = runtime::chain(&unnoted), "not in the journal");
                    }
                    return Err(error);
                }
            }
        }
        Ok(store.commit(&self.lease, &tenant, &lines.take(), self.now).await?)
    }

    /// Says in the journal what is about to be done outside, before it is: a pass that is killed
    /// right after leaves a trace of what it began.
    async fn intend(
        &self,
        tenant: TenantRecord,
        decisions: &[Decision],
    ) -> Result<TenantRecord, Error> {
        let mut lines = Lines::new(&self.invocation.request_id, &tenant.request_id, self.now);
        for decision in decisions.iter().filter(|decision| decision.action.reaches_outside()) {
            lines.decision(decision, "begun");
        }
        let lines = lines.take();
        if lines.is_empty() {
            return Ok(tenant);
        }
        Ok(self.function.store.checkpoint(&self.lease, &tenant, &lines, self.now).await?)
    }

    fn count(&self, tenant: &TenantRecord) {
        let mut metrics = Metrics::new(FUNCTION);
        metrics.dimension("tier", tenant.tenant.tier.as_str());
        metrics.property("tenant", tenant.tenant.id.as_str());
        let took = self.now.duration_since(tenant.attempt_at).unsigned_abs();
        match tenant.status {
            Status::Active => metrics.count("tenants_activated", 1).duration("onboarding_ms", took),
            _ => metrics.count("onboardings_failed", 1),
        };
        metrics.emit();
    }
}

/// Notes in the record that an action was carried out.
fn note(tenant: &mut TenantRecord, action: &Action, now: Timestamp) {
    match action {
        Action::EnsureDatabaseRole => tenant.database_role_at = Some(now),
        Action::MarkActive { url } => {
            tenant.status = Status::Active;
            tenant.url = Some(url.clone());
            tenant.active_at = tenant.active_at.or(Some(now));
            tenant.failure = None;
            tenant.announced = false;
            tenant.cleaning_up = false;
        }
        Action::MarkFailed(failure) => {
            tenant.status = Status::Failed;
            tenant.failure = Some(failure.clone());
            tenant.announced = false;
            tenant.cleaning_up = true;
        }
        Action::Announce => tenant.announced = true,
        Action::Settle | Action::LeaveToPerson { .. } => tenant.cleaning_up = false,
        Action::CreateStack(_) | Action::DeleteStack(_) | Action::Protect | Action::Wait => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::Clock;

    #[test]
    fn a_message_that_is_delivered_twice_is_two_passes() {
        let delivered = |receive_count| Record {
            message_id: "m".to_owned(),
            receive_count,
            ..Record::default()
        };
        assert_eq!(pass_of(&delivered(1)), pass_of(&delivered(1)));
        assert_ne!(pass_of(&delivered(1)), pass_of(&delivered(2)));
    }

    #[test]
    fn a_lease_outlives_its_invocation_by_little() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        for seconds in [1, 12, 30, 900] {
            let left = Duration::from_secs(seconds);
            let held = lease_for(&Invocation::for_tests(clock.clone(), left));
            assert!(
                held > left.min(LEASE_MAX.saturating_sub(LEASE_BEYOND)),
                "{held:?} of {left:?}"
            );
            assert!(held <= (left + LEASE_BEYOND).min(LEASE_MAX), "{held:?} of {left:?}");
        }
    }
}

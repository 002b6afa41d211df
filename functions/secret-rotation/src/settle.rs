//! What became of a rotation that nobody goes on with: brought to an end, so that no label stays
//! behind and no secret stays half rotated.
//!
//! Why it exists: Secrets Manager tries a rotation a few times and then leaves it, with
//! `AWSPENDING` on a version that nobody may ever finish. The next rotation then fails with "a
//! previous rotation isn't complete". So a rotation without a step for a quarter of an hour is
//! looked into: what the database holds is finished, what it does not hold is taken away.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runtime::{Backoff, Classify, Invocation, call};

use crate::SecretRotation;
use crate::act::Failed;
use crate::case::Case;
use crate::decide::{Method, Position, Seen, Who};
use crate::document::{Failure, Rotation, STUCK_AFTER, State};
use crate::doors::Doors;
use crate::error::Error;
use crate::event::{Request, Step};
use crate::observe::{Described, Version};
use crate::refusal::{FailureKind, Refusal};

/// How often in a row another value is made because the one before could not be used. A server
/// that refuses three of them refuses the way in which they are made.
pub(crate) const REPLACEMENTS_MAX: u32 = 3;

/// How long after a value was taken away another one is asked for: Secrets Manager may still be
/// trying the first.
const REPLACE_AFTER: Backoff =
    Backoff { first: Duration::from_secs(30), factor: 4, cap: Duration::from_mins(15) };

/// For how long a rotation that is stuck is tried to be ended. After that a person is called.
pub(crate) const SETTLED_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// How a look at a rotation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It is not over: look again after this time.
    Again(Duration),
    /// The new version is current: its rollout is what is left.
    RollingOut,
    /// There is nothing left to do.
    Done,
}

impl SecretRotation {
    /// Looks into a rotation whose four steps are not done.
    ///
    /// # Errors
    /// When AWS or the database does not answer; it is looked at again.
    pub(crate) async fn settle(
        &self,
        rotation: &Rotation,
        invocation: &Invocation,
    ) -> Result<Settled, Error> {
        let settled = match rotation.state {
            State::Rotating => self.settle_steps(rotation, invocation).await,
            State::Replacing => self.replace(rotation, invocation).await,
            State::RollingOut => Ok(Settled::RollingOut),
            State::Settled | State::Failed => Ok(Settled::Done),
        };
        match settled {
            Ok(settled) => Ok(settled),
            Err(error) => self.unsettled(rotation, error, invocation).await,
        }
    }

    /// A look that has failed. What passes by itself is the queue's to bring again. For the rest
    /// somebody has to mend something, so it is looked at as seldom as any rotation that is stuck,
    /// and not for ever: after a day a person is called.
    async fn unsettled(
        &self,
        rotation: &Rotation,
        error: Error,
        invocation: &Invocation,
    ) -> Result<Settled, Error> {
        let now = invocation.clock.now();
        let name = &rotation.secret_name;
        if !is_given_up(rotation, now) {
            if error.is_transient() {
                return Err(error);
            }
            let reason = runtime::chain(&error);
            tracing::warn!(secret = name, error = reason, "{name} cannot be settled: {reason}");
            self.change(&rotation.secret_arn, now, |it| {
                let ours = it.token == rotation.token && it.state == rotation.state;
                if ours {
                    it.step_at = now;
                }
                ours
            })
            .await?;
            return Ok(Settled::Again(STUCK_AFTER));
        }
        let Refusal { reason, remedy, .. } = error.told();
        let words = format!(
            "The rotation of {name} could not be ended for a day now: {reason}\n\nWhat to do: \
             {remedy}. The runbook says how to end it by hand."
        );
        self.alarm(&format!("{name} is rotated by half"), &words, None).await?;
        self.close(rotation, &reason, invocation).await
    }

    async fn settle_steps(
        &self,
        rotation: &Rotation,
        invocation: &Invocation,
    ) -> Result<Settled, Error> {
        let now = invocation.clock.now();
        let quiet = Duration::try_from(now.duration_since(rotation.step_at)).unwrap_or_default();
        if let Some(left) = STUCK_AFTER.checked_sub(quiet).filter(|left| !left.is_zero()) {
            return Ok(Settled::Again(left));
        }
        let secret = self.observer.describe(&rotation.secret_arn).await?;
        match secret.position(&rotation.token) {
            // Its last step was killed after the label was moved.
            Position::Current => self.go_on(rotation, Step::Finish, invocation).await,
            Position::Pending => self.settle_pending(rotation, secret, invocation).await,
            Position::RotationOff | Position::Unknown | Position::Neither => {
                let why = "the rotation was cancelled, or its version was replaced by another";
                self.close(rotation, why, invocation).await
            }
        }
    }

    /// A pending version that nobody goes on with: finished if it is what the database holds, taken
    /// away if it is proven not to be.
    async fn settle_pending(
        &self,
        rotation: &Rotation,
        secret: Described,
        invocation: &Invocation,
    ) -> Result<Settled, Error> {
        let case = self.case(secret).await?;
        let version = Version::Pending(&rotation.token);
        let pending = self.observer.value(&case.secret.arn, version).await?;
        let holds = match (&pending, case.method) {
            (None, _) => Some(false),
            // Nobody has to hold it, or both values are good until the rollout is over.
            (Some(_), Method::Nobody | Method::Cache) => Some(true),
            (Some(pending), Method::Database(_)) => {
                let mut doors = Doors::new(&self.trust);
                let holds = self.holds(&case, pending, &mut doors).await;
                doors.close().await;
                holds?
            }
        };
        match holds {
            Some(true) => {
                for step in [Step::Set, Step::Test, Step::Finish] {
                    self.go_on(rotation, step, invocation).await?;
                }
                Ok(Settled::RollingOut)
            }
            Some(false) => {
                self.remove_pending(&case.secret.arn, &rotation.token).await?;
                let why = "the database does not hold the new value, so AWSPENDING was taken off \
                           it; the current version is good as before";
                self.close(rotation, why, invocation).await
            }
            None => self.call_person_late(rotation, invocation).await,
        }
    }

    /// Whether the database holds the pending value; `None` where neither it nor the current one
    /// opens, so that nothing is proven.
    async fn holds(
        &self,
        case: &Case,
        pending: &secrecy::SecretString,
        doors: &mut Doors<'_>,
    ) -> Result<Option<bool>, Error> {
        let mut seen = Vec::new();
        for (who, value) in [(Who::Pending, pending), (Who::Current, &case.current)] {
            let seen_now = match (self.bind(case, value), case.target(value)) {
                (Ok(()), Ok(target)) => doors.try_door(who, &target).await,
                (Err(refusal), _) => Seen::Unusable(refusal.reason),
                (_, Err(why)) => Seen::Unusable(why),
            };
            match seen_now {
                Seen::Opens => return Ok(Some(who == Who::Pending)),
                Seen::Barred(refusal) => return Err(refusal.into()),
                other => seen.push(other),
            }
        }
        tracing::warn!(?seen, "neither the pending nor the current version opens the database");
        Ok(None)
    }

    /// Does a step in place of Secrets Manager.
    async fn go_on(
        &self,
        rotation: &Rotation,
        step: Step,
        invocation: &Invocation,
    ) -> Result<Settled, Error> {
        let request = Request {
            step,
            secret: rotation.secret_arn.clone(),
            token: rotation.token.clone(),
            rotation_token: None,
        };
        self.step(&request, invocation).await?;
        Ok(Settled::RollingOut)
    }

    /// Ends a rotation that has made no new version, and tells.
    async fn close(
        &self,
        rotation: &Rotation,
        why: &str,
        invocation: &Invocation,
    ) -> Result<Settled, Error> {
        let now = invocation.clock.now();
        let before = rotation.last_failure.as_ref();
        let step = before.map_or("rotation", |failure| failure.step.as_str());
        let reason = match before {
            Some(failure) => format!("{}; {why}", failure.reason),
            None => {
                format!("no step was heard of for {} minutes; {why}", STUCK_AFTER.as_secs() / 60)
            }
        };
        let failure = Failure {
            step: step.to_owned(),
            kind: before.map_or(FailureKind::Other.as_str(), |it| it.kind.as_str()).to_owned(),
            reason: reason.clone(),
            at: now,
        };
        let closed = self
            .change(&rotation.secret_arn, now, |it| {
                let ours = it.token == rotation.token && it.state == rotation.state;
                if ours {
                    it.state = State::Failed;
                    it.last_failure = Some(failure.clone());
                }
                ours
            })
            .await?;
        if closed.is_some() {
            let refusal = Refusal::new(FailureKind::Other, reason, "rotate again");
            self.tell_failure(Failed {
                tenant: None,
                secret_arn: &rotation.secret_arn,
                secret_name: &rotation.secret_name,
                token: &rotation.token,
                step,
                refusal: &refusal,
            })
            .await;
        }
        Ok(Settled::Done)
    }

    /// Nothing is proven, so nothing is taken away: it is looked at again, and after a day a person
    /// is called.
    async fn call_person_late(
        &self,
        rotation: &Rotation,
        invocation: &Invocation,
    ) -> Result<Settled, Error> {
        let now = invocation.clock.now();
        if !is_given_up(rotation, now) {
            return Ok(Settled::Again(STUCK_AFTER));
        }
        let name = &rotation.secret_name;
        let words = format!(
            "Neither the current nor the pending version of {name} opens the database, for a day \
             now. Set the user's password to one of the two by hand; the runbook says how."
        );
        self.alarm(&format!("{name} does not open its database"), &words, None).await?;
        let why = "neither the current nor the pending version opens the database";
        self.close(rotation, why, invocation).await
    }

    /// Asks for another rotation in place of one whose value could not be used.
    async fn replace(
        &self,
        rotation: &Rotation,
        invocation: &Invocation,
    ) -> Result<Settled, Error> {
        let now = invocation.clock.now();
        let arn = &rotation.secret_arn;
        if rotation.attempts > REPLACEMENTS_MAX {
            let why = format!("{REPLACEMENTS_MAX} values in a row could not be used");
            self.alarm(
                &format!("{} cannot be rotated", rotation.secret_name),
                &format!("{why}. The last reason: {}", last_reason(rotation)),
                None,
            )
            .await?;
            return self.close(rotation, &why, invocation).await;
        }
        if is_given_up(rotation, now) {
            let why = "another rotation was asked for, and for a day none has begun";
            let words = format!(
                "{why}. See what RotateSecret says of it. Why the value before could not be used: \
                 {}",
                last_reason(rotation)
            );
            self.alarm(&format!("{} is not rotated", rotation.secret_name), &words, None).await?;
            return self.close(rotation, why, invocation).await;
        }
        let wait = REPLACE_AFTER.delay(rotation.attempts);
        let since = rotation.last_failure.as_ref().map_or(rotation.step_at, |it| it.at);
        let waited = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        if let Some(left) = wait.checked_sub(waited).filter(|left| !left.is_zero()) {
            return Ok(Settled::Again(left));
        }
        let secret = self.observer.describe(arn).await?;
        if secret.version_with(crate::observe::PENDING).is_none() {
            self.clients
                .secrets
                .rotate_secret()
                .secret_id(arn)
                .send()
                .await
                .map_err(|error| call(format!("ask for another rotation of {arn}"), &error))?;
        }
        // Its first step begins a new document; until then this one is looked at.
        Ok(Settled::Again(STUCK_AFTER))
    }
}

/// Whether a rotation has been tried to be ended for long enough.
fn is_given_up(rotation: &Rotation, now: Timestamp) -> bool {
    now.duration_since(rotation.started_at) >= SETTLED_WITHIN
}

fn last_reason(rotation: &Rotation) -> &str {
    rotation.last_failure.as_ref().map_or("none is recorded", |failure| failure.reason.as_str())
}

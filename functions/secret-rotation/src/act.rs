//! All that is written: to the secret, to the tenant's database, to those who listen.
//!
//! Every action can be done twice with the effect of one, for Secrets Manager repeats a whole
//! rotation after any failure, and a function may be killed after any call.

mod cache;
mod database;
mod finish;
mod make;
mod tell;
use runtime::call;

use crate::decide::{Action, Who};
use crate::document::{Failure, State};
use crate::error::Error;
use crate::observe::PENDING;
use crate::refusal::Refusal;
use crate::step::Stepping;

pub(crate) use tell::Failed;

/// What came of an action.
#[derive(Debug)]
pub(crate) enum Acted {
    /// It is done; in words.
    Done(String),
    /// The server would not have the value; in its words.
    ValueRefused(String),
}

impl Stepping<'_> {
    /// Carries out an action, and says in words what came of it.
    pub(crate) async fn act(&mut self, action: Action) -> Result<Acted, Error> {
        match action {
            Action::Make => self.make().await.map(Acted::Done),
            Action::SetOver(who) => self.set_over(who).await,
            Action::EnsureAlternate => self.ensure_alternate().await,
            Action::Check(who) => self.check(who).await.map(Acted::Done),
            Action::SetCache => self.set_cache().await.map(Acted::Done),
            Action::TestCache => self.test_cache().await.map(Acted::Done),
            Action::TakeOff(refusal) => self.take_off(refusal).await,
            Action::MakeCurrent => self.make_current().await.map(Acted::Done),
            Action::Announce => self.announce().await.map(Acted::Done),
        }
    }

    /// Takes the label off the pending version and has another rotation asked for. The step has
    /// failed all the same: Secrets Manager must not go on with this version.
    async fn take_off(&mut self, refusal: Refusal) -> Result<Acted, Error> {
        let arn = &self.case.secret.arn;
        self.function.remove_pending(arn, self.token).await?;
        let now = self.invocation.clock.now();
        let failure = Failure {
            step: self.step.as_str().to_owned(),
            kind: refusal.kind.as_str().to_owned(),
            reason: refusal.reason.clone(),
            at: now,
        };
        self.function
            .change(arn, now, |rotation| {
                let ours = rotation.token == self.token && rotation.state == State::Rotating;
                if ours {
                    rotation.state = State::Replacing;
                    rotation.attempts = rotation.attempts.saturating_add(1);
                    rotation.last_failure = Some(failure.clone());
                }
                ours
            })
            .await?;
        self.function.look_soon(arn, self.invocation).await;
        Err(Refusal {
            reason: format!(
                "{}; the database does not hold this value, so {PENDING} was taken off it and \
                 another rotation is asked for",
                refusal.reason
            ),
            ..refusal
        }
        .into())
    }
}

impl crate::SecretRotation {
    /// Takes the label `AWSPENDING` off a version.
    pub(crate) async fn remove_pending(&self, secret: &str, token: &str) -> Result<(), Error> {
        self.clients
            .secrets
            .update_secret_version_stage()
            .secret_id(secret)
            .version_stage(PENDING)
            .remove_from_version_id(token)
            .send()
            .await
            .map_err(|error| call(format!("take {PENDING} off a version of {secret}"), &error))?;
        Ok(())
    }
}

/// A connection that a decision relies on and that is not there: a mistake of ours, told as one.
fn not_open(who: Who) -> Error {
    Error::Unfit(format!("nothing was opened for {who}; this is a mistake in Caretaker"))
}

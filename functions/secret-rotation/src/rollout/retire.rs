//! Taking the old value away, when no task has it any longer.
//!
//! It is the one thing here that can lock somebody out, so it is begun only under a claim, which one
//! look has at a time: the record says until when it may be going on, and no other rotation of the
//! secret begins before. Otherwise a rotation that starts at this very moment could make the old
//! user the current one again, and this would lock it.

use std::time::Duration;

use database::{
    Account, Connection, Opens, Target, discard_old_password, lock_login, opens, session,
};
use domain::naming::fingerprint;
use jiff::{SignedDuration, Timestamp};
use runtime::{Invocation, call};
use secrecy::ExposeSecret;
use store::TenantRecord;

use crate::SecretRotation;
use crate::cache::{Outcome, Step};
use crate::case::Case;
use crate::document::Rotation;
use crate::doors::CONNECT_WITHIN;
use crate::error::Error;
use crate::keys;
use crate::observe::CURRENT;
use crate::refusal::{FailureKind, Refusal};

use super::decide::Retirement;

/// By how much a claim outlives the invocation that took it: clocks may be apart.
const CLAIM_BEYOND: Duration = Duration::from_secs(5);

/// How much of a digest makes a version's id: 32 hexadecimal digits, the least that Secrets Manager
/// takes (API reference, `PutSecretValue`).
const VERSION_ID_BYTES: usize = 16;

/// What came of taking the old value away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Retired {
    /// It is gone.
    Done,
    /// ElastiCache is at work, or another look is; why, in words.
    Later(String),
    /// Its time has not come.
    NotBefore(Timestamp),
    /// The secret has a new version without it, which services get now.
    Renewed,
    /// Another rotation has begun meanwhile: it is that one's.
    NotOurs,
}

/// Why a rotation must not begin at this moment: the old value of the one before is being taken
/// away.
pub fn is_retiring(rotation: &Rotation, now: Timestamp) -> Option<Refusal> {
    rotation.retiring_until.filter(|until| *until > now).map(|_| {
        Refusal::new(
            FailureKind::Limit,
            "the old value of the rotation before this one is being taken away",
            "nothing: Secrets Manager tries it again in a moment",
        )
        .passing()
    })
}

impl SecretRotation {
    /// Takes the old value away.
    ///
    /// # Errors
    /// When it cannot be, or AWS or the server does not answer.
    pub(super) async fn retire(
        &self,
        rotation: &Rotation,
        what: &Retirement,
        tenant: &TenantRecord,
        invocation: &Invocation,
    ) -> Result<Retired, Error> {
        if *what == Retirement::Nothing {
            return Ok(Retired::Done);
        }
        let now = invocation.clock.now();
        let left = invocation.deadline.remaining_for_work_in_hand(now).saturating_add(CLAIM_BEYOND);
        let until = SignedDuration::try_from(left).ok().and_then(|left| now.checked_add(left).ok());
        let is_free = |it: &Rotation| it.retiring_until.is_none_or(|until| until <= now);
        let claim = |it: &mut Rotation| it.retiring_until = until;
        if self.change_rollout_if(rotation, now, is_free, claim).await?.is_none() {
            return self.not_claimed(rotation, now).await;
        }
        let retired = self.retire_claimed(rotation, what, tenant, now).await;
        // Given back at once, so that nobody waits for it; if not, it ends by itself.
        let release = |it: &mut Rotation| it.retiring_until = None;
        let mine = |it: &Rotation| it.retiring_until == until;
        self.change(&rotation.secret_arn, now, |it| {
            let ours = it.token == rotation.token && mine(it);
            if ours {
                release(it);
            }
            ours
        })
        .await?;
        retired
    }

    /// Who has it in hand instead: another look at this rollout, after which there may be something
    /// left to do, or another rotation.
    async fn not_claimed(&self, rotation: &Rotation, now: Timestamp) -> Result<Retired, Error> {
        let found = self.rotation_of(&rotation.secret_arn, now).await?;
        let is_same = found.is_some_and(|found| found.value.token == rotation.token);
        Ok(if is_same {
            Retired::Later("another look is taking the old value away".to_owned())
        } else {
            Retired::NotOurs
        })
    }

    async fn retire_claimed(
        &self,
        rotation: &Rotation,
        what: &Retirement,
        tenant: &TenantRecord,
        now: Timestamp,
    ) -> Result<Retired, Error> {
        let secret = self.observer.describe(&rotation.secret_arn).await?;
        let case = self.case(secret).await?;
        if case.tenant.tenant.id != tenant.tenant.id {
            return Err(Refusal::new(
                FailureKind::Binding,
                format!(
                    "the secret {} was {}'s when it was rotated, and is {}'s now",
                    rotation.secret_name, tenant.tenant.id, case.tenant.tenant.id
                ),
                "see who changed its tags; nothing was taken away",
            )
            .into());
        }
        match what {
            Retirement::LockLogin { username } => self.lock(&case, username).await,
            Retirement::DiscardOldPassword => self.discard(&case).await,
            Retirement::CacheToken | Retirement::CacheUser => {
                match self.cache_step(Step::Retire, &case, None, Duration::ZERO).await? {
                    Outcome::Done(_) => Ok(Retired::Done),
                    Outcome::Waiting(why) => Ok(Retired::Later(why)),
                }
            }
            Retirement::KeyFallbacks => self.renew(rotation, &case, now).await,
            Retirement::Nothing => Ok(Retired::Done),
        }
    }

    /// Locks the user that had its turn before. The one whose turn it is must never be locked.
    async fn lock(&self, case: &Case, username: &str) -> Result<Retired, Error> {
        if case.username(&case.current).as_deref() == Some(username) {
            return Err(Refusal::new(
                FailureKind::Configuration,
                format!("{username} is the user of the current version, so it is not locked"),
                "nothing, if somebody went back to it on purpose; else rotate again",
            )
            .into());
        }
        let master = self.master(case).await?.ok_or_else(|| {
            Refusal::new(
                FailureKind::Configuration,
                format!("{username} cannot be locked: the secret names no master"),
                "put the master secret's ARN under `masterarn` into the secret",
            )
        })?;
        let own = current(case)?;
        let account = self.proven(&own, username).await?;
        let mut connection = self.enter(&master).await?;
        let locked = lock_login(&mut connection, &account).await;
        connection.close().await;
        let changed = locked.map_err(|error| role_refusal(&error))?;
        tracing::info!(username, changed, "{username} may not log in any more");
        Ok(Retired::Done)
    }

    /// Has MySQL forget the password that it kept beside the new one; by the master where there is
    /// one, who needs no privilege of the user's for it.
    async fn discard(&self, case: &Case) -> Result<Retired, Error> {
        let own = current(case)?;
        let account = self.proven(&own, &own.username).await?;
        let target = self.master(case).await?.unwrap_or(own);
        let mut connection = self.enter(&target).await?;
        let discarded = discard_old_password(&mut connection, &account).await;
        connection.close().await;
        discarded.map_err(|error| role_refusal(&error))?;
        Ok(Retired::Done)
    }

    /// Proves that the current version opens the database: before it is, nothing of the old one is
    /// taken away. Answers with the account of `username` for the hosts that the current one is for,
    /// where the server knows several accounts of a name.
    async fn proven(&self, current: &Target, username: &str) -> Result<Account, Error> {
        let mut connection = self.enter(current).await.map_err(|error| {
            let refusal = error.told();
            let reason = format!("the old value is not taken away: {}", refusal.reason);
            Error::from(Refusal { reason, ..refusal })
        })?;
        let session = session(&mut connection).await;
        connection.close().await;
        let session = session.map_err(|error| Refusal::from(&error))?;
        Ok(Account { user: username.to_owned(), host: session.account_host })
    }

    async fn enter(&self, target: &Target) -> Result<Connection, Error> {
        match opens(target, &self.trust, CONNECT_WITHIN).await {
            Ok(Opens::Yes(connection)) => Ok(*connection),
            Ok(Opens::Refused(error)) | Err(error) => Err(Refusal::from(&error).into()),
        }
    }

    /// Writes a version without the keys that have expired, if there are any. The rollout begins
    /// anew for it, and that is recorded first: a pass that is killed between the two relaunches
    /// services once too often instead of never.
    async fn renew(
        &self,
        rotation: &Rotation,
        case: &Case,
        now: Timestamp,
    ) -> Result<Retired, Error> {
        let current = case.current.expose_secret();
        let Some(without) = keys::without_expired(current, now) else {
            return Ok(keys::next_expiry(current).map_or(Retired::Done, Retired::NotBefore));
        };
        let begun = self
            .change_rollout(rotation, now, |it| {
                it.finished_at = Some(now);
                it.rollout_at = None;
                it.tenant_services = None;
                it.retire_at = None;
                it.services.clear();
            })
            .await?;
        if begun.is_none() {
            return Ok(Retired::NotOurs);
        }
        let arn = &rotation.secret_arn;
        let version = format!("{arn} without the keys until {now} after {}", rotation.token);
        self.clients
            .secrets
            .put_secret_value()
            .secret_id(arn)
            .client_request_token(fingerprint(&version, VERSION_ID_BYTES))
            .secret_string(without.expose_secret())
            .version_stages(CURRENT)
            .send()
            .await
            .map_err(|error| call(format!("take expired keys out of {arn}"), &error))?;
        Ok(Retired::Renewed)
    }
}

/// Where the current version logs in.
fn current(case: &Case) -> Result<Target, Refusal> {
    case.target(&case.current).map_err(|why| {
        let reason = format!("the secret's current version cannot be used: {why}");
        let remedy = "write a version of the secret that is as it should be";
        Refusal::new(FailureKind::Configuration, reason, remedy)
    })
}

/// What the server says against it, in the words of a refusal.
fn role_refusal(error: &database::RoleError) -> Refusal {
    let refusal = Refusal::new(
        FailureKind::Permission,
        format!("the old login could not be ended: {error}"),
        "see that the master may change the user, and rotate again",
    );
    if error.is_transient() { refusal.passing() } else { refusal }
}

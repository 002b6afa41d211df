//! The steps of a cache's secret, handed to the room that knows caches.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::SecretRotation;
use crate::binding;
use crate::cache::{Cache, EarlierRollout, Outcome, Step, Subject, Values};
use crate::case::Case;
use crate::error::Error;
use crate::kind::Kind;
use crate::observe::{PREVIOUS, Version};
use crate::step::Stepping;

/// How long a step waits for ElastiCache at most. What takes longer is tried again by Secrets
/// Manager, and goes on from where it was.
const WAIT_MAX: Duration = Duration::from_secs(90);

/// What is kept of the invocation's time to say how the step ended.
const RESERVE: Duration = Duration::from_secs(15);

impl Stepping<'_> {
    pub(super) async fn set_cache(&self) -> Result<String, Error> {
        self.cache_step(Step::Set).await
    }

    pub(super) async fn test_cache(&self) -> Result<String, Error> {
        self.cache_step(Step::Test).await
    }

    async fn cache_step(&self, step: Step) -> Result<String, Error> {
        let left = self
            .invocation
            .deadline
            .remaining_for_work_in_hand(self.invocation.clock.now())
            .saturating_sub(RESERVE);
        let budget = left.min(WAIT_MAX);
        let outcome = self.function.cache_step(step, self.case, self.pending, budget).await?;
        Ok(outcome.done()?.to_owned())
    }
}

impl SecretRotation {
    /// Does a step for a cache's secret, with its binding checked.
    ///
    /// # Errors
    /// When the cache or the user is not the tenant's, or the step cannot be done.
    pub(crate) async fn cache_step(
        &self,
        step: Step,
        case: &Case,
        pending: Option<&SecretString>,
        budget: Duration,
    ) -> Result<Outcome, Error> {
        let (subject, key) = subject(case)?;
        let previous = Version::Labelled(PREVIOUS);
        let previous = self.observer.value(&case.secret.arn, previous).await?;
        let values = Values {
            pending: pending.and_then(|value| text(value, key)),
            current: text(&case.current, key),
            previous: previous.as_ref().and_then(|value| text(value, key)),
        };
        let cache = Cache::new(self.clients.elasticache.clone(), self.cache_trust());
        let owner = cache.owner(&subject).await?;
        let owner = owner.as_ref().map(|owner| (owner.arn.as_str(), &owner.tags));
        // What is gone is nobody's, and nothing is left of it to be taken away.
        if owner.is_some() || step != Step::Retire {
            binding::cache(case.claim(), self.here(), &case.tenant.tenant.id, owner)?;
        }
        // What an earlier rollout still needs was asked before this rotation began.
        cache.step(step, &subject, &values, EarlierRollout::Over, budget).await
    }
}

/// What the secret is for, and the key of its value.
fn subject(case: &Case) -> Result<(Subject, &'static str), Error> {
    match &case.kind {
        Kind::CacheToken { replication_group_id } => {
            let names = case.tenant.tenant.names();
            let group_id =
                replication_group_id.clone().unwrap_or_else(|| names.replication_group());
            Ok((Subject::Token { group_id }, "token"))
        }
        Kind::CacheUser { user_arn, username } => {
            let subject = Subject::User { arn: user_arn.clone(), name: username.clone() };
            Ok((subject, "password"))
        }
        other => Err(Error::Unfit(format!("{} is no cache's secret", other.as_str()))),
    }
}

fn text(value: &SecretString, key: &str) -> Option<SecretString> {
    let document: Value = serde_json::from_str(value.expose_secret()).ok()?;
    Some(document.get(key)?.as_str()?.to_owned().into())
}

//! The steps of a cache's secret, handed to the room that knows caches.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::binding;
use crate::cache::{Cache, EarlierRollout, Step, Subject, Values};
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
        let (subject, key) = self.subject()?;
        let arn = &self.case.secret.arn;
        let previous = self.function.observer.value(arn, Version::Labelled(PREVIOUS)).await?;
        let values = Values {
            pending: self.pending.and_then(|value| text(value, key)),
            current: text(&self.case.current, key),
            previous: previous.as_ref().and_then(|value| text(value, key)),
        };
        let cache =
            Cache::new(self.function.clients.elasticache.clone(), self.function.cache_trust());
        self.check_owner(&cache, &subject).await?;
        let left = self
            .invocation
            .deadline
            .remaining_for_work_in_hand(self.invocation.clock.now())
            .saturating_sub(RESERVE);
        // What an earlier rollout still needs was asked before this rotation began.
        let earlier = EarlierRollout::Over;
        let done = cache.step(step, &subject, &values, earlier, left.min(WAIT_MAX)).await?;
        Ok(done.done()?.to_owned())
    }

    /// What the secret is for, and the key of its value.
    fn subject(&self) -> Result<(Subject, &'static str), Error> {
        match &self.case.kind {
            Kind::CacheToken { replication_group_id } => {
                let names = self.case.tenant.tenant.names();
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

    /// The cache or the user must be the tenant's, by its own tags.
    async fn check_owner(&self, cache: &Cache, subject: &Subject) -> Result<(), Error> {
        let owner = cache.owner(subject).await?;
        let owner = owner.as_ref().map(|owner| (owner.arn.as_str(), &owner.tags));
        let tenant = &self.case.tenant.tenant.id;
        Ok(binding::cache(self.case.claim(), self.function.here(), tenant, owner)?)
    }
}

fn text(value: &SecretString, key: &str) -> Option<SecretString> {
    let document: Value = serde_json::from_str(value.expose_secret()).ok()?;
    Some(document.get(key)?.as_str()?.to_owned().into())
}

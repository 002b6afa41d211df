//! `finishSecret`: the pending version becomes the current one, and everybody hears of it.
//!
//! The order is that of the whole suite: what is so is recorded, then it is told. Killed anywhere
//! between, the step comes again and finds where it was; if nobody asks again, the sweep does.

use events::Event;
use events::published::{SecretRotated, Subject};
use runtime::call;

use crate::document::{Rotation, State};
use crate::error::Error;
use crate::observe::CURRENT;
use crate::step::Stepping;

impl Stepping<'_> {
    /// Moves the label of the current version, and tells.
    pub(super) async fn make_current(&self) -> Result<String, Error> {
        let arn = &self.case.secret.arn;
        self.function
            .clients
            .secrets
            .update_secret_version_stage()
            .secret_id(arn)
            .version_stage(CURRENT)
            .move_to_version_id(self.token)
            .set_remove_from_version_id(self.case.secret.version_with(CURRENT).map(str::to_owned))
            .send()
            .await
            .map_err(|error| call(format!("make the new version of {arn} current"), &error))?;
        self.announce().await?;
        Ok("the new version is current, and its rollout begins".to_owned())
    }

    /// Records that the version is current and that services have to follow, and tells it once.
    pub(super) async fn announce(&self) -> Result<String, Error> {
        let arn = &self.case.secret.arn;
        // The time after the label was moved: what started before may have the old value.
        let now = self.invocation.clock.now();
        let rotation = self
            .function
            .change(arn, now, |rotation| {
                let ours = rotation.token == self.token;
                if ours && rotation.finished_at.is_none() {
                    rotation.state = State::RollingOut;
                    rotation.finished_at = Some(now);
                    rotation.last_failure = None;
                    return true;
                }
                false
            })
            .await?
            .or_else(|| self.noted.clone());
        let Some(rotation) = rotation.filter(|it| !it.announced && it.token == self.token) else {
            return Ok("everybody has been told".to_owned());
        };
        self.function.publisher.publish(&self.rotated(&rotation, now)).await?;
        self.function
            .change(arn, now, |rotation| {
                let ours = rotation.token == self.token && !rotation.announced;
                rotation.announced |= ours;
                ours
            })
            .await?;
        Ok("SecretRotated was published, and the rollout begins by it".to_owned())
    }

    fn rotated(&self, rotation: &Rotation, now: jiff::Timestamp) -> Event {
        Event::SecretRotated(SecretRotated {
            subject: Some(Subject::from(&self.case.tenant.tenant)),
            secret_arn: rotation.secret_arn.clone(),
            secret_name: rotation.secret_name.clone(),
            version_id: rotation.token.clone(),
            kind: rotation.subject.as_str().to_owned(),
            strategy: rotation
                .strategy
                .map_or(rotation.subject.as_str(), |strategy| strategy.as_str())
                .to_owned(),
            rotated_at: rotation.finished_at.unwrap_or(now),
        })
    }
}

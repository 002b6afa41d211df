//! One pass over one rollout: observe, decide, act, and leave a record of it.
//!
//! Every change of the record is made only if it is still about this rotation, and an action that
//! reaches outside is begun only by the pass whose change was taken: two looks at once do not
//! deploy a service twice.

use jiff::Timestamp;
use runtime::{Classify, Invocation, call};
use store::{TenantKey, TenantRecord};

use crate::SecretRotation;
use crate::document::{Failure, Rotation, State};
use crate::error::Error;
use crate::refusal::{FailureKind, Refusal};

use super::decide::{Action, Decision, decide, is_rolling_out};
use super::look::Pause;
use super::observe::{list_services, observe, read_deployment};
use super::retire::Retired;
use super::service::Observed;

/// What a failure of the rollout is filed under, beside the names of Secrets Manager's steps.
pub(super) const STEP: &str = "rollout";

impl SecretRotation {
    /// Goes on with a rollout from where it is, and says when to look again, if at all.
    ///
    /// # Errors
    /// When AWS or the table does not answer.
    pub(super) async fn roll_out(
        &self,
        rotation: Rotation,
        invocation: &Invocation,
    ) -> Result<Option<Pause>, Error> {
        let now = invocation.clock.now();
        let Some(tenant) = self.tenant(&rotation).await? else {
            tracing::info!(secret = rotation.secret_arn, "its tenant is gone; nothing to do");
            self.change_rollout(&rotation, now, |it| it.state = State::Settled).await?;
            return Ok(None);
        };
        if rotation.untold {
            self.tell_end(&rotation, &tenant, now).await?;
        }
        if !is_rolling_out(&rotation) || rotation.retire_at.is_some_and(|at| at > now) {
            return Ok(None);
        }
        let ecs = &self.clients.ecs;
        let cluster = &self.wiring.cluster;
        let services = match &rotation.tenant_services {
            Some(services) => services.clone(),
            None => list_services(ecs, cluster, &own_services(&tenant)).await?,
        };
        let observed = observe(ecs, cluster, &services, &rotation.secret_arn).await?;
        let decisions = decide(&rotation, &observed, now);
        let passing = Passing {
            function: self,
            rotation: &rotation,
            tenant: &tenant,
            services,
            observed,
            invocation,
        };
        let mut pause = None;
        for decision in &decisions {
            match passing.act(decision, now).await? {
                Then::GoOn => {}
                Then::Stop(then) => return Ok(then),
            }
            pause = match decision.action {
                Action::Redeploy { .. } => Some(Pause::Progress),
                Action::Wait => pause.or(Some(Pause::Waiting)),
                _ => pause,
            };
        }
        Ok(pause)
    }

    async fn tenant(&self, rotation: &Rotation) -> Result<Option<TenantRecord>, Error> {
        let key = TenantKey::new(
            self.wiring.product.clone(),
            self.wiring.environment.clone(),
            rotation.tenant.clone(),
        );
        Ok(self.store.read(&key).await?)
    }

    /// Changes the record, if it still is about this rotation's rollout; answers with the record
    /// where it did.
    pub(super) async fn change_rollout(
        &self,
        rotation: &Rotation,
        now: Timestamp,
        change: impl Fn(&mut Rotation),
    ) -> Result<Option<Rotation>, Error> {
        self.change_rollout_if(rotation, now, |_| true, change).await
    }

    pub(super) async fn change_rollout_if(
        &self,
        rotation: &Rotation,
        now: Timestamp,
        fits: impl Fn(&Rotation) -> bool,
        change: impl Fn(&mut Rotation),
    ) -> Result<Option<Rotation>, Error> {
        self.change(&rotation.secret_arn, now, |it| {
            let goes_on =
                it.token == rotation.token && it.finished_at == rotation.finished_at && fits(it);
            if goes_on {
                change(it);
            }
            goes_on
        })
        .await
    }
}

/// How the names of a tenant's services begin.
fn own_services(tenant: &TenantRecord) -> String {
    tenant.tenant.names().component("")
}

/// What comes after an action.
enum Then {
    GoOn,
    Stop(Option<Pause>),
}

/// A pass that acts.
struct Passing<'a> {
    function: &'a SecretRotation,
    rotation: &'a Rotation,
    tenant: &'a TenantRecord,
    services: Vec<String>,
    observed: Observed,
    invocation: &'a Invocation,
}

impl Passing<'_> {
    async fn act(&self, decision: &Decision, now: Timestamp) -> Result<Then, Error> {
        let secret = self.rotation.secret_name.as_str();
        tracing::info!(secret, why = decision.why, "{secret}: {decision}");
        let rotation = self.rotation;
        let function = self.function;
        match &decision.action {
            Action::Redeploy { service } => {
                self.or_fail(self.redeploy(service, now).await, now).await
            }
            Action::Retire(what) => {
                let done = function.retire(rotation, what, self.tenant, self.invocation).await;
                let done = match done {
                    Ok(done) => done,
                    Err(error) => return self.or_fail(Err(error), now).await,
                };
                match done {
                    Retired::Done => Ok(Then::GoOn),
                    Retired::Later(why) => {
                        tracing::info!(secret, why, "{secret} waits: {why}");
                        Ok(Then::Stop(Some(Pause::Waiting)))
                    }
                    Retired::NotBefore(at) => {
                        function
                            .change_rollout(rotation, now, |it| it.retire_at = Some(at))
                            .await?;
                        // The sweep takes it up when its time has come.
                        Ok(Then::Stop(None))
                    }
                    Retired::Renewed => Ok(Then::Stop(Some(Pause::Progress))),
                    Retired::NotOurs => Ok(Then::Stop(None)),
                }
            }
            Action::Settle => {
                let names: Vec<&str> =
                    self.observed.services.iter().map(|it| it.name.as_str()).collect();
                let settled = function
                    .change_rollout(rotation, now, |it| {
                        it.state = State::Settled;
                        it.untold = true;
                        it.unsteady.clear();
                        for name in &names {
                            it.services.entry((*name).to_owned()).or_default();
                        }
                    })
                    .await?;
                self.tell(settled, now).await
            }
            Action::Fail { services, reason } => {
                self.fail(services, FailureKind::Other, reason, now).await
            }
            Action::GiveUp => {
                // Written anew it is not due any longer.
                function.change_rollout(rotation, now, |it| it.unsteady.clear()).await?;
                Ok(Then::GoOn)
            }
            Action::Wait => {
                // The time of a rollout begins with the first look; one that failed is due again
                // in an hour.
                if rotation.rollout_at.is_none() || rotation.state == State::Failed {
                    function.change_rollout(rotation, now, |it| self.note_begin(it, now)).await?;
                }
                Ok(Then::GoOn)
            }
        }
    }

    /// Notes that the rollout has been looked at: from now on it has its time, and it is known whom
    /// it is about.
    fn note_begin(&self, rotation: &mut Rotation, now: Timestamp) {
        rotation.rollout_at = rotation.rollout_at.or(Some(now));
        rotation.tenant_services.get_or_insert_with(|| self.services.clone());
    }

    /// Has ECS replace the tasks of a service. Who asks is noted before and after: a pass that is
    /// killed between the two leaves a trace, and the next one sees by the service's deployment
    /// whether ECS heard it.
    async fn redeploy(&self, service: &str, now: Timestamp) -> Result<Then, Error> {
        let function = self.function;
        let asked = self.rotation.services.get(service);
        let claimed = function
            .change_rollout_if(
                self.rotation,
                now,
                |it| it.services.get(service) == asked && it.state == State::RollingOut,
                |it| {
                    it.services.insert(service.to_owned(), String::new());
                    self.note_begin(it, now);
                },
            )
            .await?;
        if claimed.is_none() {
            tracing::info!(service, "{service} is in other hands");
            return Ok(Then::Stop(Some(Pause::Waiting)));
        }
        let answer = function
            .clients
            .ecs
            .update_service()
            .cluster(&function.wiring.cluster)
            .service(service)
            .force_new_deployment(true)
            .send()
            .await
            .map_err(|error| call(format!("redeploy the service {service}"), &error))?;
        let deployments = answer.service().map_or(&[][..], |service| service.deployments());
        let primary = deployments.iter().map(read_deployment).find(|it| it.is_primary);
        if let Some(deployment) = primary {
            function
                .change_rollout(self.rotation, now, |it| {
                    it.services.insert(service.to_owned(), deployment.id.clone());
                })
                .await?;
        }
        Ok(Then::GoOn)
    }

    /// What does not pass by itself ends the rollout, with its reason; what passes comes again.
    async fn or_fail(&self, done: Result<Then, Error>, now: Timestamp) -> Result<Then, Error> {
        let error = match done {
            Ok(then) => return Ok(then),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => error,
        };
        let Refusal { kind, reason, remedy, .. } = error.told();
        self.fail(&[], kind, &format!("{reason}; {remedy}"), now).await
    }

    async fn fail(
        &self,
        services: &[String],
        kind: FailureKind,
        reason: &str,
        now: Timestamp,
    ) -> Result<Then, Error> {
        tracing::error!(reason, "the rollout of {} failed: {reason}", self.rotation.secret_name);
        let failure = Failure {
            step: STEP.to_owned(),
            kind: kind.as_str().to_owned(),
            reason: reason.to_owned(),
            at: now,
        };
        // It is told once, however often it is met again while it is watched.
        let is_news = self.rotation.state != State::Failed;
        // Of two looks at once the other may have come to the end meanwhile.
        let goes_on = |it: &Rotation| it.state != State::Settled;
        let failed = self
            .function
            .change_rollout_if(self.rotation, now, goes_on, |it| {
                it.state = State::Failed;
                it.last_failure = Some(failure.clone());
                it.unsteady = services.to_vec();
                self.note_begin(it, now);
                it.untold |= is_news;
            })
            .await?;
        self.tell(failed, now).await
    }

    async fn tell(&self, ended: Option<Rotation>, now: Timestamp) -> Result<Then, Error> {
        if let Some(ended) = ended.filter(|ended| ended.untold) {
            self.function.tell_end(&ended, self.tenant, now).await?;
        }
        Ok(Then::Stop(None))
    }
}

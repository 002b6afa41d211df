//! One step of a rotation: observe, decide, look at one more thing, decide again, act.
//!
//! However it ends, it is told: what was done goes to the log and the metrics, why it could not be
//! done to the events too, and to Secrets Manager as the error of the invocation.

use std::time::{Duration, Instant};

use database::Target;
use runtime::metrics::{Metrics, Unit};
use runtime::{Classify, Invocation};
use secrecy::SecretString;
use store::Status;
use tracing::{Instrument as _, field, info_span};

use crate::act::{Acted, Failed};
use crate::binding::alternate;
use crate::case::Case;
use crate::decide::{Method, Next, Position, Seen, Situation, Who, decide};
use crate::document::{Failure, Rotation};
use crate::doors::Doors;
use crate::error::Error;
use crate::event::{Request, Step};
use crate::kind::Strategy;
use crate::observe::{PREVIOUS, Version};
use crate::record::Begins;
use crate::refusal::{FailureKind, Refusal};
use crate::{FUNCTION, SecretRotation};

/// What is kept of the invocation's time to tell that the rest was not enough.
const TELL_RESERVE: Duration = Duration::from_secs(5);

/// A step that is being done.
pub(crate) struct Stepping<'a> {
    pub(crate) function: &'a SecretRotation,
    pub(crate) invocation: &'a Invocation,
    pub(crate) step: Step,
    pub(crate) token: &'a str,
    pub(crate) rotation_token: Option<&'a SecretString>,
    pub(crate) case: &'a Case,
    pub(crate) pending: Option<&'a SecretString>,
    /// What is recorded of the rotation since this step began.
    pub(crate) noted: Option<Rotation>,
    pub(crate) doors: Doors<'a>,
}

/// What is known of a step for telling how it ended, however far it came.
#[derive(Debug, Default)]
struct Told {
    case: Option<Case>,
    secret_name: String,
    connections: u32,
    database: Duration,
}

impl SecretRotation {
    /// Does one step that Secrets Manager asks for.
    ///
    /// # Errors
    /// When it cannot be done; Secrets Manager shows the words, and tries the rotation again.
    pub(crate) async fn step(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        // Every line of the log says whose secret it is about.
        let span = info_span!(
            "step",
            step = request.step.as_str(),
            secret = request.secret.as_str(),
            tenant = field::Empty,
        );
        self.told_step(request, invocation).instrument(span).await
    }

    async fn told_step(&self, request: &Request, invocation: &Invocation) -> Result<(), Error> {
        let began = Instant::now();
        let mut told = Told::default();
        let left = invocation.deadline.remaining_for_work_in_hand(invocation.clock.now());
        let limit = left.saturating_sub(TELL_RESERVE);
        let done = tokio::time::timeout(limit, self.stepping(request, invocation, &mut told)).await;
        let done = done.unwrap_or_else(|_| Err(out_of_time(request.step, limit).into()));
        count(request.step, &done, &told, began.elapsed());
        match done {
            Ok(words) => {
                tracing::info!(outcome = words, "{words}");
                Ok(())
            }
            Err(error) => {
                self.failed(request, invocation, &told, &error).await;
                Err(error)
            }
        }
    }

    async fn stepping(
        &self,
        request: &Request,
        invocation: &Invocation,
        told: &mut Told,
    ) -> Result<String, Error> {
        let secret = self.observer.describe(&request.secret).await?;
        told.secret_name.clone_from(&secret.name);
        let position = secret.position(&request.token);
        let mut situation = Situation::new(request.step, position);
        // What is over before it begins needs no value, no tenant and no database.
        if position != Position::Pending {
            match decide(&situation) {
                Next::Done(why) => return Ok(why.to_owned()),
                Next::Fail(refusal) => return Err(refusal.into()),
                Next::Probe(_) | Next::Do(_) => {}
            }
        }
        let case = told.case.insert(self.case(secret).await?);
        tracing::Span::current().record("tenant", case.tenant.tenant.id.as_str());
        let begins = Begins::by(request.step, position);
        let now = invocation.clock.now();
        let noted = self.note_step(case, &request.token, begins, now).await?;
        let version = Version::Pending(&request.token);
        let pending = match position {
            Position::Pending => self.observer.value(&case.secret.arn, version).await?,
            _ => None,
        };
        situation.method = case.method;
        situation.user_is_made = case.user_is_made();
        situation.is_onboarding = case.tenant.status == Status::Onboarding;
        situation.current = Seen::Untried;
        situation.pending = self.usable(request.step, case, pending.as_ref());
        let mut stepping = Stepping {
            function: self,
            invocation,
            step: request.step,
            token: &request.token,
            rotation_token: request.rotation_token.as_ref(),
            case,
            pending: pending.as_ref(),
            noted,
            doors: Doors::new(&self.trust),
        };
        situation.asks_user = stepping.asks_user();
        let done = stepping.run(situation).await;
        stepping.doors.close().await;
        (told.connections, told.database) = (stepping.doors.tried, stepping.doors.waited);
        done
    }

    /// Whether the pending value can be what it is for, before anything is tried with it.
    fn usable(&self, step: Step, case: &Case, pending: Option<&SecretString>) -> Seen {
        let Some(pending) = pending else { return Seen::Absent };
        let Method::Database(strategy) = case.method else { return Seen::Untried };
        let fault = match (step, case.target(pending), case.target(&case.current)) {
            (_, Err(why), _) | (Step::Set, Ok(_), Err(why)) => Some(why),
            (Step::Create | Step::Finish, Ok(_), _) => None,
            // It may be a temporary one, of which only is asked whether it opens its database.
            (Step::Test, Ok(_), _) => self.bind(case, pending).err().map(|refusal| refusal.reason),
            (Step::Set, Ok(pending), Ok(current)) => unlike(strategy, &pending, &current),
        };
        fault.map_or(Seen::Untried, Seen::Unusable)
    }

    async fn failed(&self, request: &Request, invocation: &Invocation, told: &Told, error: &Error) {
        let refusal = error.told();
        let name = if told.secret_name.is_empty() { &request.secret } else { &told.secret_name };
        let failed = Failed {
            tenant: told.case.as_ref().map(|case| &case.tenant),
            secret_arn: &request.secret,
            secret_name: name,
            token: &request.token,
            step: request.step.as_str(),
            refusal: &refusal,
        };
        self.tell_failure(failed).await;
        if told.case.is_none() {
            return;
        }
        let now = invocation.clock.now();
        let failure = Failure {
            step: request.step.as_str().to_owned(),
            kind: refusal.kind.as_str().to_owned(),
            reason: refusal.reason,
            at: now,
        };
        let noted = self
            .change(&request.secret, now, |rotation| {
                let ours = rotation.token == request.token && rotation.finished_at.is_none();
                if ours {
                    rotation.last_failure = Some(failure.clone());
                }
                ours
            })
            .await;
        if let Err(unnoted) = noted {
            tracing::warn!(error = runtime::chain(&unnoted), "the failure is not recorded");
        }
    }
}

/// What a step has cost.
fn count(step: Step, done: &Result<String, Error>, told: &Told, took: Duration) {
    let mut metrics = Metrics::new(FUNCTION);
    metrics.dimension("step", step.as_str());
    if let Some(case) = &told.case {
        metrics.dimension("kind", case.kind.as_str());
        metrics.property("tenant", case.tenant.tenant.id.as_str());
    }
    metrics.property("secret", told.secret_name.as_str());
    metrics.duration("step_ms", took);
    metrics.count("connections_tried", told.connections);
    if told.connections > 0 && !took.is_zero() {
        let share = told.database.as_secs_f64() / took.as_secs_f64() * 100.0;
        metrics.value("database_share_percent", Unit::Percent, share.min(100.0));
    }
    match done {
        Ok(_) => metrics.count("steps_done", 1),
        Err(error) => {
            metrics.property("error_type", error.error_type());
            metrics.count("steps_failed", 1)
        }
    };
    metrics.emit();
}

impl Stepping<'_> {
    /// Decides and looks until there is something to do, and does it.
    async fn run(&mut self, mut situation: Situation) -> Result<String, Error> {
        loop {
            match decide(&situation) {
                Next::Done(why) => return Ok(why.to_owned()),
                Next::Fail(refusal) => return Err(refusal.into()),
                Next::Probe(who) => {
                    let seen = self.look(who).await?;
                    tracing::info!(step = self.step.as_str(), "{who}: {}", seen.as_str());
                    situation.note(who, seen);
                }
                Next::Do(action) => match self.act(action).await? {
                    Acted::Done(words) => return Ok(words),
                    Acted::ValueRefused(words) => situation.value_refused = Some(words),
                },
            }
        }
    }

    /// Tries one of the doors.
    async fn look(&mut self, who: Who) -> Result<Seen, Error> {
        let target = match who {
            Who::Pending => self.pending_target()?,
            Who::Current => self.current_target()?,
            Who::Previous => match self.previous_target().await? {
                Ok(target) => target,
                Err(seen) => return Ok(seen),
            },
            Who::Master => match self.function.master(self.case).await? {
                Some(target) => target,
                None => return Ok(Seen::Absent),
            },
        };
        Ok(self.doors.try_door(who, &target).await)
    }

    /// Where the previous version logs in, if it is the same user's.
    async fn previous_target(&self) -> Result<Result<Target, Seen>, Error> {
        let arn = &self.case.secret.arn;
        let version = Version::Labelled(PREVIOUS);
        let Some(value) = self.function.observer.value(arn, version).await? else {
            return Ok(Err(Seen::Absent));
        };
        let current = self.current_target()?;
        Ok(match self.case.target(&value) {
            Err(why) => Err(Seen::Unusable(why)),
            Ok(target) => match unlike(Strategy::SingleUser, &target, &current) {
                Some(why) => Err(Seen::Unusable(why)),
                None => Ok(target),
            },
        })
    }

    pub(crate) fn pending_target(&self) -> Result<Target, Error> {
        let value = self.pending.ok_or_else(|| unreadable("the pending version has no value"))?;
        self.case.target(value).map_err(|why| unreadable(&why))
    }

    pub(crate) fn current_target(&self) -> Result<Target, Error> {
        self.case.target(&self.case.current).map_err(|why| unreadable(&why))
    }
}

/// Why a version is not one for the same server, and for the user that the strategy has come to.
fn unlike(strategy: Strategy, version: &Target, current: &Target) -> Option<String> {
    let mut faults = Vec::new();
    if (version.engine, &version.host, version.port)
        != (current.engine, &current.host, current.port)
    {
        faults.push("it is for another server than the current version".to_owned());
    }
    let username = match strategy {
        Strategy::AlternatingUsers => alternate(&current.username),
        Strategy::SingleUser | Strategy::SingleUserByMaster => current.username.clone(),
    };
    if version.username != username {
        faults.push(format!(
            "it is for the user {:?}, and by its strategy it should be for {username:?}",
            version.username
        ));
    }
    if faults.is_empty() { None } else { Some(faults.join("; ")) }
}

fn unreadable(why: &str) -> Error {
    Refusal::new(
        FailureKind::Configuration,
        format!("a version of the secret cannot be read: {why}"),
        "write a version of the secret that is as it should be, and rotate again",
    )
    .into()
}

fn out_of_time(step: Step, limit: Duration) -> Refusal {
    Refusal::new(
        FailureKind::Limit,
        format!("{step} was not done within {} s", limit.as_secs()),
        "nothing, if it happens once; else see what the database or ElastiCache waits for",
    )
    .passing()
}

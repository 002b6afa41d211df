//! How far one service has come with a new value: a pure reading of its deployments and tasks.
//!
//! A task got its secrets when it was created, so what counts is when that was. What does not count
//! is who began a deployment: a release that happens to come after the rotation brings the new
//! value as well, and is not followed by another one of ours.

use jiff::{SignedDuration, Timestamp};

/// How far ECS's clock and ours may be apart. What was created within this of the rotation's end is
/// taken for old: one deployment too many is better than a task that is locked out.
pub const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(5);

/// What was seen of the services that use a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Those whose tasks get the secret when they start.
    pub services: Vec<Service>,
}

/// An ECS service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// How many tasks it is to have.
    pub desired: u32,
    /// How many run.
    pub running: u32,
    /// Its deployments, the primary one first.
    pub deployments: Vec<Deployment>,
    /// Its tasks that have not stopped, those on their way out included.
    pub tasks: Vec<Task>,
}

/// A deployment of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// `ecs-svc/123`
    pub id: String,
    /// Whether it is the one that the service goes to.
    pub is_primary: bool,
    /// When it was begun.
    pub created_at: Timestamp,
    /// How far it is.
    pub state: DeploymentState,
}

/// How far a deployment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeploymentState {
    /// ECS replaces tasks.
    InProgress,
    /// All its tasks run and are healthy.
    Completed,
    /// ECS gave it up; the reason is ECS's.
    Failed(String),
}

/// A task that has not stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The deployment that made it.
    pub deployment: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether it is on its way out: it takes no new requests, and ends those it has.
    pub is_leaving: bool,
}

/// How far a service has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Every task has the new value, and all run that should.
    Steady,
    /// It has tasks with the old value, and nothing replaces them.
    ToBeDeployed(String),
    /// It is on its way.
    Moving(String),
    /// It has tasks with the old value, and their replacement failed.
    Failed(String),
}

impl Service {
    /// How far the service has come since `finished_at`, when the new value became the current
    /// one. `asked` is the deployment that the rollout asked for; empty where it is not known
    /// whether ECS ever took it.
    pub fn progress(&self, finished_at: Timestamp, asked: Option<&str>) -> Progress {
        let since = finished_at.checked_add(CLOCKS_APART).unwrap_or(finished_at);
        let is_ours = |id: &str| asked.is_some_and(|asked| !asked.is_empty() && asked == id);
        let is_new =
            |created_at: Timestamp, deployment: &str| created_at > since || is_ours(deployment);
        let old = self.tasks.iter().filter(|it| !is_new(it.created_at, &it.deployment));
        let leaving = old.clone().filter(|task| task.is_leaving).count();
        let staying = old.filter(|task| !task.is_leaving).count();

        match self.deployments.iter().find(|deployment| deployment.is_primary) {
            None => Progress::Moving("it has no deployment yet".to_owned()),
            Some(primary) if is_new(primary.created_at, &primary.id) => {
                self.at_new(primary, staying, leaving)
            }
            Some(_) if staying == 0 => self.unless_unsettled(leaving),
            Some(primary) if primary.created_at >= finished_at => Progress::ToBeDeployed(format!(
                "{staying} of its tasks may have the old value: somebody deployed it just when \
                 the value changed"
            )),
            Some(primary) => self.at_old(primary, staying, asked),
        }
    }

    /// The service goes to a deployment that has the new value.
    fn at_new(&self, primary: &Deployment, staying: usize, leaving: usize) -> Progress {
        match &primary.state {
            DeploymentState::Failed(reason) => {
                Progress::Failed(format!("its deployment failed: {reason}"))
            }
            // ECS stops the last old tasks a moment after it calls the deployment complete. (A
            // rollback is none of these: it goes back to a deployment from before.)
            DeploymentState::Completed => self.unless_unsettled(staying + leaving),
            DeploymentState::InProgress => Progress::Moving(format!(
                "it is being deployed; {} of its tasks still have the old value",
                staying + leaving
            )),
        }
    }

    /// The service is at a deployment that is older than the new value, and so are tasks of it.
    fn at_old(&self, primary: &Deployment, staying: usize, asked: Option<&str>) -> Progress {
        match asked {
            Some(asked) if !asked.is_empty() => Progress::Failed(format!(
                "the service is at {} again instead of {asked}, and {staying} of its tasks are \
                 older than the new value: it was rolled back{}",
                primary.id,
                self.failure()
            )),
            _ => Progress::ToBeDeployed(format!("{staying} of its tasks have the old value")),
        }
    }

    /// What ECS says of a deployment that it gave up, if it still knows.
    fn failure(&self) -> String {
        let reason = self.deployments.iter().find_map(|deployment| match &deployment.state {
            DeploymentState::Failed(reason) => Some(reason),
            DeploymentState::InProgress | DeploymentState::Completed => None,
        });
        reason.map_or_else(String::new, |reason| format!(" ({reason})"))
    }

    fn unless_unsettled(&self, leaving: usize) -> Progress {
        if leaving > 0 {
            return Progress::Moving(format!("{leaving} of its tasks with the old value end"));
        }
        if self.running < self.desired {
            return Progress::Moving(format!("{} of {} tasks run", self.running, self.desired));
        }
        Progress::Steady
    }
}

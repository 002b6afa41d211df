//! Rotations and services that read as sentences: `web().task(old()).at(new_deployment())`.

use jiff::{SignedDuration, Timestamp};
use secret_rotation::document::{Failure, Rotation, State, Subject};
use secret_rotation::rollout::{Deployment, DeploymentState, Observed, Service, Task};

/// When the new value became the current one.
pub(crate) fn finished() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// So many minutes after it, or before.
pub(crate) fn minutes(minutes: i64) -> Timestamp {
    finished() + SignedDuration::from_mins(minutes)
}

/// A rotation of a database secret by alternating users, that is rolling out.
pub(crate) fn rolling_out() -> Rotation {
    Rotation {
        secret_arn: "arn:aws:secretsmanager:r:a:secret:mate-demo-dev/database-app-AbCdEf".into(),
        secret_name: "mate-demo-dev/database-app".into(),
        tenant: "demo".parse().unwrap(),
        subject: Subject::Database,
        strategy: None,
        token: "11111111-2222-3333-4444-555555555555".into(),
        state: State::RollingOut,
        started_at: minutes(-1),
        step_at: finished(),
        finished_at: Some(finished()),
        previous_username: Some("demo_app".into()),
        retains_old_password: false,
        attempts: 0,
        last_failure: None,
        announced: true,
        rollout_at: Some(finished()),
        retire_at: None,
        retiring_until: None,
        unsteady: Vec::new(),
        untold: false,
        tenant_services: None,
        services: std::collections::BTreeMap::new(),
    }
}

/// The same after its rollout has failed.
pub(crate) fn failed() -> Rotation {
    let failure = Failure {
        step: "rollout".into(),
        kind: "other".into(),
        reason: "it was rolled back".into(),
        at: minutes(10),
    };
    Rotation {
        state: State::Failed,
        last_failure: Some(failure),
        unsteady: vec!["web".into()],
        ..asked("web")
    }
}

/// The same with a deployment that was asked for.
pub(crate) fn asked(service: &str) -> Rotation {
    let mut rotation = rolling_out();
    rotation.services.insert(service.to_owned(), OURS.to_owned());
    rotation
}

pub(crate) const OURS: &str = "ecs-svc/ours";
const BEFORE: &str = "ecs-svc/before";

/// A task from before the rotation.
pub(crate) fn old() -> Task {
    Task { deployment: BEFORE.into(), created_at: minutes(-60), is_leaving: false }
}

/// The same on its way out.
pub(crate) fn leaving() -> Task {
    Task { is_leaving: true, ..old() }
}

/// A task of our deployment.
pub(crate) fn new() -> Task {
    Task { deployment: OURS.into(), created_at: minutes(2), is_leaving: false }
}

/// The deployment from before the rotation.
pub(crate) fn before() -> Deployment {
    Deployment {
        id: BEFORE.into(),
        is_primary: true,
        created_at: minutes(-60),
        state: DeploymentState::Completed,
    }
}

/// The deployment that the rollout asked for.
pub(crate) fn ours(state: DeploymentState) -> Deployment {
    Deployment { id: OURS.into(), is_primary: true, created_at: minutes(1), state }
}

/// A service that is at this deployment with these tasks.
pub(crate) fn service<const N: usize>(
    name: &str,
    deployment: Deployment,
    tasks: [Task; N],
) -> Service {
    let running = u32::try_from(tasks.iter().filter(|task| !task.is_leaving).count()).unwrap();
    Service {
        name: name.into(),
        desired: running,
        running,
        deployments: vec![deployment],
        tasks: tasks.into(),
    }
}

/// One with old tasks that nothing replaces.
pub(crate) fn untouched(name: &str) -> Service {
    service(name, before(), [old(), old()])
}

/// One that is being deployed.
pub(crate) fn moving(name: &str) -> Service {
    service(name, ours(DeploymentState::InProgress), [old(), new()])
}

/// One that has the new value.
pub(crate) fn steady(name: &str) -> Service {
    service(name, ours(DeploymentState::Completed), [new(), new()])
}

/// One whose deployment ECS has given up and rolled back.
pub(crate) fn rolled_back(name: &str) -> Service {
    untouched(name)
}

pub(crate) fn observed<const N: usize>(services: [Service; N]) -> Observed {
    Observed { services: services.into() }
}

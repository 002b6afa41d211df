//! How far one service has come, row by row.

use jiff::SignedDuration;
use secret_rotation::rollout::{CLOCKS_APART, DeploymentState, Progress, Service, Task};

use DeploymentState::{Completed, Failed, InProgress};

use crate::fixtures::{
    OURS, before, finished, leaving, minutes, new, old, ours, service, untouched,
};

/// What the reading says, without the words.
#[derive(Debug, PartialEq)]
enum Said {
    Steady,
    ToBeDeployed,
    Moving,
    Failed,
}

fn said(service: &Service, asked: Option<&str>) -> Said {
    match service.progress(finished(), asked) {
        Progress::Steady => Said::Steady,
        Progress::ToBeDeployed(_) => Said::ToBeDeployed,
        Progress::Moving(_) => Said::Moving,
        Progress::Failed(_) => Said::Failed,
    }
}

#[test]
fn a_service_is_read_by_its_deployments_and_the_age_of_its_tasks() {
    let gave_up = || Failed("tasks failed to start".into());
    let short = |of: Service| Service { desired: of.running + 1, ..of };
    for (row, service, asked, expected) in [
        ("nobody asked", untouched("web"), None, Said::ToBeDeployed),
        ("asked, and perhaps not heard", untouched("web"), Some(""), Said::ToBeDeployed),
        ("asked, and rolled back", untouched("web"), Some(OURS), Said::Failed),
        ("being deployed", service("web", ours(InProgress), [old(), new()]), Some(OURS), {
            Said::Moving
        }),
        ("somebody else deploys", service("web", ours(InProgress), [old()]), None, Said::Moving),
        ("deployed", service("web", ours(Completed), [new()]), Some(OURS), Said::Steady),
        ("somebody else deployed", service("web", ours(Completed), [new()]), None, Said::Steady),
        ("old tasks end", service("web", ours(Completed), [new(), leaving()]), Some(OURS), {
            Said::Moving
        }),
        ("complete with old tasks", service("web", ours(Completed), [new(), old()]), Some(OURS), {
            Said::Moving
        }),
        ("given up", service("web", ours(gave_up()), [old()]), Some(OURS), Said::Failed),
        ("given up, without tasks", service("web", ours(gave_up()), []), Some(OURS), Said::Failed),
        ("too few", short(service("web", ours(Completed), [new()])), Some(OURS), Said::Moving),
        ("nothing is to run", service("web", before(), []), None, Said::Steady),
        ("replaced one by one", service("web", before(), [new()]), None, Said::Steady),
        ("the last old one ends", service("web", before(), [leaving()]), None, Said::Moving),
        ("just made", Service { deployments: vec![], ..service("web", before(), []) }, None, {
            Said::Moving
        }),
    ] {
        assert_eq!(said(&service, asked), expected, "{row}");
    }
}

#[test]
fn a_task_from_about_the_end_of_the_rotation_is_taken_for_old_unless_it_is_ours() {
    let about = finished() + CLOCKS_APART;
    let task = |created_at, deployment: &str| Task {
        created_at,
        deployment: deployment.into(),
        is_leaving: false,
    };
    let with = |task| service("web", before(), [task]);
    assert_eq!(said(&with(task(about, "ecs-svc/before")), None), Said::ToBeDeployed);
    let later = about + SignedDuration::from_secs(1);
    assert_eq!(said(&with(task(later, "ecs-svc/before")), None), Said::Steady);
    let ours_soon = service(
        "web",
        secret_rotation::rollout::Deployment { created_at: finished(), ..ours(Completed) },
        [task(finished(), OURS)],
    );
    assert_eq!(said(&ours_soon, Some(OURS)), Said::Steady);
}

#[test]
fn a_deployment_of_somebody_else_that_came_before_ours_began_is_no_rollback() {
    let others = secret_rotation::rollout::Deployment {
        id: "ecs-svc/others".into(),
        created_at: finished() + SignedDuration::from_secs(1),
        ..before()
    };
    assert_eq!(said(&service("web", others, [old()]), Some(OURS)), Said::ToBeDeployed);
}

#[test]
fn a_failed_deployment_that_somebody_has_replaced_is_forgotten() {
    let mut service = service("web", ours(Completed), [new()]);
    let mut failed = ours(Failed("no".into()));
    failed.id = "ecs-svc/failed".into();
    failed.is_primary = false;
    service.deployments.push(failed);
    assert_eq!(said(&service, Some("ecs-svc/failed")), Said::Steady);
}

#[test]
fn a_rollback_tells_the_reason_that_ecs_gives() {
    let mut service = untouched("web");
    let mut failed = ours(Failed("tasks failed container health checks".into()));
    failed.is_primary = false;
    service.deployments.push(failed);
    let Progress::Failed(words) = service.progress(finished(), Some(OURS)) else {
        unreachable!("it was rolled back")
    };
    assert!(words.contains("health checks"), "{words}");
    assert!(minutes(0) == finished());
}

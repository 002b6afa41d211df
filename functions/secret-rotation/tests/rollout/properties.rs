//! What holds in every situation.

use jiff::SignedDuration;
use proptest::prelude::*;
use secret_rotation::document::{Rotation, State};
use secret_rotation::rollout::{
    Action, Deployment, DeploymentState, Observed, Progress, Service, Task, decide,
};

use crate::fixtures::{OURS, finished, minutes, rolling_out};

fn any_task() -> impl Strategy<Value = Task> {
    (-100_i64..100, any::<bool>(), any::<bool>()).prop_map(|(minute, ours, is_leaving)| Task {
        deployment: if ours { OURS.into() } else { "ecs-svc/other".into() },
        created_at: minutes(if ours { minute.abs() } else { minute }),
        is_leaving,
    })
}

fn any_deployment() -> impl Strategy<Value = Deployment> {
    let state = prop_oneof![
        Just(DeploymentState::InProgress),
        Just(DeploymentState::Completed),
        Just(DeploymentState::Failed("no".into())),
    ];
    (-100_i64..100, any::<bool>(), any::<bool>(), state).prop_map(
        |(minute, ours, is_primary, state)| Deployment {
            id: if ours { OURS.into() } else { "ecs-svc/other".into() },
            is_primary,
            created_at: minutes(if ours { minute.abs() } else { minute }),
            state,
        },
    )
}

fn any_service() -> impl Strategy<Value = Service> {
    (
        "[a-c]",
        0_u32..4,
        0_u32..4,
        proptest::collection::vec(any_deployment(), 0..3),
        proptest::collection::vec(any_task(), 0..4),
    )
        .prop_map(|(name, desired, running, deployments, tasks)| Service {
            name,
            desired,
            running,
            deployments,
            tasks,
        })
}

fn any_rotation() -> impl Strategy<Value = Rotation> {
    let state = prop_oneof![
        3 => Just(State::RollingOut), 2 => Just(State::Failed), 1 => Just(State::Settled),
        1 => Just(State::Rotating), 1 => Just(State::Replacing),
    ];
    let asked = proptest::collection::btree_map(
        "[a-c]",
        prop_oneof![Just(OURS.to_owned()), Just(String::new())],
        0..3,
    );
    (state, any::<bool>(), asked).prop_map(|(state, has_finished, services)| Rotation {
        state,
        finished_at: has_finished.then(finished),
        services,
        ..rolling_out()
    })
}

proptest! {
    #[test]
    fn nothing_is_taken_away_while_a_task_is_older_than_the_new_value(
        rotation in any_rotation(),
        services in proptest::collection::vec(any_service(), 0..4),
        minute in 0_i64..30_000,
    ) {
        let has_old = services.iter().any(|service| {
            service.tasks.iter().any(|task| task.created_at < finished() && task.deployment != OURS)
        });
        let decisions = decide(&rotation, &Observed { services }, minutes(minute));
        let takes_away = decisions.iter().any(|it| matches!(it.action, Action::Retire(_)));
        prop_assert!(!(takes_away && has_old), "{decisions:?}");
    }

    #[test]
    fn a_rollout_always_has_a_next_step_or_an_end(
        rotation in any_rotation(),
        services in proptest::collection::vec(any_service(), 0..4),
        minute in 0_i64..30_000,
    ) {
        let decisions = decide(&rotation, &Observed { services }, minutes(minute));
        let rolls = rotation.finished_at.is_some()
            && matches!(rotation.state, State::RollingOut | State::Failed);
        prop_assert_eq!(decisions.is_empty(), !rolls);
        if let Some(last) = decisions.last() {
            prop_assert!(matches!(
                last.action,
                Action::Wait | Action::Settle | Action::Fail { .. } | Action::GiveUp
            ), "{decisions:?}");
        }
    }

    #[test]
    fn a_failed_rollout_is_told_once_and_begins_nothing(
        services in proptest::collection::vec(any_service(), 0..4), minute in 0_i64..30_000,
    ) {
        let rotation = Rotation { state: State::Failed, ..rolling_out() };
        for decision in decide(&rotation, &Observed { services }, minutes(minute)) {
            prop_assert!(!matches!(
                decision.action,
                Action::Redeploy { .. } | Action::Fail { .. }
            ), "{decision}");
        }
    }

    #[test]
    fn no_wait_is_without_an_end(
        services in proptest::collection::vec(any_service(), 0..4), failed: bool,
    ) {
        let state = if failed { State::Failed } else { State::RollingOut };
        let rotation = Rotation { state, ..rolling_out() };
        let late = finished() + SignedDuration::from_hours(24 * 365);
        let decisions = decide(&rotation, &Observed { services }, late);
        prop_assert!(decisions.iter().all(|it| it.action != Action::Wait), "{decisions:?}");
    }

    #[test]
    fn only_a_service_with_old_tasks_is_deployed(service in any_service()) {
        if let Progress::ToBeDeployed(_) = service.progress(finished(), None) {
            prop_assert!(service.tasks.iter().any(|task| !task.is_leaving));
        }
    }
}

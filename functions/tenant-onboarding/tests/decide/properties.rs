//! What holds in every situation, also in those that nobody thought of.

use proptest::prelude::*;
use store::{Status, TenantRecord};
use tenant_onboarding::decide::{Action, Health, Observed, Stack, Wanted, decide};

use crate::fixtures::*;

const STATUSES: [&str; 22] = [
    "CREATE_IN_PROGRESS",
    "CREATE_FAILED",
    "CREATE_COMPLETE",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_FAILED",
    "ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS",
    "DELETE_FAILED",
    "UPDATE_IN_PROGRESS",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE",
    "REVIEW_IN_PROGRESS",
    "IMPORT_IN_PROGRESS",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_IN_PROGRESS",
    "IMPORT_ROLLBACK_FAILED",
    "IMPORT_ROLLBACK_COMPLETE",
];

fn stacks(base: fn() -> Stack) -> impl Strategy<Value = Option<Stack>> {
    let status = prop::sample::select(STATUSES.to_vec());
    prop::option::of((status, any::<bool>(), any::<bool>()).prop_map(
        move |(status, protected, before)| {
            let mut stack = base().is(status);
            if protected {
                stack = stack.protected();
            }
            if before {
                stack = stack.older_than_the_attempt();
            }
            stack
        },
    ))
}

fn healths() -> impl Strategy<Value = Option<Health>> {
    prop::sample::select(vec![None, Some(healthy()), Some(sick())])
}

fn observations() -> impl Strategy<Value = Observed> {
    (stacks(data), stacks(app), healths()).prop_map(|(data, app, health)| Observed {
        data,
        app,
        health,
    })
}

fn records() -> impl Strategy<Value = TenantRecord> {
    let tenant =
        prop::sample::select(vec![onboarding(), onboarding().active(), onboarding().failed()]);
    (tenant, any::<[bool; 3]>()).prop_map(|(mut record, [role, announced, cleaning_up])| {
        record.database_role_at = role.then(began);
        record.announced = announced;
        record.cleaning_up = cleaning_up && record.status == Status::Failed;
        record
    })
}

proptest! {
    #[test]
    fn the_same_situation_is_decided_the_same(
        record in records(), observed in observations(), protection: bool, minutes in 0i64..300,
    ) {
        let wanted = Wanted { protection };
        let first = decide(&record, &observed, wanted, minute(minutes));
        prop_assert_eq!(first, decide(&record, &observed, wanted, minute(minutes)));
    }

    #[test]
    fn a_tenant_is_called_active_only_when_it_is_healthy_and_protected_as_its_tier_wants(
        record in records(), observed in observations(), protection: bool, minutes in 0i64..300,
    ) {
        let decisions = decide(&record, &observed, Wanted { protection }, minute(minutes));
        if decisions.iter().any(|it| matches!(it.action, Action::MarkActive { .. })) {
            prop_assert_eq!(observed.health.as_ref().and_then(Health::ailment), None);
            prop_assert!(observed.data.as_ref().is_some_and(Stack::is_whole));
            prop_assert!(observed.app.as_ref().is_some_and(Stack::is_whole));
            prop_assert!(!protection || observed.data.as_ref().is_some_and(Stack::is_protected));
        }
    }

    #[test]
    fn a_data_stack_that_ever_came_up_is_never_deleted(
        record in records(), observed in observations(), protection: bool, minutes in 0i64..300,
    ) {
        use tenant_onboarding::decide::StackKind;
        let decisions = decide(&record, &observed, Wanted { protection }, minute(minutes));
        if observed.data.as_ref().is_some_and(Stack::is_whole) {
            let deletion = Action::DeleteStack(StackKind::Data);
            prop_assert!(decisions.iter().all(|it| it.action != deletion));
        }
    }

    #[test]
    fn nothing_is_done_to_a_stack_that_cloudformation_works_on(
        record in records(), observed in observations(), protection: bool, minutes in 0i64..300,
    ) {
        use tenant_onboarding::decide::{StackKind, StackState};
        let decisions = decide(&record, &observed, Wanted { protection }, minute(minutes));
        let busy = |stack: &Option<Stack>| {
            stack.as_ref().is_some_and(|stack| stack.state == StackState::InProgress)
        };
        for decision in decisions {
            let touched = match decision.action {
                Action::CreateStack(kind) | Action::DeleteStack(kind) => Some(kind),
                Action::Protect => Some(StackKind::Data),
                _ => None,
            };
            match touched {
                Some(StackKind::Data) => prop_assert!(!busy(&observed.data)),
                Some(StackKind::App) => prop_assert!(!busy(&observed.app)),
                None => {}
            }
        }
    }

    #[test]
    fn an_unfinished_tenant_is_never_left_without_a_next_step(
        record in records(), observed in observations(), protection: bool, minutes in 0i64..300,
    ) {
        let decisions = decide(&record, &observed, Wanted { protection }, minute(minutes));
        prop_assert_eq!(decisions.is_empty(), !record.is_unfinished());
    }

    #[test]
    fn waiting_comes_last(
        record in records(), observed in observations(), protection: bool, minutes in 0i64..300,
    ) {
        let decisions = decide(&record, &observed, Wanted { protection }, minute(minutes));
        let waits = decisions.iter().position(|it| it.action == Action::Wait);
        prop_assert!(waits.is_none_or(|place| place + 1 == decisions.len()));
    }
}

//! The decision table, a test for each of its rows.

use jiff::SignedDuration;
use store::TenantRecord;
use tenant_onboarding::decide::{Health, Observed, Rollout, Stack, Verdict, judge};

use crate::fixtures::*;

#[test]
fn a_new_tenant_gets_its_data_stack() {
    assert_eq!(
        decided(&onboarding(), &nothing()),
        ["create the data stack: there is none", "wait: CloudFormation creates the data stack",]
    );
}

#[test]
fn while_cloudformation_works_there_is_only_waiting() {
    for status in ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"] {
        assert_eq!(
            decided(&onboarding(), &seen(data().is(status))),
            [format!("wait: CloudFormation works on the data stack: {status}")]
        );
    }
    let observed = seen(data().ready()).and(app());
    assert_eq!(
        decided(&onboarding().with_role(), &observed),
        ["wait: CloudFormation works on the app stack: CREATE_IN_PROGRESS"]
    );
}

#[test]
fn with_the_database_up_come_the_role_and_the_app_stack() {
    assert_eq!(
        decided(&onboarding(), &seen(data().ready())),
        [
            "ensure the application's database role: the database is up, and the application \
             does not use its master user",
            "create the app stack: there is none",
            "wait: CloudFormation creates the app stack",
        ]
    );
}

#[test]
fn a_role_that_is_there_is_not_made_again() {
    assert_eq!(
        decided(&onboarding().with_role(), &seen(data().ready())),
        ["create the app stack: there is none", "wait: CloudFormation creates the app stack"]
    );
}

#[test]
fn an_application_that_starts_is_waited_for() {
    let up = seen(data().ready()).and(app().ready());
    let mut starting = healthy();
    starting.services[0].running = 0;
    let mut deploying = healthy();
    deploying.services[0].rollout = Rollout::InProgress;
    let lonely = Health { targets: Vec::new(), ..healthy() };
    let missing = Health { missing: vec!["mate-demo-dev-beat".to_owned()], ..healthy() };
    let table = [
        (starting, "0 of 1 tasks of mate-demo-dev-django run"),
        (deploying, "the deployment of mate-demo-dev-django is not complete"),
        (lonely, "no task is registered with the load balancer"),
        (missing, "the service mate-demo-dev-beat does not exist"),
        (sick(), "the target 10.0.0.7:8000 is not healthy: unhealthy, Target.ResponseCodeMismatch"),
    ];
    for (health, ailment) in table {
        assert_eq!(
            decided(&onboarding().with_role(), &up.clone().with(health)),
            [format!("wait: the application starts: {ailment}")]
        );
    }
}

#[test]
fn an_application_whose_health_is_unknown_is_never_called_active() {
    assert_eq!(
        decided(&onboarding().with_role(), &seen(data().ready()).and(app().ready())),
        ["wait: the application starts: its health is not known yet"]
    );
}

#[test]
fn a_healthy_tenant_becomes_active_and_is_announced() {
    let observed = seen(data().ready()).and(app().ready()).with(healthy());
    assert_eq!(
        decided(&onboarding().with_role(), &observed),
        [
            "mark active at https://demo.mate.example.com: all its services and targets are healthy",
            "announce: nobody was told that the tenant is active",
        ]
    );
}

#[test]
fn a_protected_tier_is_protected_once_it_is_healthy_and_before_it_is_active() {
    let observed = seen(data().ready()).and(app().ready()).with(healthy());
    assert_eq!(
        decided_protected(&onboarding().with_role(), &observed),
        [
            "protect the data: the tenant is healthy and its tier protected",
            "wait: CloudFormation updates the data stack",
        ]
    );
    let observed =
        seen(data().is("UPDATE_COMPLETE").protected()).and(app().ready()).with(healthy());
    assert!(decided_protected(&onboarding().with_role(), &observed)[0].starts_with("mark active"));
}

#[test]
fn a_protection_that_was_rolled_back_is_a_failure_and_not_tried_for_ever() {
    let rolled_back = data().is("UPDATE_ROLLBACK_COMPLETE");
    let observed = seen(rolled_back).and(app().ready()).with(healthy());
    assert_eq!(
        decided_protected(&onboarding().with_role(), &observed)[0],
        "mark failed in step protection: the stack mate-demo-dev-data is UPDATE_ROLLBACK_COMPLETE"
    );
}

#[test]
fn a_protection_that_an_earlier_attempt_could_not_have_is_tried_again_by_the_next() {
    let rolled_back = data().is("UPDATE_ROLLBACK_COMPLETE").older_than_the_attempt();
    let observed = seen(rolled_back).and(app().ready()).with(healthy());
    assert!(decided_protected(&onboarding().with_role(), &observed)[0].starts_with("protect"));
    let tried = Stack { updated_at: Some(minute(4)), ..observed.data.clone().unwrap() };
    let observed = Observed { data: Some(tried), ..observed };
    assert!(
        decided_protected(&onboarding().with_role(), &observed)[0]
            .starts_with("mark failed in step protection")
    );
}

#[test]
fn a_stack_that_failed_ends_the_attempt_with_its_first_cause() {
    let broken = data().broken_by("Database (AWS::RDS::DBInstance)", "quota exceeded");
    assert_eq!(
        decided(&onboarding(), &seen(broken)),
        [
            "mark failed in step data stack: Database (AWS::RDS::DBInstance): quota exceeded",
            "announce: attempt 1 has ended",
            "wait: what the attempt left behind is removed next",
        ]
    );
    let broken = app().broken_by("DjangoService (AWS::ECS::Service)", "circuit breaker");
    assert_eq!(
        decided(&onboarding().with_role(), &seen(data().ready()).and(broken))[0],
        "mark failed in step app stack: DjangoService (AWS::ECS::Service): circuit breaker"
    );
}

#[test]
fn what_an_earlier_attempt_left_broken_is_removed_and_not_held_against_this_one() {
    let left = data()
        .broken_by("Database (AWS::RDS::DBInstance)", "quota exceeded")
        .older_than_the_attempt();
    assert_eq!(
        decided(&onboarding(), &seen(left)),
        [
            "delete the data stack: an earlier attempt left it behind",
            "wait: CloudFormation deletes the data stack",
        ]
    );
}

#[test]
fn an_application_of_an_earlier_attempt_is_made_again_and_its_data_are_kept() {
    let left = app().ready().older_than_the_attempt();
    let observed = seen(data().ready().older_than_the_attempt()).and(left).with(sick());
    assert_eq!(
        decided(&onboarding().with_role(), &observed),
        [
            "delete the app stack: an earlier attempt left it behind",
            "wait: CloudFormation deletes the app stack",
        ]
    );
}

#[test]
fn data_that_an_earlier_attempt_made_for_another_tier_are_not_taken_for_this_ones() {
    let made_for = |tier: &str| Stack {
        tier: Some(tier.to_owned()),
        ..data().ready().older_than_the_attempt()
    };
    assert_eq!(
        decided(&onboarding(), &seen(made_for("enterprise"))),
        [
            "mark failed in step data stack: an earlier attempt made the stack mate-demo-dev-data \
             for tier enterprise, and this one asks for trial; ask for enterprise, or remove the \
             stack and ask again",
            "announce: attempt 1 has ended",
            "wait: what the attempt left behind is removed next",
        ]
    );
    assert!(decided(&onboarding(), &seen(made_for("trial")))[0].starts_with("ensure"));
}

#[test]
fn a_stack_of_this_attempt_is_its_own_though_the_clocks_are_apart() {
    let mut record = onboarding().with_role();
    record.attempt_at = minute(1) + SignedDuration::from_millis(400);
    let broken = app().broken_by("DjangoService (AWS::ECS::Service)", "circuit breaker");
    let decided = decided(&record, &seen(data().ready()).and(broken));
    assert!(decided[0].starts_with("mark failed in step app stack"), "{decided:?}");
}

#[test]
fn a_stack_that_is_stuck_needs_a_person_and_says_so() {
    let stuck = data().is("DELETE_FAILED");
    assert_eq!(
        decided(&onboarding(), &seen(stuck))[0],
        "mark failed in step data stack: the stack mate-demo-dev-data is DELETE_FAILED"
    );
}

#[test]
fn an_application_that_never_becomes_healthy_fails_after_half_an_hour() {
    let observed = seen(data().ready()).and(app().ready()).with(sick());
    let record = onboarding().with_role();
    assert!(decided_at(31, &record, &observed)[0].starts_with("wait: the application starts"));
    assert_eq!(
        decided_at(32, &record, &observed)[0],
        "mark failed in step health: not healthy after 30 minutes: the target 10.0.0.7:8000 is \
         not healthy: unhealthy, Target.ResponseCodeMismatch"
    );
}

#[test]
fn an_attempt_ends_after_two_hours_but_cloudformation_is_never_interrupted() {
    // A stack that keeps being found broken from before is deleted again and again.
    let left = data().broken_by("Database", "quota exceeded").older_than_the_attempt();
    assert!(decided_at(121, &onboarding(), &seen(left))[0].starts_with(
        "mark failed in step time: not done within 2 hours; last: an earlier attempt"
    ));
    assert_eq!(
        decided_at(121, &onboarding(), &seen(data())),
        ["wait: CloudFormation works on the data stack: CREATE_IN_PROGRESS"]
    );
}

#[test]
fn a_failed_tenant_is_announced_and_cleaned_up() {
    let broken = data().broken_by("Database (AWS::RDS::DBInstance)", "quota exceeded");
    assert_eq!(
        decided(&onboarding().failed(), &seen(broken.clone())),
        [
            "announce: nobody was told that the tenant is failed",
            "delete the data stack: its attempt failed",
            "wait: CloudFormation deletes the data stack",
        ]
    );
    let record = onboarding().failed().announced();
    assert_eq!(
        decided(&record, &seen(broken.is("DELETE_IN_PROGRESS"))),
        ["wait: CloudFormation works on the data stack: DELETE_IN_PROGRESS"]
    );
    assert_eq!(decided(&record, &nothing()), ["settle: nothing half-made is left"]);
}

#[test]
fn a_data_stack_that_came_up_whole_is_kept_for_the_next_attempt() {
    let broken = app().broken_by("DjangoService", "circuit breaker");
    let record = onboarding().failed().announced();
    assert_eq!(
        decided(&record, &seen(data().ready()).and(broken)),
        ["delete the app stack: its attempt failed", "wait: CloudFormation deletes the app stack"]
    );
    assert_eq!(decided(&record, &seen(data().ready())), ["settle: nothing half-made is left"]);
}

#[test]
fn what_cannot_be_removed_is_said_once() {
    let stuck = seen(data().is("DELETE_FAILED"));
    let record = onboarding().failed().announced();
    assert_eq!(
        decided(&record, &stuck),
        ["leave mate-demo-dev-data to a person: it is DELETE_FAILED and must be removed \
          before the next attempt"]
    );
    assert_eq!(decided(&record.settled(), &stuck), Vec::<String>::new());
}

#[test]
fn when_all_is_done_nothing_is_decided() {
    let finished: [TenantRecord; 2] =
        [onboarding().active().announced(), onboarding().failed().announced().settled()];
    for record in finished {
        assert_eq!(decided(&record, &nothing()), Vec::<String>::new());
    }
}

#[test]
fn an_active_tenant_of_whom_nobody_was_told_is_announced() {
    assert_eq!(
        decided(&onboarding().active(), &nothing()),
        ["announce: nobody was told that the tenant is active"]
    );
}

#[test]
fn a_request_is_judged_by_what_is_recorded() {
    assert_eq!(judge("request-1", None), Verdict::Begin);
    assert_eq!(judge("request-1", Some(&onboarding())), Verdict::Repeated);
    assert_eq!(judge("request-2", Some(&onboarding())), Verdict::AlreadyThere);
    assert_eq!(judge("request-2", Some(&onboarding().active())), Verdict::AlreadyThere);
    assert_eq!(judge("request-2", Some(&onboarding().failed())), Verdict::Retry);
    assert_eq!(judge("request-1", Some(&onboarding().failed())), Verdict::Repeated);
}

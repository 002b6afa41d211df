//! Whole rotations: a stand-in for ElastiCache in front of a real Redis.

use std::time::Duration;

use secrecy::SecretString;
use secret_rotation::cache::{Answer, Door, EarlierRollout, Outcome, Step, Subject, Values};
use secret_rotation::error::Error;
use secret_rotation::refusal::FailureKind;

use crate::elasticache::{ElastiCache, Fault, USER};

const OLD: &str = "old-value-of-demo-0123456789";
const NEW: &str = "new-value-of-demo-0123456789";
const NEXT: &str = "next-value-of-demo-0123456789";

/// More than any step needs here; the stand-in ends its changes after two looks.
const PATIENT: Duration = Duration::from_secs(30);

fn secret(value: &str) -> SecretString {
    SecretString::from(value)
}

/// Before `finishSecret`.
fn pending(pending: &str, current: &str) -> Values {
    Values { pending: Some(secret(pending)), current: Some(secret(current)), previous: None }
}

/// After it.
fn finished(current: &str, previous: &str) -> Values {
    Values { pending: None, current: Some(secret(current)), previous: Some(secret(previous)) }
}

async fn step(on: &ElastiCache, step: Step, values: &Values) -> Result<Outcome, Error> {
    on.cache().step(step, &on.subject(), values, EarlierRollout::Over, PATIENT).await
}

async fn opens(on: &ElastiCache, value: &str) -> bool {
    let server = &on.server;
    let mut door = Door::reach(&server.endpoint(), &server.trust(), PATIENT).await.unwrap();
    let user = matches!(on.subject(), Subject::User { .. }).then_some(USER);
    door.try_value(user, &secret(value)).await == Ok(Answer::Opens)
}

fn both() -> [ElastiCache; 2] {
    [ElastiCache::with_token(OLD), ElastiCache::with_user(OLD)]
}

#[tokio::test]
async fn a_rotation_accepts_both_values_until_the_old_one_is_taken_away() {
    for elasticache in both() {
        let values = pending(NEW, OLD);
        step(&elasticache, Step::Set, &values).await.unwrap().done().unwrap();
        assert!(opens(&elasticache, OLD).await && opens(&elasticache, NEW).await);
        step(&elasticache, Step::Test, &values).await.unwrap().done().unwrap();
        step(&elasticache, Step::Retire, &finished(NEW, OLD)).await.unwrap().done().unwrap();
        assert!(!opens(&elasticache, OLD).await && opens(&elasticache, NEW).await);
        assert_eq!(elasticache.values(), [NEW]);
        for value in [OLD, NEW] {
            assert!(!elasticache.server.log().contains(value), "{value} is in the log");
        }
    }
}

#[tokio::test]
async fn a_step_that_is_done_changes_nothing_when_it_is_done_again() {
    for elasticache in both() {
        for _ in 0..3 {
            step(&elasticache, Step::Set, &pending(NEW, OLD)).await.unwrap().done().unwrap();
        }
        for _ in 0..3 {
            step(&elasticache, Step::Retire, &finished(NEW, OLD)).await.unwrap().done().unwrap();
        }
        let changes = elasticache.calls().iter().filter(|call| call.starts_with("Modify")).count();
        assert_eq!(changes, 2, "{:?}", elasticache.calls());
    }
}

#[tokio::test]
async fn a_set_step_makes_two_connections() {
    for elasticache in both() {
        let before = elasticache.server.connections();
        step(&elasticache, Step::Set, &pending(NEW, OLD)).await.unwrap().done().unwrap();
        // Of the difference one is the first count's own and one the stand-in's.
        let made = elasticache.server.connections() - before - 2;
        assert!(made <= 2, "{made} connections");
    }
}

#[tokio::test]
async fn a_rotation_that_is_killed_at_any_call_ends_right_when_it_is_tried_again() {
    for fault in [Fault::Before, Fault::After] {
        for kind in 0..2 {
            for call in 1.. {
                let [token, user] = both();
                let on = if kind == 0 { token } else { user }.failing_at(call, fault);
                let values = pending(NEW, OLD);
                let mut failures = 0;
                for (step_of, values) in [
                    (Step::Set, &values),
                    (Step::Test, &values),
                    (Step::Retire, &finished(NEW, OLD)),
                ] {
                    while let Err(error) = step(&on, step_of, values).await {
                        failures += 1;
                        assert!(failures < 2, "call {call}, {fault:?}: {error}");
                        // Secrets Manager begins with the first step again, and until the labels
                        // have moved the current value must open the cache.
                        if step_of != Step::Retire {
                            assert!(opens(&on, OLD).await, "call {call}, {fault:?}");
                            step(&on, Step::Set, values).await.unwrap().done().unwrap();
                        }
                    }
                    assert!(step_of == Step::Retire || opens(&on, OLD).await);
                    assert!(opens(&on, NEW).await, "call {call}, {fault:?}, {step_of:?}");
                }
                assert_eq!(on.values(), [NEW], "call {call}, {fault:?}");
                if failures == 0 {
                    assert!(call > 5, "a rotation makes more calls than {call}");
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_second_rotation_makes_room_for_its_token_only_when_the_rollout_is_over() {
    let elasticache = ElastiCache::with_token(OLD);
    elasticache.hold(&[OLD, NEW]);
    let values = Values {
        pending: Some(secret(NEXT)),
        current: Some(secret(NEW)),
        previous: Some(secret(OLD)),
    };
    let cache = elasticache.cache();
    let held = cache
        .step(Step::Set, &elasticache.subject(), &values, EarlierRollout::Unfinished, PATIENT)
        .await
        .unwrap_err();
    let Error::Refused(refusal) = held else { panic!("{held}") };
    assert_eq!(refusal.kind, FailureKind::Limit);
    assert!(opens(&elasticache, OLD).await, "tasks with the old token are locked out");

    step(&elasticache, Step::Set, &values).await.unwrap().done().unwrap();
    assert!(!opens(&elasticache, OLD).await);
    assert!(opens(&elasticache, NEW).await && opens(&elasticache, NEXT).await);
}

#[tokio::test]
async fn a_current_token_that_the_cache_does_not_know_is_mended_by_a_rotation() {
    let elasticache = ElastiCache::with_token(OLD);
    elasticache.hold(&["changed-by-somebody-else-1"]);
    let values = pending(NEW, OLD);
    step(&elasticache, Step::Set, &values).await.unwrap().done().unwrap();
    step(&elasticache, Step::Test, &values).await.unwrap().done().unwrap();
    assert!(opens(&elasticache, NEW).await);
}

#[tokio::test]
async fn a_change_of_somebody_elses_is_waited_for() {
    for elasticache in both() {
        elasticache.begin_a_change();
        step(&elasticache, Step::Set, &pending(NEW, OLD)).await.unwrap().done().unwrap();
        assert_eq!(elasticache.values().len(), 2);
    }
}

#[tokio::test]
async fn a_change_that_outlasts_the_budget_is_told_and_gone_on_with_later() {
    for elasticache in both() {
        let (values, subject) = (pending(NEW, OLD), elasticache.subject());
        let cache = elasticache.cache();
        let outcome =
            cache.step(Step::Set, &subject, &values, EarlierRollout::Over, Duration::ZERO).await;
        let error = outcome.unwrap().done().unwrap_err();
        assert!(runtime::Classify::is_transient(&error), "{error}");
        assert!(error.to_string().contains("has not finished in time"), "{error}");
        step(&elasticache, Step::Set, &values).await.unwrap().done().unwrap();
        let changes = elasticache.calls().iter().filter(|call| call.starts_with("Modify")).count();
        assert_eq!(changes, 1, "it is set once");
    }
}

#[tokio::test]
async fn a_value_that_elasticache_does_not_take_is_refused_before_it_is_sent() {
    for elasticache in both() {
        let error = step(&elasticache, Step::Set, &pending("geheim@", OLD)).await.unwrap_err();
        let Error::Refused(refusal) = &error else { panic!("{error}") };
        assert_eq!(refusal.kind, FailureKind::Policy);
        assert!(!error.to_string().contains("geheim"), "{error}");
        assert!(!elasticache.calls().iter().any(|call| call.starts_with("Modify")));
    }
}

#[tokio::test]
async fn a_cache_says_whose_it_is() {
    for elasticache in both() {
        let owner = elasticache.cache().owner(&elasticache.subject()).await.unwrap().unwrap();
        assert_eq!(owner.tags["Tenant"], "demo");
    }
}

//! What comes next, row by row.

use secret_rotation::document::{Rotation, State, Subject};
use secret_rotation::rollout::{
    Action, Retirement, Service, decide, holds_back, is_retiring, is_rolling_out, watched_again_at,
};

use crate::fixtures::{
    asked, failed, minutes, moving, observed, rolled_back, rolling_out, steady, untouched,
};

/// The actions without their reasons.
fn actions<const N: usize>(
    rotation: &Rotation,
    services: [Service; N],
    at_minute: i64,
) -> Vec<Action> {
    let decisions = decide(rotation, &observed(services), minutes(at_minute));
    assert!(decisions.iter().all(|decision| !decision.why.is_empty()), "{decisions:?}");
    decisions.into_iter().map(|decision| decision.action).collect()
}

fn redeploy(service: &str) -> Action {
    Action::Redeploy { service: service.into() }
}

fn lock() -> Action {
    Action::Retire(Retirement::LockLogin { username: "demo_app".into() })
}

#[test]
fn each_situation_has_its_next_step() {
    let rolling = rolling_out();
    for (row, rotation, services, minute, expected) in [
        ("begun", &rolling, vec![untouched("web"), untouched("worker")], 0, {
            vec![redeploy("web"), redeploy("worker"), Action::Wait]
        }),
        ("half begun", &asked("web"), vec![moving("web"), untouched("worker")], 1, {
            vec![redeploy("worker"), Action::Wait]
        }),
        ("on its way", &asked("web"), vec![moving("web")], 5, vec![Action::Wait]),
        ("steady", &asked("web"), vec![steady("web")], 9, vec![lock(), Action::Settle]),
        ("nobody uses it", &rolling, vec![], 0, vec![lock(), Action::Settle]),
        ("one failed, one moves", &asked("web"), vec![rolled_back("web"), moving("worker")], 9, {
            vec![Action::Wait]
        }),
        ("failed, and told", &failed(), vec![rolled_back("web")], 60, vec![Action::Wait]),
        ("failed, and mended", &failed(), vec![steady("web")], 60, vec![lock(), Action::Settle]),
        ("failed, being mended", &failed(), vec![moving("web")], 60, vec![Action::Wait]),
        ("failed, long ago", &failed(), vec![rolled_back("web")], 15 * 24 * 60, {
            vec![Action::GiveUp]
        }),
    ] {
        let decisions =
            decide(rotation, &secret_rotation::rollout::Observed { services }, minutes(minute));
        let actions: Vec<Action> = decisions.into_iter().map(|it| it.action).collect();
        assert_eq!(actions, expected, "{row}");
    }
}

#[test]
fn a_rollout_that_fails_names_its_services_and_why() {
    let asked = asked("web");
    let actions = actions(&asked, [rolled_back("web"), steady("worker")], 9);
    let [Action::Fail { services, reason }] = actions.as_slice() else {
        unreachable!("{actions:?}")
    };
    assert_eq!(services, &["web"]);
    assert!(reason.contains("web: ") && reason.contains("rolled back"), "{reason}");
}

#[test]
fn a_rollout_that_is_not_steady_after_two_hours_has_failed() {
    for services in [[moving("web")], [untouched("web")]] {
        let at = |minute| actions(&rolling_out(), services.clone(), minute);
        assert_eq!(at(120).last(), Some(&Action::Wait));
        let [Action::Fail { reason, .. }] = &at(121)[..] else { unreachable!("it goes on") };
        assert!(reason.contains("not steady after 2 hours"), "{reason}");
    }
    // Its time begins when it is first looked at, not when nobody was there to look.
    let unseen = Rotation { rollout_at: None, ..rolling_out() };
    assert_eq!(actions(&unseen, [untouched("web")], 600), [redeploy("web"), Action::Wait]);
    // What is steady in the end is steady, however long it took.
    assert_eq!(actions(&rolling_out(), [steady("web")], 600), [lock(), Action::Settle]);
}

#[test]
fn what_is_not_rolling_out_is_left_alone() {
    for state in [State::Rotating, State::Replacing, State::Settled] {
        let rotation = Rotation { state, ..rolling_out() };
        assert!(!is_rolling_out(&rotation));
        assert_eq!(actions(&rotation, [untouched("web")], 0), []);
    }
    // A rotation that failed before it had a new value.
    let rotation = Rotation { finished_at: None, ..failed() };
    assert_eq!(actions(&rotation, [untouched("web")], 0), []);
}

#[test]
fn what_there_is_to_take_away_follows_from_what_was_rotated() {
    let rotation = |subject, previous: Option<&str>, retains_old_password| Rotation {
        subject,
        previous_username: previous.map(str::to_owned),
        retains_old_password,
        ..rolling_out()
    };
    let lock = Retirement::LockLogin { username: "demo_app".into() };
    for (rotation, retirement, holds) in [
        (rotation(Subject::Database, Some("demo_app"), false), lock, true),
        (rotation(Subject::Database, None, true), Retirement::DiscardOldPassword, true),
        (rotation(Subject::Database, None, false), Retirement::Nothing, false),
        (rotation(Subject::RdsManagedMaster, None, true), Retirement::DiscardOldPassword, true),
        (rotation(Subject::RdsManagedMaster, None, false), Retirement::Nothing, false),
        (rotation(Subject::CacheToken, None, false), Retirement::CacheToken, true),
        (rotation(Subject::CacheUser, None, false), Retirement::CacheUser, true),
        (rotation(Subject::ApplicationKey, None, false), Retirement::KeyFallbacks, false),
        (rotation(Subject::Generated, None, false), Retirement::Nothing, false),
    ] {
        assert_eq!(Retirement::of(&rotation), retirement);
        assert_eq!(holds_back(&rotation).is_some(), holds, "{retirement}");
    }
}

#[test]
fn no_rotation_begins_while_the_old_value_is_being_taken_away() {
    let claimed = Rotation { retiring_until: Some(minutes(2)), ..rolling_out() };
    let refusal = is_retiring(&claimed, minutes(1)).unwrap();
    assert!(refusal.transient, "{refusal}");
    assert_eq!(is_retiring(&claimed, minutes(2)), None, "a claim ends by itself");
    assert_eq!(is_retiring(&rolling_out(), minutes(1)), None);
}

#[test]
fn a_failed_rollout_is_watched_for_two_weeks() {
    let rotation = failed();
    assert_eq!(watched_again_at(&rotation, minutes(10)), Some(minutes(70)));
    assert_eq!(watched_again_at(&rotation, minutes(15 * 24 * 60)), None);
    // One that failed before it had a new value has no rollout.
    assert_eq!(watched_again_at(&Rotation { finished_at: None, ..rotation }, minutes(10)), None);
}

#[test]
fn another_rotation_is_held_back_only_while_tasks_may_hold_the_old_value() {
    let refusal = holds_back(&asked("web")).unwrap();
    assert!(refusal.transient, "it ends by itself");
    assert!(refusal.reason.contains("web"), "{refusal}");
    assert!(holds_back(&failed()).is_some(), "its tasks have the old value still");
    // Its services were steady, and the old value could not be taken away: rotating is the remedy.
    assert_eq!(holds_back(&Rotation { unsteady: Vec::new(), ..failed() }), None);
    let over = |state, finished_at| Rotation { state, finished_at, ..rolling_out() };
    assert_eq!(holds_back(&over(State::Settled, Some(minutes(0)))), None);
    assert_eq!(holds_back(&over(State::Failed, None)), None);
    assert_eq!(holds_back(&over(State::Rotating, None)), None);
}

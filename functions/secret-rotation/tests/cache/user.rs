//! The table of a user, row by row.

use secret_rotation::cache::{
    EarlierRollout, Endpoint, Knowledge, Known, Next, Readiness, Step, User, Who, Write,
    decide_user,
};
use secret_rotation::refusal::FailureKind;

use Known::{Absent, Opens, Refused, Untried};

use crate::token::{Said, known};

fn user() -> User {
    User {
        id: "mate-demo-dev-app".to_owned(),
        name: "app".to_owned(),
        arn: "arn:aws:elasticache:r:a:user:mate-demo-dev-app".to_owned(),
        readiness: Readiness::Ready,
        has_passwords: true,
        passwords: 1,
        endpoint: Some(Endpoint { host: "cache".to_owned(), port: 6379 }),
    }
}

fn say(step: Step, user: &User, knowledge: Knowledge) -> Said {
    decide_user(step, "app", Some(user), knowledge, EarlierRollout::Over).into()
}

fn written(knowledge: Knowledge) -> Knowledge {
    Knowledge { written: true, ..knowledge }
}

#[test]
fn both_passwords_are_set_together() {
    let at_a_cache = user();
    let nowhere = User { endpoint: None, ..user() };
    let both = || Said::Write(Write::AddPending);
    for (row, user, knowledge, said) in [
        ("look first", &at_a_cache, known(Untried, Untried, Untried), Said::Probe(Who::Pending)),
        ("it is there already", &at_a_cache, known(Opens, Untried, Untried), Said::Done),
        ("it is not", &at_a_cache, known(Refused, Untried, Untried), both()),
        ("set, not yet there", &at_a_cache, written(known(Refused, Untried, Untried)), Said::Wait),
        ("nowhere to look", &nowhere, known(Untried, Untried, Untried), both()),
        ("nowhere to look, set", &nowhere, written(known(Untried, Untried, Untried)), Said::Done),
        ("nothing to set", &at_a_cache, known(Absent, Untried, Untried), {
            Said::Fail(FailureKind::Configuration)
        }),
        ("nothing to keep", &at_a_cache, known(Refused, Absent, Untried), {
            Said::Fail(FailureKind::Configuration)
        }),
    ] {
        assert_eq!(say(Step::Set, user, knowledge), said, "{row}");
    }
}

#[test]
fn a_password_that_tasks_may_hold_is_never_pushed_out() {
    let next = decide_user(
        Step::Set,
        "app",
        Some(&user()),
        known(Refused, Untried, Untried),
        EarlierRollout::Unfinished,
    );
    assert_eq!(Said::from(next), Said::Fail(FailureKind::Limit));
}

#[test]
fn a_user_is_tested_where_there_is_a_cache_to_ask() {
    let nowhere = User { endpoint: None, ..user() };
    let look = known(Untried, Untried, Absent);
    assert_eq!(say(Step::Test, &user(), look), Said::Probe(Who::Pending));
    assert_eq!(say(Step::Test, &nowhere, look), Said::Done);
    let wrong = known(Refused, Untried, Absent);
    assert_eq!(say(Step::Test, &user(), wrong), Said::Fail(FailureKind::Authentication));
}

#[test]
fn one_password_is_left_when_the_rollout_is_over() {
    let two = User { passwords: 2, ..user() };
    let nowhere = User { endpoint: None, ..two.clone() };
    let one = || Said::Write(Write::OnlyCurrent);
    for (row, user, knowledge, said) in [
        ("there is one", &user(), known(Absent, Untried, Untried), Said::Done),
        ("look first", &two, known(Absent, Untried, Untried), Said::Probe(Who::Current)),
        ("it opens", &two, known(Absent, Opens, Untried), one()),
        ("it does not", &two, known(Absent, Refused, Untried), {
            Said::Fail(FailureKind::Authentication)
        }),
        ("nowhere to look", &nowhere, known(Absent, Untried, Untried), one()),
        ("taken, still there", &two, written(known(Absent, Opens, Untried)), Said::Wait),
    ] {
        assert_eq!(say(Step::Retire, user, knowledge), said, "{row}");
    }
}

#[test]
fn nothing_is_written_to_a_user_that_is_not_ready_or_does_not_fit() {
    let changing = User { readiness: Readiness::of("modifying"), ..user() };
    let lost = User { readiness: Readiness::of("deleting"), ..user() };
    let iam = User { has_passwords: false, ..user() };
    let another = User { name: "somebody".to_owned(), ..user() };
    let wrong = || Said::Fail(FailureKind::Configuration);
    for (row, step, user, said) in [
        ("no user", Step::Set, None, wrong()),
        ("the user is gone", Step::Retire, None, Said::Done),
        ("at work", Step::Set, Some(&changing), Said::Wait),
        ("at work, to be retired", Step::Retire, Some(&changing), Said::Wait),
        ("on its way out", Step::Set, Some(&lost), wrong()),
        ("with IAM", Step::Set, Some(&iam), wrong()),
        ("of another name", Step::Set, Some(&another), wrong()),
        ("of another name, retired", Step::Retire, Some(&another), wrong()),
    ] {
        let knowledge = known(Refused, Refused, Refused);
        let next = decide_user(step, "app", user, knowledge, EarlierRollout::Over);
        assert_eq!(Said::from(next), said, "{row}");
    }
}

#[test]
fn what_was_learnt_is_forgotten_when_time_has_passed_but_not_what_was_done() {
    let before = written(known(Opens, Refused, Absent));
    assert_eq!(before.forgotten(), written(known(Untried, Untried, Absent)));
    let mut learnt = before.forgotten();
    learnt.learn(Who::Current, Opens);
    assert_eq!(learnt.of(Who::Current), Opens);
    let next: Next = decide_user(Step::Test, "app", Some(&user()), learnt, EarlierRollout::Over);
    assert_eq!(Said::from(next), Said::Probe(Who::Pending));
}

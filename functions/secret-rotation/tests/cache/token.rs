//! The table of a token, row by row.

use secret_rotation::cache::{
    EarlierRollout, Endpoint, Group, Knowledge, Known, Next, Readiness, Step, Who, Write,
    decide_token,
};
use secret_rotation::refusal::FailureKind;

use Known::{Absent, Opens, Refused, Untried};

pub(crate) fn group() -> Group {
    Group {
        id: "mate-demo-dev-cache".to_owned(),
        arn: "arn:aws:elasticache:r:a:replicationgroup:mate-demo-dev-cache".to_owned(),
        readiness: Readiness::Ready,
        asks_for_token: true,
        speaks_tls: true,
        endpoint: Some(Endpoint { host: "cache".to_owned(), port: 6379 }),
    }
}

/// Pending, current, previous.
pub(crate) fn known(pending: Known, current: Known, previous: Known) -> Knowledge {
    Knowledge { pending, current, previous, ..Knowledge::default() }
}

/// What the table says, without the words.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    Probe(Who),
    Write(Write),
    Wait,
    Done,
    Fail(FailureKind),
}

impl From<Next> for Said {
    fn from(next: Next) -> Self {
        match next {
            Next::Probe(who) => Self::Probe(who),
            Next::Write(write) => Self::Write(write),
            Next::Wait(_) => Self::Wait,
            Next::Done(_) => Self::Done,
            Next::Fail(refusal) => Self::Fail(refusal.kind),
        }
    }
}

fn say(step: Step, knowledge: Knowledge) -> Said {
    decide_token(step, Some(&group()), knowledge, EarlierRollout::Over).into()
}

#[test]
fn the_pending_token_is_set_where_the_cache_does_not_have_it() {
    let written = |known| Knowledge { written: true, ..known };
    let made_room = |known| Knowledge { made_room: true, ..known };
    for (row, knowledge, said) in [
        ("look first", known(Untried, Untried, Untried), Said::Probe(Who::Pending)),
        ("it is there already", known(Opens, Untried, Untried), Said::Done),
        ("is there room", known(Refused, Untried, Untried), Said::Probe(Who::Previous)),
        ("the first rotation", known(Refused, Untried, Absent), Said::Write(Write::AddPending)),
        ("there is room", known(Refused, Untried, Refused), Said::Write(Write::AddPending)),
        ("two may be there", known(Refused, Untried, Opens), Said::Probe(Who::Current)),
        ("two are there", known(Refused, Opens, Opens), Said::Write(Write::OnlyCurrent)),
        ("room is being made", made_room(known(Refused, Opens, Opens)), Said::Wait),
        ("room is made", made_room(known(Refused, Untried, Refused)), {
            Said::Write(Write::AddPending)
        }),
        ("only the previous one is there", known(Refused, Refused, Opens), {
            Said::Write(Write::AddPending)
        }),
        ("look again", written(known(Untried, Untried, Untried)), Said::Probe(Who::Pending)),
        ("set, not yet there", written(known(Refused, Untried, Untried)), Said::Wait),
        ("set, and there", written(known(Opens, Untried, Untried)), Said::Done),
        ("nothing to set", known(Absent, Untried, Untried), {
            Said::Fail(FailureKind::Configuration)
        }),
    ] {
        assert_eq!(say(Step::Set, knowledge), said, "{row}");
    }
}

#[test]
fn a_token_that_tasks_may_hold_is_never_pushed_out() {
    let say = |knowledge| -> Said {
        decide_token(Step::Set, Some(&group()), knowledge, EarlierRollout::Unfinished).into()
    };
    assert_eq!(say(known(Untried, Untried, Untried)), Said::Probe(Who::Pending));
    assert_eq!(say(known(Opens, Untried, Untried)), Said::Done, "it was set before");
    assert_eq!(say(known(Refused, Untried, Untried)), Said::Fail(FailureKind::Limit));
    let Next::Fail(refusal) = decide_token(
        Step::Set,
        Some(&group()),
        known(Refused, Opens, Opens),
        EarlierRollout::Unfinished,
    ) else {
        panic!("it goes on")
    };
    assert!(refusal.transient, "{refusal}");
    assert!(refusal.reason.contains("rollout"), "{refusal}");
}

#[test]
fn the_pending_token_is_tested_or_else_the_current_one() {
    for (row, knowledge, said) in [
        ("look", known(Untried, Untried, Absent), Said::Probe(Who::Pending)),
        ("it opens", known(Opens, Untried, Absent), Said::Done),
        ("it does not", known(Refused, Opens, Absent), Said::Fail(FailureKind::Authentication)),
        ("nothing is pending", known(Absent, Untried, Absent), Said::Probe(Who::Current)),
        ("the current one opens", known(Absent, Opens, Absent), Said::Done),
        ("the current one does not", known(Absent, Refused, Absent), {
            Said::Fail(FailureKind::Authentication)
        }),
        ("there is none", known(Absent, Absent, Absent), Said::Fail(FailureKind::Configuration)),
    ] {
        assert_eq!(say(Step::Test, knowledge), said, "{row}");
    }
}

#[test]
fn the_earlier_token_is_taken_away_only_when_the_current_one_opens() {
    let written = |known| Knowledge { written: true, ..known };
    for (row, knowledge, said) in [
        ("look", known(Absent, Untried, Untried), Said::Probe(Who::Previous)),
        ("there is none", known(Absent, Untried, Absent), Said::Done),
        ("it is gone", known(Absent, Untried, Refused), Said::Done),
        ("is the current one there", known(Absent, Untried, Opens), Said::Probe(Who::Current)),
        ("both are there", known(Absent, Opens, Opens), Said::Write(Write::OnlyCurrent)),
        ("the current one is not", known(Absent, Refused, Opens), {
            Said::Fail(FailureKind::Authentication)
        }),
        ("taken, still there", written(known(Absent, Untried, Opens)), Said::Wait),
        ("taken, and gone", written(known(Absent, Untried, Refused)), Said::Done),
    ] {
        assert_eq!(say(Step::Retire, knowledge), said, "{row}");
    }
}

#[test]
fn nothing_is_written_to_a_group_that_is_not_ready_or_does_not_fit() {
    let ready = group();
    let changing = Group { readiness: Readiness::of("modifying"), ..ready.clone() };
    let lost = Group { readiness: Readiness::of("deleting"), ..ready.clone() };
    let open = Group { asks_for_token: false, ..ready.clone() };
    let plain = Group { speaks_tls: false, ..ready };
    let wrong = || Said::Fail(FailureKind::Configuration);
    for (row, step, group, said) in [
        ("no group", Step::Set, None, wrong()),
        ("no group to test", Step::Test, None, wrong()),
        ("the group is gone", Step::Retire, None, Said::Done),
        ("at work", Step::Set, Some(&changing), Said::Wait),
        ("at work, to be tested", Step::Test, Some(&changing), Said::Wait),
        ("at work, to be retired", Step::Retire, Some(&changing), Said::Wait),
        ("on its way out", Step::Set, Some(&lost), wrong()),
        ("without a token", Step::Set, Some(&open), wrong()),
        ("without a token, tested", Step::Test, Some(&open), wrong()),
        ("without TLS", Step::Set, Some(&plain), wrong()),
        ("without TLS, retired", Step::Retire, Some(&plain), wrong()),
    ] {
        let knowledge = known(Refused, Refused, Refused);
        let next = decide_token(step, group, knowledge, EarlierRollout::Over);
        assert_eq!(Said::from(next), said, "{row}");
    }
}

#[test]
fn a_status_that_is_not_known_is_no_reason_to_go_on() {
    assert_eq!(Readiness::of("available"), Readiness::Ready);
    assert_eq!(Readiness::of("active"), Readiness::Ready);
    for status in ["modifying", "creating", "snapshotting"] {
        assert_eq!(Readiness::of(status), Readiness::Changing(status.to_owned()));
    }
    for status in ["deleting", "create-failed", "dancing"] {
        assert_eq!(Readiness::of(status), Readiness::Lost(status.to_owned()));
    }
}

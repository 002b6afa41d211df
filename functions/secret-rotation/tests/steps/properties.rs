//! What holds in every situation that a step can come into, whatever the doors answer.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::Strategy as Any;
use secret_rotation::decide::{Action, Method, Next, Position, Seen, Situation, Who, decide};
use secret_rotation::event::Step;
use secret_rotation::kind::Strategy;
use secret_rotation::refusal::{FailureKind, Refusal};

use crate::fixtures::{barred, refused, unusable};

/// What each door answers when it is tried, and whether the server takes the value.
#[derive(Debug, Clone)]
struct Doors {
    answers: BTreeMap<Who, Seen>,
    takes_value: bool,
}

/// How a step went: which doors were tried, what was done, how it ended.
#[derive(Debug, Default)]
struct Course {
    tried: Vec<Who>,
    writes: Vec<Action>,
    end: Option<Next>,
}

/// Carries a step out against these doors, as the function does.
fn run(mut situation: Situation, doors: &Doors) -> Course {
    let mut course = Course::default();
    // Four doors, one write that is refused, one answer to that: it ends long before.
    for _ in 0..12 {
        match decide(&situation) {
            Next::Probe(who) => {
                course.tried.push(who);
                situation.note(who, doors.answers[&who].clone());
            }
            Next::Do(action) => {
                let sets = matches!(action, Action::SetOver(_) | Action::EnsureAlternate);
                if sets && !doors.takes_value && situation.value_refused.is_none() {
                    situation.value_refused = Some("too simple".to_owned());
                    continue;
                }
                course.writes.push(action.clone());
                course.end = Some(Next::Do(action));
                return course;
            }
            end => {
                course.end = Some(end);
                return course;
            }
        }
    }
    course
}

fn answer() -> impl Any<Value = Seen> {
    prop_oneof![
        Just(Seen::Opens),
        Just(Seen::Opens),
        Just(refused()),
        Just(Seen::Absent),
        Just(unusable()),
        prop_oneof![
            Just(FailureKind::Network),
            Just(FailureKind::Tls),
            Just(FailureKind::Permission),
        ]
        .prop_map(barred),
    ]
}

/// What the pending version's door answers: that it has a value that can be tried is known before.
fn tried() -> impl Any<Value = Seen> {
    answer().prop_map(|seen| match seen {
        Seen::Absent | Seen::Unusable(_) => refused(),
        other => other,
    })
}

prop_compose! {
    fn doors()(
        pending in tried(), current in answer(), previous in answer(), master in answer(),
        takes_value in prop::bool::weighted(0.8),
    ) -> Doors {
        let answers = [
            (Who::Pending, pending),
            (Who::Current, current),
            (Who::Previous, previous),
            (Who::Master, master),
        ];
        Doors { answers: answers.into(), takes_value }
    }
}

fn situation() -> impl Any<Value = Situation> {
    let step = prop::sample::select(Step::ALL.to_vec());
    let method = prop_oneof![
        3 => prop::sample::select(Strategy::ALL.to_vec()).prop_map(Method::Database),
        1 => Just(Method::Cache),
        1 => Just(Method::Nobody),
    ];
    let position = prop_oneof![
        8 => Just(Position::Pending),
        1 => prop::sample::select(vec![
            Position::Current,
            Position::Neither,
            Position::Unknown,
            Position::RotationOff,
        ]),
    ];
    let pending =
        prop_oneof![4 => Just(Seen::Untried), 1 => Just(Seen::Absent), 1 => Just(unusable())];
    (step, method, position, pending).prop_map(|(step, method, position, pending)| Situation {
        method,
        pending,
        current: Seen::Untried,
        ..Situation::new(step, position)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn every_step_ends_with_at_most_one_write(situation in situation(), doors in doors()) {
        let course = run(situation, &doors);
        prop_assert!(course.end.is_some(), "it goes on for ever: {course:?}");
        prop_assert!(course.writes.len() <= 1);
    }

    #[test]
    fn no_door_is_tried_twice(situation in situation(), doors in doors()) {
        let tried = run(situation, &doors).tried;
        let mut once = tried.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), tried.len(), "{:?}", tried);
    }

    /// A server that swallows packets costs one timeout.
    #[test]
    fn after_a_door_that_is_not_reached_none_is_tried(
        situation in situation(), doors in doors(),
    ) {
        let tried = run(situation, &doors).tried;
        let unreached = |who: &Who| {
            matches!(&doors.answers[who], Seen::Barred(refusal)
                if matches!(refusal.kind, FailureKind::Network | FailureKind::Tls))
        };
        if let Some(at) = tried.iter().position(unreached) {
            prop_assert_eq!(at, tried.len() - 1, "{:?}", tried);
        }
    }

    /// In the normal case: the current version and the master's secret are right.
    #[test]
    fn a_step_opens_two_doors_where_nothing_is_wrong(strategy in 0..3_usize, step in 0..4_usize) {
        let answers = [
            (Who::Pending, if Step::ALL[step] == Step::Set { refused() } else { Seen::Opens }),
            (Who::Current, Seen::Opens),
            (Who::Previous, refused()),
            (Who::Master, Seen::Opens),
        ];
        let doors = Doors { answers: answers.into(), takes_value: true };
        let situation = Situation {
            method: Method::Database(Strategy::ALL[strategy]),
            pending: Seen::Untried,
            current: Seen::Untried,
            ..Situation::new(Step::ALL[step], Position::Pending)
        };
        prop_assert!(run(situation, &doors).tried.len() <= 2);
    }

    /// Whoever may set the pending password is found, as long as no wire is cut on the way.
    #[test]
    fn set_secret_never_fails_while_a_way_is_left(strategy in 0..3_usize, doors in doors()) {
        let strategy = Strategy::ALL[strategy];
        let cut = doors.answers.values().any(|seen| matches!(seen, Seen::Barred(_)));
        let doors = Doors { takes_value: true, ..doors };
        let opens = |who: Who| doors.answers[&who] == Seen::Opens;
        let way = opens(Who::Pending) || match strategy {
            Strategy::SingleUser => [Who::Current, Who::Previous, Who::Master].into_iter().any(opens),
            Strategy::SingleUserByMaster => opens(Who::Master),
            Strategy::AlternatingUsers => opens(Who::Current) && opens(Who::Master),
        };
        let course = run(pending(strategy), &doors);
        let failed = matches!(course.end, Some(Next::Fail(_)));
        prop_assert!(cut || failed != way, "{course:?}");
    }

    /// Nobody has another user made without showing that the current one is its own.
    #[test]
    fn another_user_is_made_only_after_the_current_one_has_opened(doors in doors()) {
        let course = run(pending(Strategy::AlternatingUsers), &doors);
        if course.writes.contains(&Action::EnsureAlternate) {
            prop_assert_eq!(&doors.answers[&Who::Current], &Seen::Opens);
            prop_assert_eq!(course.tried.first(), Some(&Who::Current));
        }
    }

    /// What the database may hold is never thrown away.
    #[test]
    fn a_value_is_taken_off_only_when_the_database_is_seen_to_hold_another(
        situation in situation(), doors in doors(),
    ) {
        let unusable = matches!(situation.pending, Seen::Unusable(_));
        let course = run(situation, &doors);
        if course.writes.iter().any(|write| matches!(write, Action::TakeOff(_))) {
            let opened = |who: Who| course.tried.contains(&who) && doors.answers[&who] == Seen::Opens;
            prop_assert!(opened(Who::Current) || opened(Who::Previous), "{course:?}");
            prop_assert!(!opened(Who::Pending));
            prop_assert!(unusable || matches!(doors.answers[&Who::Pending], Seen::Refused(_)));
        }
    }

    /// Every refusal says what to do.
    #[test]
    fn every_failure_says_what_happened_and_what_to_do(situation in situation(), doors in doors()) {
        let course = run(situation, &doors);
        if let Some(Next::Fail(Refusal { reason, remedy, .. })) = course.end {
            prop_assert!(!reason.is_empty() && !remedy.is_empty());
        }
    }

    #[test]
    fn create_and_finish_open_no_door(situation in situation(), doors in doors()) {
        let opens_none = matches!(situation.step, Step::Create | Step::Finish);
        let tried = run(situation, &doors).tried;
        prop_assert!(!opens_none || tried.is_empty());
    }
}

/// `setSecret` with a pending value of which nothing is known.
fn pending(strategy: Strategy) -> Situation {
    Situation {
        method: Method::Database(strategy),
        pending: Seen::Untried,
        current: Seen::Untried,
        ..Situation::new(Step::Set, Position::Pending)
    }
}

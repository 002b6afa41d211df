//! What holds in every situation, whatever ElastiCache and the cache say.

use proptest::prelude::*;
use secret_rotation::cache::{
    EarlierRollout, Group, Knowledge, Known, Next, Readiness, Step, Who, Write, decide_token,
};

use crate::token::group;

fn any_known() -> impl Strategy<Value = Known> {
    prop_oneof![Just(Known::Absent), Just(Known::Untried), Just(Known::Opens), Just(Known::Refused)]
}

fn any_knowledge() -> impl Strategy<Value = Knowledge> {
    (any_known(), any_known(), any_known(), any::<bool>(), any::<bool>()).prop_map(
        |(pending, current, previous, written, made_room)| Knowledge {
            pending,
            current,
            previous,
            written,
            made_room,
        },
    )
}

fn any_group() -> impl Strategy<Value = Option<Group>> {
    let readiness = prop_oneof![
        4 => Just(Readiness::Ready),
        1 => Just(Readiness::of("modifying")),
        1 => Just(Readiness::of("deleting")),
    ];
    let group = (readiness, any::<bool>(), any::<bool>()).prop_map(|(readiness, token, tls)| {
        Group { readiness, asks_for_token: token, speaks_tls: tls, ..group() }
    });
    proptest::option::weighted(0.9, group)
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![Just(Step::Set), Just(Step::Test), Just(Step::Retire)]
}

fn any_earlier() -> impl Strategy<Value = EarlierRollout> {
    prop_oneof![Just(EarlierRollout::Over), Just(EarlierRollout::Unfinished)]
}

proptest! {
    #[test]
    fn only_what_is_not_known_is_asked(
        step in any_step(), group in any_group(), knowledge in any_knowledge(),
        earlier in any_earlier(),
    ) {
        if let Next::Probe(who) = decide_token(step, group.as_ref(), knowledge, earlier) {
            prop_assert_eq!(knowledge.of(who), Known::Untried);
        }
    }

    #[test]
    fn a_token_is_taken_away_only_where_the_current_one_opens(
        step in any_step(), group in any_group(), knowledge in any_knowledge(),
        earlier in any_earlier(),
    ) {
        let next = decide_token(step, group.as_ref(), knowledge, earlier);
        if next == Next::Write(Write::OnlyCurrent) {
            prop_assert_eq!(knowledge.of(Who::Current), Known::Opens);
            prop_assert_eq!(knowledge.of(Who::Previous), Known::Opens);
        }
    }

    #[test]
    fn nothing_is_written_while_tasks_may_hold_the_earlier_token(
        group in any_group(), knowledge in any_knowledge(),
    ) {
        let next = decide_token(Step::Set, group.as_ref(), knowledge, EarlierRollout::Unfinished);
        prop_assert!(!matches!(next, Next::Write(_)), "{next:?}");
    }

    #[test]
    fn nothing_is_written_where_the_group_is_not_ready(
        step in any_step(), group in any_group(), knowledge in any_knowledge(),
    ) {
        let next = decide_token(step, group.as_ref(), knowledge, EarlierRollout::Over);
        if matches!(next, Next::Write(_)) {
            let group = group.unwrap();
            prop_assert_eq!(group.readiness, Readiness::Ready);
            prop_assert!(group.speaks_tls && group.asks_for_token);
        }
    }

    /// Whatever the cache answers, a step comes to an end: each value is asked for once and each
    /// thing is written once.
    #[test]
    fn a_step_ends(
        step in any_step(), answers in proptest::collection::vec(any::<bool>(), 3),
        absent in proptest::collection::vec(any::<bool>(), 3),
    ) {
        let known = |absent: bool| if absent { Known::Absent } else { Known::Untried };
        let mut knowledge = Knowledge {
            pending: known(absent[0]), current: known(absent[1]), previous: known(absent[2]),
            ..Knowledge::default()
        };
        for asked in 0.. {
            prop_assert!(asked <= 10, "it goes on and on");
            match decide_token(step, Some(&group()), knowledge, EarlierRollout::Over) {
                Next::Probe(who) => {
                    let opens = match who {
                        Who::Pending => answers[0],
                        Who::Current => answers[1],
                        Who::Previous => answers[2],
                    };
                    knowledge.learn(who, if opens { Known::Opens } else { Known::Refused });
                }
                Next::Write(Write::OnlyCurrent) if step == Step::Set => {
                    prop_assert!(!knowledge.made_room);
                    knowledge.made_room = true;
                }
                Next::Write(_) => {
                    prop_assert!(!knowledge.written);
                    knowledge.written = true;
                }
                Next::Wait(_) | Next::Done(_) | Next::Fail(_) => break,
            }
        }
    }
}

//! The time after which an invocation begins nothing new.
//!
//! Lambda kills an invocation at its timeout, and with it the answer that says which records of a
//! batch were done: all of them come again. A function therefore stops beginning work while there
//! is still time to finish what runs, and answers before it is killed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Time a record may take once it was begun: no work begins when less than this is left of the
/// invocation.
///
/// A pass is a handful of AWS calls of some 20–200 ms each; should one of them need every attempt
/// it has (see [`Timeouts`](crate::clients::Timeouts)), it still ends in time. Functions have a
/// timeout of 30 s and more.
pub const WORK_RESERVE: Duration = Duration::from_secs(10);

/// Time kept for the answer to reach the Runtime API (a local HTTP call of a few milliseconds) on a
/// busy machine.
pub const ANSWER_RESERVE: Duration = Duration::from_millis(500);

/// When an invocation stops beginning work, and when it must have answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    begin_until: Timestamp,
    answer_by: Timestamp,
}

impl Deadline {
    /// The deadline of an invocation that Lambda kills at `killed_at`, of which `reserve` is kept
    /// for work in hand.
    ///
    /// A reserve shorter than [`ANSWER_RESERVE`] is raised to it.
    pub fn new(killed_at: Timestamp, reserve: Duration) -> Self {
        Self {
            begin_until: earlier(killed_at, reserve.max(ANSWER_RESERVE)),
            answer_by: earlier(killed_at, ANSWER_RESERVE),
        }
    }

    /// The same from Lambda's context, whose `deadline` is in milliseconds since the Unix epoch
    /// (header `Lambda-Runtime-Deadline-Ms` of the Runtime API).
    pub fn from_context(context: &lambda_runtime::Context, reserve: Duration) -> Self {
        let killed_at = i64::try_from(context.deadline)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Self::new(killed_at.unwrap_or(Timestamp::MAX), reserve)
    }

    /// How long new work may still be begun; zero when the deadline has passed.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        until(now, self.begin_until)
    }

    /// How long work in hand may still run before the answer must go out; zero when that moment has
    /// passed.
    pub fn remaining_for_work_in_hand(&self, now: Timestamp) -> Duration {
        until(now, self.answer_by)
    }

    /// Whether no new work may be begun.
    pub fn has_passed(&self, now: Timestamp) -> bool {
        now >= self.begin_until
    }

    /// Whether work that takes `duration` can be begun now and end before the deadline.
    pub fn allows(&self, duration: Duration, now: Timestamp) -> bool {
        !self.has_passed(now) && duration <= self.remaining(now)
    }
}

fn earlier(moment: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    moment.checked_sub(by).unwrap_or(Timestamp::MIN)
}

fn until(now: Timestamp, moment: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn work_is_begun_until_the_reserve_and_finished_until_the_answer_is_due() {
        let deadline = Deadline::new(at(30), Duration::from_secs(5));
        // (now, may be begun for, may run on for)
        let cases = [
            (0, 25_000, 29_500),
            (20, 5_000, 9_500),
            (25, 0, 4_500),
            (29, 0, 500),
            (30, 0, 0),
            (99, 0, 0),
        ];
        for (now, begin_ms, run_ms) in cases {
            assert_eq!(deadline.remaining(at(now)), Duration::from_millis(begin_ms), "at {now} s");
            assert_eq!(
                deadline.remaining_for_work_in_hand(at(now)),
                Duration::from_millis(run_ms),
                "at {now} s"
            );
            assert_eq!(deadline.has_passed(at(now)), begin_ms == 0, "at {now} s");
        }
    }

    #[test]
    fn only_what_ends_before_the_deadline_is_allowed() {
        let deadline = Deadline::new(at(30), Duration::from_secs(5));
        assert!(deadline.allows(Duration::from_secs(25), at(0)));
        assert!(!deadline.allows(Duration::from_secs(26), at(0)));
        assert!(!deadline.allows(Duration::ZERO, at(25)));
    }

    #[test]
    fn the_lambda_context_gives_the_moment_of_the_kill() {
        let mut context = lambda_runtime::Context::default();
        context.deadline = 30_000;
        assert_eq!(
            Deadline::from_context(&context, Duration::from_secs(5)),
            Deadline::new(at(30), Duration::from_secs(5))
        );
    }

    #[test]
    fn strange_contexts_give_a_deadline_all_the_same() {
        let mut context = lambda_runtime::Context::default();
        assert!(Deadline::from_context(&context, Duration::MAX).has_passed(at(0)));
        context.deadline = u64::MAX;
        assert!(!Deadline::from_context(&context, Duration::from_secs(5)).has_passed(at(0)));
    }
}

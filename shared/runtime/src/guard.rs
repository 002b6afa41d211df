//! Work that takes neither its neighbours nor the answer with it: a panic is an error like any
//! other, and what hangs is given up when the answer is due.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;

use crate::invocation::Invocation;
use crate::logging::panic_message;

/// Why work came to no end of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CutShort {
    /// It panicked, with these words.
    Panicked(String),
    /// It was given up at the point it waited at, after this time, as if the function had been
    /// killed there.
    OutOfTime(Duration),
}

impl Invocation {
    /// Does work until it ends or the answer of this invocation is due.
    ///
    /// # Errors
    /// That it panicked or ran out of time.
    pub async fn guard<T>(&self, work: impl Future<Output = T>) -> Result<T, CutShort> {
        let limit = self.deadline.remaining_for_work_in_hand(self.clock.now());
        // What a panic may have left half-changed is the work's own, and gone with it.
        let work = AssertUnwindSafe(work).catch_unwind();
        match tokio::time::timeout(limit, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(panic)) => Err(CutShort::Panicked(panic_message(&*panic).to_owned())),
            Err(_elapsed) => Err(CutShort::OutOfTime(limit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clock::Clock;
    use crate::deadline::{ANSWER_RESERVE, Deadline};

    fn with_time_left(left: Duration) -> Invocation {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let deadline = Deadline::new(clock.now() + ANSWER_RESERVE + left, Duration::ZERO);
        Invocation { deadline, ..Invocation::for_tests(clock, left) }
    }

    #[tokio::test]
    async fn what_comes_to_its_end_is_answered() {
        let invocation = with_time_left(Duration::from_mins(1));
        assert_eq!(invocation.guard(async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_is_told_in_its_own_words() {
        let invocation = with_time_left(Duration::from_mins(1));
        let literal = invocation.guard(async { panic!("it is broken") }).await;
        assert_eq!(literal, Err::<(), _>(CutShort::Panicked("it is broken".to_owned())));
        let number = std::hint::black_box(7);
        let formatted = invocation.guard(async { panic!("{number} is broken") }).await;
        assert_eq!(formatted, Err::<(), _>(CutShort::Panicked("7 is broken".to_owned())));
    }

    #[tokio::test]
    async fn what_hangs_is_given_up_when_the_answer_is_due() {
        let left = Duration::from_millis(1);
        let cut = with_time_left(left).guard(std::future::pending::<()>()).await;
        assert_eq!(cut, Err(CutShort::OutOfTime(left)));
    }
}

//! What the shell tells a function about the invocation it is in.

use std::time::Duration;

use crate::clock::Clock;
use crate::deadline::{Deadline, WORK_RESERVE};

/// One invocation of the function: who, until when, and whether it is the first.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Lambda's request id.
    pub request_id: String,
    /// The X-Ray trace header (`Root=1-…;Parent=…;Sampled=1`), to be passed on in messages; absent
    /// without a trace.
    pub trace_header: Option<String>,
    /// Whether this is the first invocation of the process.
    pub cold_start: bool,
    /// After which no new work is begun.
    pub deadline: Deadline,
    /// Where the function takes the time from.
    pub clock: Clock,
}

impl Invocation {
    /// From Lambda's context. Of the time there is, [`WORK_RESERVE`] is kept for work in hand, but
    /// no more than half: a function with a short timeout must be able to begin something.
    pub fn from_context(context: &lambda_runtime::Context, cold_start: bool, clock: Clock) -> Self {
        let whole = Deadline::from_context(context, Duration::ZERO);
        let reserve = WORK_RESERVE.min(whole.remaining(clock.now()) / 2);
        Self {
            request_id: context.request_id.clone(),
            trace_header: context.xray_trace_id.clone().filter(|header| !header.is_empty()),
            cold_start,
            deadline: Deadline::from_context(context, reserve),
            clock,
        }
    }

    /// An invocation that has `time_left` before it is killed, at the time of `clock`; for tests
    /// and tools.
    pub fn for_tests(clock: Clock, time_left: Duration) -> Self {
        let left = jiff::SignedDuration::try_from(time_left).unwrap_or(jiff::SignedDuration::MAX);
        let killed_at = clock.now().checked_add(left).unwrap_or(jiff::Timestamp::MAX);
        Self {
            request_id: "test-request".to_owned(),
            trace_header: None,
            cold_start: false,
            deadline: Deadline::new(killed_at, WORK_RESERVE),
            clock,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn invocation(timeout_seconds: u64, trace: Option<&str>) -> Invocation {
        let mut context = lambda_runtime::Context::default();
        context.request_id = "r-1".to_owned();
        context.deadline = timeout_seconds * 1_000;
        context.xray_trace_id = trace.map(str::to_owned);
        Invocation::from_context(&context, true, Clock::fixed(Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn a_long_invocation_keeps_the_whole_reserve_and_a_short_one_half_of_its_time() {
        // (timeout, may begin work for)
        let cases = [(900, 890_000), (30, 20_000), (5, 2_750), (1, 500), (0, 0)];
        for (timeout, milliseconds) in cases {
            let Invocation { deadline, clock, .. } = invocation(timeout, None);
            let remaining = deadline.remaining(clock.now());
            assert_eq!(remaining, Duration::from_millis(milliseconds), "timeout {timeout} s");
        }
    }

    #[test]
    fn an_empty_trace_header_is_none() {
        assert_eq!(invocation(30, Some("")).trace_header, None);
        assert_eq!(invocation(30, Some("Root=1")).trace_header.as_deref(), Some("Root=1"));
    }
}

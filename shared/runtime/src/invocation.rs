//! What the shell tells a function about the invocation it is in.

use std::time::Duration;

use crate::clock::Clock;
use crate::deadline::{Deadline, WORK_RESERVE};

/// One invocation of the function: who, until when, and whether it is the first.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Lambda's request id.
    pub request_id: String,
    /// The X-Ray trace header (`Root=1-…;Parent=…;Sampled=1`), to be passed on in messages; absent without a trace.
    pub trace_header: Option<String>,
    /// Whether this is the first invocation of the process.
    pub cold_start: bool,
    /// After which no new work is begun.
    pub deadline: Deadline,
    /// Where the function takes the time from.
    pub clock: Clock,
}

impl Invocation {
    /// From Lambda's context, with the reserve of [`WORK_RESERVE`] and the system's clock.
    pub fn from_context(context: &lambda_runtime::Context, cold_start: bool) -> Self {
        Self {
            request_id: context.request_id.clone(),
            trace_header: context.xray_trace_id.clone().filter(|header| !header.is_empty()),
            cold_start,
            deadline: Deadline::from_context(context, WORK_RESERVE),
            clock: Clock::system(),
        }
    }

    /// An invocation that has `time_left` before it is killed, at the time of `clock`; for tests and tools.
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

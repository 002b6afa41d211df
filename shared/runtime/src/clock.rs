//! Time as a value that is handed in, so that what depends on it is tested without sleeping.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// Where "now" comes from.
///
/// A function takes its clock from its [`Invocation`](crate::Invocation) and asks it once per pass,
/// so that one pass sees one time; `decide` gets that time as an argument.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    /// Milliseconds since the Unix epoch; shared by all clones.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `now` (to the millisecond) until it is told to
    /// [advance](Self::advance).
    pub fn fixed(now: Timestamp) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(now.as_millisecond()))))
    }

    /// The time it is.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Fixed(milliseconds) => {
                // The value came from a timestamp or was clamped to one, so the conversion cannot
                // fail.
                Timestamp::from_millisecond(milliseconds.load(Ordering::SeqCst))
                    .unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// Moves a fixed clock and all its clones forward; the system's clock is not moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Fixed(milliseconds) = &self.0 {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            let later = milliseconds
                .load(Ordering::SeqCst)
                .saturating_add(by)
                .min(Timestamp::MAX.as_millisecond());
            milliseconds.store(later, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told_and_its_clones_move_with_it() {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let clock = Clock::fixed(start);
        let clone = clock.clone();
        assert_eq!(clock.now(), start);
        clock.advance(Duration::from_secs(90));
        assert_eq!(clone.now(), "2026-01-02T03:05:35Z".parse().unwrap());
    }

    #[test]
    fn a_fixed_clock_stops_at_the_end_of_time() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now().as_millisecond(), Timestamp::MAX.as_millisecond());
    }
}

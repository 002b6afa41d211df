//! Arithmetic of instants that ends at the ends of time instead of failing there.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The instant that is so much later.
pub(crate) fn after(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// How much later `later` is than `earlier`; nothing where it is not.
pub(crate) fn since(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_has_ends() {
        let start = Timestamp::UNIX_EPOCH;
        assert_eq!(after(start, Duration::MAX), Timestamp::MAX);
        assert_eq!(since(after(start, Duration::from_secs(3)), start), Duration::ZERO);
        assert_eq!(since(start, after(start, Duration::from_secs(3))), Duration::from_secs(3));
    }
}

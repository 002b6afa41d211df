//! How long to wait before looking again.

use std::time::Duration;

/// Exponential backoff: `first`, then `factor` times as long on every further attempt, never longer
/// than `cap`.
///
/// Constant when `factor` is 1. The delay is a pure function of the attempt;
/// [`Queue::requeue`](crate::Queue::requeue) adds the jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The delay before the second attempt.
    pub first: Duration,
    /// By how much each delay is longer than the one before; 0 is taken as 1.
    pub factor: u32,
    /// The longest delay.
    pub cap: Duration,
}

impl Backoff {
    /// The delay after attempt number `attempt` (the first is 1; 0 is taken as 1).
    pub fn delay(&self, attempt: u32) -> Duration {
        let growth = self.factor.max(1).checked_pow(attempt.saturating_sub(1));
        growth
            .and_then(|growth| self.first.checked_mul(growth))
            .map_or(self.cap, |delay| delay.min(self.cap))
    }
}

/// Equal jitter: half of the delay for certain, the other half by chance, so that what failed
/// together does not come back together, and nothing comes back at once.
pub fn equal_jitter(delay: Duration, random: &mut fastrand::Rng) -> Duration {
    let half = delay / 2;
    half + half.mul_f64(random.f64())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn delays_grow_by_the_factor_up_to_the_cap() {
        let backoff =
            Backoff { first: Duration::from_secs(5), factor: 2, cap: Duration::from_mins(1) };
        let delays: Vec<u64> = (0..=7).map(|attempt| backoff.delay(attempt).as_secs()).collect();
        assert_eq!(delays, [5, 5, 10, 20, 40, 60, 60, 60]);
    }

    fn any_backoff() -> impl Strategy<Value = Backoff> {
        (0_u64..100_000, any::<u32>(), 0_u64..10_000_000).prop_map(|(first, factor, cap)| Backoff {
            first: Duration::from_millis(first),
            factor,
            cap: Duration::from_millis(cap),
        })
    }

    proptest! {
        #[test]
        fn a_delay_never_exceeds_the_cap(backoff in any_backoff(), attempt: u32) {
            prop_assert!(backoff.delay(attempt) <= backoff.cap);
        }

        #[test]
        fn a_later_attempt_never_waits_less(backoff in any_backoff(), attempt in 0_u32..u32::MAX) {
            prop_assert!(backoff.delay(attempt) <= backoff.delay(attempt + 1));
        }

        #[test]
        fn jitter_stays_between_half_and_the_whole_delay(milliseconds in 0_u64..100_000_000, seed: u64) {
            let delay = Duration::from_millis(milliseconds);
            let jittered = equal_jitter(delay, &mut fastrand::Rng::with_seed(seed));
            prop_assert!(delay / 2 <= jittered && jittered <= delay, "{delay:?} became {jittered:?}");
        }

        #[test]
        fn the_same_seed_gives_the_same_jitter(milliseconds in 0_u64..100_000_000, seed: u64) {
            let delay = Duration::from_millis(milliseconds);
            let once = equal_jitter(delay, &mut fastrand::Rng::with_seed(seed));
            prop_assert_eq!(once, equal_jitter(delay, &mut fastrand::Rng::with_seed(seed)));
        }
    }
}

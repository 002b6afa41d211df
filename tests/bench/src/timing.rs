//! How long a piece of work takes, without a framework: Criterion's own dependencies would change
//! the features of crates that the AWS SDK is built on, and all of it would be built twice.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::Serialize;

/// A sample is at least so long, so that reading the clock is no part of the figure.
const SAMPLE: Duration = Duration::from_millis(2);

/// How many samples there are; the median is the 101st.
const SAMPLES: usize = 201;

/// How long something takes per call, its result's removal from memory included.
#[derive(Debug, Serialize)]
pub(crate) struct Timing {
    what: &'static str,
    of: String,
    /// What is compared: half of the samples are below, and no neighbour on the machine moves it.
    median_ns: f64,
    /// The best sample: what the machine can do.
    least_ns: f64,
    /// Nine of ten samples are below.
    p90_ns: f64,
    /// How often it was called altogether.
    calls: u64,
}

/// Measures `work`.
pub(crate) fn measure<T>(what: &'static str, of: &str, mut work: impl FnMut() -> T) -> Timing {
    let calls = calls_per_sample(&mut work);
    let mut samples: Vec<Duration> = (0..SAMPLES).map(|_| sample(calls, &mut work)).collect();
    samples.sort_unstable();
    let at = |percent: usize| {
        let sample = samples.get((SAMPLES - 1) * percent / 100).copied().unwrap_or_default();
        sample.as_secs_f64() * 1e9 / f64::from(calls)
    };
    Timing {
        what,
        of: of.to_owned(),
        median_ns: at(50),
        least_ns: at(0),
        p90_ns: at(90),
        calls: u64::from(calls) * SAMPLES as u64,
    }
}

/// Doubles the calls until a sample is long enough, which also warms caches and clock up.
fn calls_per_sample<T>(work: &mut impl FnMut() -> T) -> u32 {
    let mut calls = 1;
    while sample(calls, work) < SAMPLE && calls < u32::MAX / 2 {
        calls *= 2;
    }
    calls
}

fn sample<T>(calls: u32, work: &mut impl FnMut() -> T) -> Duration {
    let began = Instant::now();
    for _ in 0..calls {
        black_box(work());
    }
    began.elapsed()
}

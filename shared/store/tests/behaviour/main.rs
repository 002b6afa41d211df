//! What the store promises, shown on a real DynamoDB API: nothing of it is a mock's opinion.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper that cannot go on fails the test"
)]

mod buckets;
mod commits;
mod creation;
mod documents;
mod idempotency;
mod interleaving;
mod journals;
mod leases;
mod lossy;
mod support;
mod sweeps;

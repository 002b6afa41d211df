//! What is told to whom, and when: `decide` and `settle` over time, without any IO.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's helper that cannot go on fails the test"
)]

mod fixtures;
mod folding;
mod holding;
mod ledger;
mod properties;
mod timing;

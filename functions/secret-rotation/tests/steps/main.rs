//! The four steps: every row of the decision table, what holds over all of them, and the binding.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's helper that cannot go on fails the test"
)]

mod binding;
mod fixtures;
mod properties;
mod set;
mod table;

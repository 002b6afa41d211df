//! Every situation a tenant can be in, and what is decided: the table of the function's README.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test's helper that cannot go on fails the test"
)]

mod fixtures;
mod properties;
mod table;

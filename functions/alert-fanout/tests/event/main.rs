//! What comes in: real-shaped events of every source, and everything that is none.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helper that cannot go on fails the test"
)]

mod corpus;
mod fixtures;
mod meaning;
mod messages;
mod properties;

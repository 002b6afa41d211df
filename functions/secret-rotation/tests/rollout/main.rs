//! The rollout: the table of what comes next, and what always holds.

#![expect(clippy::unwrap_used, reason = "a test's helper that cannot go on fails the test")]

mod fixtures;
mod properties;
mod service;
mod table;

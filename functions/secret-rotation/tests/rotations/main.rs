//! Whole rotations on real servers: each strategy on PostgreSQL and on MariaDB, undisturbed and
//! killed at every point.
//!
//! AWS is a small world in memory that is as strict as the real one about what rotation relies on:
//! labels, tokens, conditional writes. Databases are real, behind a proxy that can cut the line.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's helper that cannot go on fails the test"
)]

mod aws;
mod database;
mod ecs;
mod failures;
mod kill;
mod killed;
mod proxy;
mod retiring;
mod rollouts;
mod scenario;
mod secrets_manager;
mod stuck;
mod table;
mod users;
mod whole;

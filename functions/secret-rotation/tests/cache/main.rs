//! Caches: the tables, their properties, and whole rotations on a real Redis with TLS.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's helper that cannot go on fails the test"
)]

mod door;
mod elasticache;
mod properties;
mod rotation;
mod server;
mod token;
mod user;

//! The whole function on an AWS in memory and sinks on the loopback: what is lost when it is killed
//! after any call, what is told when sinks fail, and what it costs.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's helper that cannot go on fails the test"
)]

mod aws;
mod crashes;
mod faults;
#[expect(dead_code, reason = "the bench asks for the operation of AWS")]
mod http;
mod services;
mod storm;
mod sweeping;
mod way;
mod world;

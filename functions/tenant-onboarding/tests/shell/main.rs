//! What goes over the wire: which calls a message leads to, in which order, and what each answer
//! of AWS's means.
//!
//! A call that no rule of a test expects panics, so a test that names its rules also shows that
//! nothing else was called.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's helper that cannot go on fails the test"
)]

mod accept;
mod announce;
mod aws;
mod fixtures;
mod observe;
mod pass;
mod refuse;
mod stacks;
mod sweep;
mod world;

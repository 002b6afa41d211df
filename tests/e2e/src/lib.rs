//! The whole suite on the local cloud: its tests, the demonstration and the measurements.
//!
//! Why it exists: each part is tested for itself, but a tenant is brought up by all of them
//! together, with the very zips that ship, real databases and real processes. A [`Cloud`] is an
//! AWS of one's own for as long as the value lives; [`Suite`] is Caretaker deployed on it, with
//! what a person would do to it: ask, wait, look, break.

mod alerts;
mod cloud;
mod control;
mod log;
mod rotation;
mod sinks;
mod suite;
mod writer;

pub use alerts::{Alarm, FANOUT};
pub use cloud::{About, Cloud, Deployment, python, root};
pub use control::{Call, Control, Fault};
pub use log::LogLine;
pub use rotation::version_with;
pub use sinks::{
    Address, Cards, Done, Failed, Failure, Incident, Incidents, Letter, Message as SlackMessage,
    Messages, Request, Sinks, Taken,
};
pub use suite::{Message, Suite};
pub use writer::{Writer, Written};

/// Any failure, in words; tests and tools only pass it on.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A result with any failure.
pub type Result<T> = std::result::Result<T, Error>;

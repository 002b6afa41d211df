//! From what AWS and Caretaker report to the right people, within a minute, without loss and
//! without noise.
//!
//! Why it exists: alerts that nobody routes are either missed or ignored.

pub mod alert;
pub mod credentials;
pub mod decide;
pub mod event;
pub mod explain;
pub mod group;
pub mod inhibit;
pub mod interval;
pub mod notification;
pub mod render;
pub mod route;
pub mod severity;
pub mod silence;
pub mod sinks;

mod normalise;
#[cfg(test)]
mod testing;
mod time;

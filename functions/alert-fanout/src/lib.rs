//! From what AWS and Caretaker report to the right people, within a minute, without loss and
//! without noise.
//!
//! Why it exists: alerts that nobody routes are either missed or ignored.

pub mod alert;
pub mod notification;

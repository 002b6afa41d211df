//! What the messages of all sinks have in common: what is said, before anyone says how.
//!
//! Why it exists: a person who sees the same alert in Slack, in a mail and on a pager must see the
//! same words. A sink adds nothing but its own markup, escapes and limits.

pub mod cut;
pub mod html;
pub mod links;
pub mod text;
pub mod words;

pub use words::{Fact, Value, Words};

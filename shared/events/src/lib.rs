//! What Caretaker tells the world, and what it reads of AWS's own events.
//!
//! Six functions and the products around them speak to each other through EventBridge; this
//! crate is the one place that knows the words. [`published`] holds what Caretaker sends,
//! [`aws`] what it receives, [`saas_builder`] the contract of the SaaS Builder Toolkit, so that
//! Caretaker can be its application plane as it stands.
//!
//! An event is a hint to look, never an order: nothing here is trusted to be complete, in order
//! or the first of its kind.

pub mod aws;
pub mod published;
pub mod saas_builder;

pub use aws::Envelope;
pub use published::Event;

//! What a tenant is and what a product wants, with no IO at all.
//!
//! Every function of Caretaker speaks of the same few things: a [`TenantId`] on a [`Tier`] in an
//! [`Environment`], the [`Names`] of its resources, the [`Tags`] they carry, and the
//! [`Catalogue`] that a product's engineers wrote. They are parsed once, at the edge, into types
//! that cannot hold a wrong value; from there on nobody checks again.
//!
//! This crate is the lowest floor: it knows neither AWS's SDK nor a clock nor a file.

pub mod catalogue;
pub mod identity;
pub mod naming;
pub mod tags;
pub mod tenant;

pub use catalogue::Catalogue;
pub use identity::{Environment, Product, TenantId, Tier};
pub use naming::Names;
pub use tags::Tags;
pub use tenant::Tenant;

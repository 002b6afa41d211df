//! Brings a tenant up: from a request on a queue to a running application.

pub mod template;

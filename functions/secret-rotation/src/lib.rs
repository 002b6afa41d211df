//! Rotates every secret of a tenant, without downtime.
//!
//! Why it exists: secrets that nobody rotates leak once and stay leaked. Secrets Manager calls this
//! function in four steps for each rotation; afterwards the services that use the secret are
//! relaunched, and only then is the old value taken away.

pub mod document;
pub mod error;
pub mod kind;
pub mod refusal;
pub mod wiring;

mod setup;

pub use setup::Clients;

use database::Trust;
use domain::Catalogue;
use runtime::Requeue;
use store::Store;

use crate::wiring::Wiring;

/// The function's name, in logs, metrics and events.
pub const FUNCTION: &str = "secret-rotation";

/// The function: everything that outlives an invocation.
#[derive(Debug)]
pub struct SecretRotation {
    pub(crate) catalogue: Catalogue,
    pub(crate) wiring: Wiring,
    pub(crate) clients: Clients,
    pub(crate) store: Store,
    pub(crate) trust: Trust,
    pub(crate) requeue: Requeue,
}

//! What can go wrong in a pass, and whether trying again can help.
//!
//! Transient: the message comes again, a little later each time. Permanent: the attempt is
//! recorded as failed with these words as its reason, so they say what was tried, on what, what
//! happened and what to do next.

use runtime::{CallError, Classify, RequeueError};
use store::StoreError;

/// Why a pass could not do what it decided.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS refused a call or did not answer.
    #[error(transparent)]
    Aws(#[from] CallError),
    /// The table refused a write or did not answer.
    #[error("{0}")]
    Store(#[source] Box<StoreError>),
    /// The tenant's database could not be opened or changed.
    #[error("{reason}")]
    Database {
        /// What was tried, on what, what happened and what to do next.
        reason: String,
        /// Whether the same attempt may succeed later.
        transient: bool,
    },
    /// The next look could not be queued.
    #[error(transparent)]
    Requeue(#[from] RequeueError),
    /// Somebody else is at work on the same thing.
    #[error("{0}; it is looked at again in a moment")]
    Busy(String),
    /// The deployment does not fit the catalogue or the templates.
    #[error("{0}")]
    Deployment(String),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Classify for Error {
    fn error_type(&self) -> &'static str {
        match self {
            Self::Aws(error) => error.error_type(),
            Self::Store(_) => "StoreFailed",
            Self::Database { .. } => "DatabaseFailed",
            Self::Requeue(_) => "RequeueFailed",
            Self::Busy(_) => "Busy",
            Self::Deployment(_) => "DeploymentIncomplete",
        }
    }

    fn is_transient(&self) -> bool {
        match self {
            Self::Aws(error) => error.is_transient(),
            Self::Database { transient, .. } => *transient,
            Self::Store(error) => error.is_transient(),
            Self::Requeue(error) => error.is_transient(),
            Self::Busy(_) => true,
            Self::Deployment(_) => false,
        }
    }
}

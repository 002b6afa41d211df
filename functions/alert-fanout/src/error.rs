//! What can go wrong on the way of an alert, and whether trying again can help. That a sink takes
//! nothing is none of it: it is remembered in the group, and the way goes on.

use runtime::{CallError, Classify};
use store::StoreError;

/// Why an alert could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS refused a call or did not answer.
    #[error(transparent)]
    Aws(#[from] CallError),
    /// The table refused a write or did not answer.
    #[error("{0}")]
    Store(#[source] Box<StoreError>),
    /// So many others write the same group that this one did not come through.
    #[error(
        "the group {group} was changed by others {attempts} times in a row while it was being \
         written; nothing is lost, the message comes again"
    )]
    Contended {
        /// The group's key.
        group: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The work on a group panicked.
    #[error("the work on the group {group} panicked: {message}; the message comes again")]
    Panicked {
        /// The group's key.
        group: String,
        /// What it said.
        message: String,
    },
    /// The invocation's time was over before a group was written.
    #[error("there was no time left for the group {group}; the message comes again")]
    OutOfTime {
        /// The group's key.
        group: String,
    },
    /// Some of what a direct invocation brought could not be taken in.
    #[error("{failed} of {all} groups of alerts could not be taken in, the first because {first}")]
    Some {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
        /// Why the first could not be.
        first: Box<Error>,
    },
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
            Self::Contended { .. } => "Contended",
            Self::Panicked { .. } => "Panic",
            Self::OutOfTime { .. } => "OutOfTime",
            Self::Some { .. } => "AlertsNotTaken",
        }
    }

    fn is_transient(&self) -> bool {
        match self {
            Self::Aws(error) => error.is_transient(),
            Self::Store(error) => error.is_transient(),
            Self::Contended { .. } | Self::OutOfTime { .. } => true,
            Self::Panicked { .. } => false,
            Self::Some { first, .. } => first.is_transient(),
        }
    }
}

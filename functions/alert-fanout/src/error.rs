//! What can go wrong on the way of an alert, and whether trying again can help. That a sink takes
//! nothing is none of it: it is remembered in the group, and the way goes on.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use runtime::{Classify, describe_sdk_error, is_transient};
use store::StoreError;

/// Why an alert could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS refused a call or did not answer.
    #[error("could not {tried}: {reason}")]
    Aws {
        /// What was tried, on what.
        tried: String,
        /// AWS's code and message.
        reason: String,
        /// Whether the same call may succeed later.
        transient: bool,
    },
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

/// An AWS call that failed while trying to do `tried`.
pub fn call<E>(tried: impl Into<String>, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    Error::Aws {
        tried: tried.into(),
        reason: describe_sdk_error(error),
        transient: is_transient(error),
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Classify for Error {
    fn error_type(&self) -> &'static str {
        match self {
            Self::Aws { .. } => "AwsCallFailed",
            Self::Store(_) => "StoreFailed",
            Self::Contended { .. } => "Contended",
            Self::Panicked { .. } => "Panic",
            Self::OutOfTime { .. } => "OutOfTime",
            Self::Some { .. } => "AlertsNotTaken",
        }
    }

    fn is_transient(&self) -> bool {
        match self {
            Self::Aws { transient, .. } => *transient,
            Self::Store(error) => error.is_transient(),
            Self::Contended { .. } | Self::OutOfTime { .. } => true,
            Self::Panicked { .. } => false,
            Self::Some { first, .. } => first.is_transient(),
        }
    }
}

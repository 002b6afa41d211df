//! What can go wrong in a step or a pass, and whether trying again can help.
//!
//! A step's error goes to Secrets Manager, which shows its words in the console and tries the whole
//! rotation again; a pass's goes back to the queue, or to the dead letters.

use runtime::{CallError, Classify, RequeueError};
use store::StoreError;

use crate::refusal::{FailureKind, Refusal};

/// Why a step or a pass could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS refused a call or did not answer.
    #[error(transparent)]
    Aws(#[from] CallError),
    /// The table refused a write or did not answer.
    #[error("{0}")]
    Store(#[source] Box<StoreError>),
    /// The step cannot be done as things are.
    #[error(transparent)]
    Refused(#[from] Box<Refusal>),
    /// The next look could not be queued.
    #[error(transparent)]
    Requeue(#[from] RequeueError),
    /// Somebody else changed the same document meanwhile.
    #[error("{0}; it is looked at again in a moment")]
    Busy(String),
    /// The message or the deployment is not one that the function can work with.
    #[error("{0}")]
    Unfit(String),
}

impl Error {
    /// The error as it is told: its kind, what happened, what to do.
    pub fn told(&self) -> Refusal {
        let refusal = |kind, remedy: &str| Refusal {
            kind,
            reason: self.to_string(),
            remedy: remedy.to_owned(),
            transient: self.is_transient(),
        };
        match self {
            Self::Refused(refusal) => (**refusal).clone(),
            Self::Aws(_) | Self::Store(_) | Self::Requeue(_) if self.is_transient() => {
                refusal(FailureKind::Aws, "nothing: it is tried again")
            }
            Self::Aws(_) | Self::Store(_) | Self::Requeue(_) => refusal(
                FailureKind::Aws,
                "check the function's permissions and that what it names is there, then rotate \
                 again",
            ),
            Self::Busy(_) => refusal(FailureKind::Other, "nothing: it is tried again"),
            Self::Unfit(_) => {
                refusal(FailureKind::Configuration, "mend the deployment, then rotate again")
            }
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl Classify for Error {
    fn error_type(&self) -> &'static str {
        match self {
            Self::Aws(error) => error.error_type(),
            Self::Store(_) => "StoreFailed",
            Self::Refused(refusal) => match refusal.kind {
                FailureKind::Network => "NetworkFailed",
                FailureKind::Tls => "TlsFailed",
                FailureKind::Authentication => "AuthenticationFailed",
                FailureKind::Permission => "PermissionMissing",
                FailureKind::Policy => "ValueRefused",
                FailureKind::Limit => "LimitReached",
                FailureKind::Binding => "BindingRefused",
                FailureKind::Configuration => "ConfigurationWrong",
                FailureKind::Aws => "AwsCallFailed",
                FailureKind::Other => "StepFailed",
            },
            Self::Requeue(_) => "RequeueFailed",
            Self::Busy(_) => "Busy",
            Self::Unfit(_) => "DeploymentIncomplete",
        }
    }

    fn is_transient(&self) -> bool {
        match self {
            Self::Aws(error) => error.is_transient(),
            Self::Store(error) => error.is_transient(),
            Self::Refused(refusal) => refusal.transient,
            Self::Requeue(error) => error.is_transient(),
            Self::Busy(_) => true,
            Self::Unfit(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The runbook has a row for every kind of failure and every type of error.
    #[test]
    fn every_error_that_can_be_told_is_in_the_runbook() {
        let runbook = include_str!("../../../docs/functions/secret-rotation.md");
        let call = CallError { tried: String::new(), reason: String::new(), transient: false };
        let others = [Error::Aws(call), Error::Busy(String::new()), Error::Unfit(String::new())];
        let refused = FailureKind::ALL.map(|kind| Error::from(Refusal::new(kind, "", "")));
        for error in others.into_iter().chain(refused) {
            for name in [error.error_type(), error.told().kind.as_str()] {
                assert!(runbook.contains(&format!("`{name}`")), "{name} is not told of");
            }
        }
    }
}

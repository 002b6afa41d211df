//! Why a step of a rotation could not be done, in the four words that a person needs: what kind of
//! trouble, what happened, what to do, and whether it may pass by itself.
//!
//! Why it exists: AWS's templates end every failure in `ValueError: setSecret: Unable to log into
//! database`. Whether that was a security group, a certificate, a password or a missing right is
//! then found out by hand, while Secrets Manager tries again.

use std::fmt;

use database::{ConnectError, ConnectErrorKind, RoleError, StatementError, StatementErrorKind};

/// What kind of trouble it is: the `kind` of the event `SecretRotationFailed`, and a dimension of
/// the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The server cannot be reached, or not in time.
    Network,
    /// The server's certificate is not to be trusted, or it offers no TLS.
    Tls,
    /// The server refuses the user or its password.
    Authentication,
    /// The user is known, and may not do this.
    Permission,
    /// The server refuses the new value by a rule of its own.
    Policy,
    /// The server or the service takes no more for now.
    Limit,
    /// Secret, host and user are not all of one tenant.
    Binding,
    /// The secret, its rotation or the deployment is not set up so that it can work.
    Configuration,
    /// AWS refused a call or did not answer.
    Aws,
    /// Anything else.
    Other,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Network,
        Self::Tls,
        Self::Authentication,
        Self::Permission,
        Self::Policy,
        Self::Limit,
        Self::Binding,
        Self::Configuration,
        Self::Aws,
        Self::Other,
    ];

    /// Its name in events and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Tls => "tls",
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::Policy => "policy",
            Self::Limit => "limit",
            Self::Binding => "binding",
            Self::Configuration => "configuration",
            Self::Aws => "aws",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A step that cannot be done as things are. Holds nothing of any value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} ({kind}); {remedy}")]
pub struct Refusal {
    /// What kind of trouble it is.
    pub kind: FailureKind,
    /// What was tried, on what, and what happened.
    pub reason: String,
    /// What to do next.
    pub remedy: String,
    /// Whether the same step may succeed later without anybody changing anything.
    pub transient: bool,
}

impl Refusal {
    /// A refusal that does not pass by itself.
    pub fn new(kind: FailureKind, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), remedy: remedy.into(), transient: false }
    }

    /// The same, where time alone may help.
    #[must_use]
    pub fn passing(mut self) -> Self {
        self.transient = true;
        self
    }
}

impl From<&ConnectError> for Refusal {
    fn from(error: &ConnectError) -> Self {
        let kind = match error.kind {
            ConnectErrorKind::Unreachable | ConnectErrorKind::Timeout => FailureKind::Network,
            ConnectErrorKind::Tls => FailureKind::Tls,
            ConnectErrorKind::Authentication => FailureKind::Authentication,
            ConnectErrorKind::Permission => FailureKind::Permission,
            ConnectErrorKind::TooManyConnections => FailureKind::Limit,
            ConnectErrorKind::NoSuchDatabase => FailureKind::Configuration,
            ConnectErrorKind::Other => FailureKind::Other,
        };
        Self {
            kind,
            reason: format!("could not connect to {}: {}", error.place, error.cause),
            remedy: error.remedy().to_owned(),
            transient: error.is_transient(),
        }
    }
}

/// MariaDB's "option prevents statement" (server error reference): a plugin that judges passwords
/// is told to refuse what it cannot judge, which a hash is. Another value would fare the same.
const OPTION_PREVENTS: &str = "1290";
const STRICT_VALIDATION: &str = "strict-password-validation";

impl From<&StatementError> for Refusal {
    fn from(error: &StatementError) -> Self {
        let is_strict = error.code.as_deref() == Some(OPTION_PREVENTS)
            && error.cause.contains(STRICT_VALIDATION);
        let (kind, remedy) = match error.kind {
            _ if is_strict => (
                FailureKind::Policy,
                "turn strict_password_validation off in the server's parameter group: it refuses \
                 every hash, and nothing else is sent to it",
            ),
            StatementErrorKind::Permission => (
                FailureKind::Permission,
                "give the user the right that is missing, or have the master do it (\"masterarn\")",
            ),
            StatementErrorKind::Policy => (
                FailureKind::Policy,
                "make passwords that the server's rules allow (PASSWORD_LENGTH, EXCLUDE_…)",
            ),
            StatementErrorKind::Timeout => {
                (FailureKind::Limit, "see whose lock or load the server is held up by")
            }
            StatementErrorKind::ConnectionLost => {
                (FailureKind::Network, "see whether the server was restarted")
            }
            StatementErrorKind::Conflict => {
                (FailureKind::Limit, "nothing: whoever came first is done in a moment")
            }
            StatementErrorKind::Other => (FailureKind::Other, "see the cause"),
        };
        Self {
            kind,
            reason: error.to_string(),
            remedy: remedy.to_owned(),
            transient: error.is_transient(),
        }
    }
}

impl From<&RoleError> for Refusal {
    fn from(error: &RoleError) -> Self {
        let (kind, remedy) = match error {
            RoleError::Connect(error) => return error.into(),
            RoleError::Statement(error) => return error.into(),
            RoleError::Spec(_) | RoleError::WrongDatabase { .. } => {
                (FailureKind::Configuration, "correct the user or the database in the secret")
            }
            RoleError::NoSuchUser { .. } => (
                FailureKind::Configuration,
                "make the user, or let the master make it (RotationStrategy=single-user-by-master)",
            ),
            RoleError::Unfinished { .. } => {
                (FailureKind::Permission, "give the master the rights over the user")
            }
            RoleError::Randomness(_) => (FailureKind::Other, "rotate again"),
        };
        Self {
            kind,
            reason: error.to_string(),
            remedy: remedy.to_owned(),
            transient: error.is_transient(),
        }
    }
}

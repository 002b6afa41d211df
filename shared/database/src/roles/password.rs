//! Why this exists: rotation changes a password and nothing else, as the master or as the role
//! itself.

use super::error::RoleError;
use super::{mysql, postgres};
use crate::connection::{Connection, Dialect};
use secrecy::SecretString;

/// Sets the password of a role (on MySQL and MariaDB: of the account `'role'@'%'`) without sending
/// it: the server gets the verifier that it would store.
///
/// `connection` may be the master's or the role's own; on MySQL it must be the master's, because
/// there an account can change its own password in plain text only.
///
/// # Errors
/// [`RoleError::Statement`] when the server refuses, [`RoleError::Randomness`] when no salt can be
/// made.
pub async fn set_password(
    connection: &mut Connection,
    role: &str,
    password: &SecretString,
) -> Result<(), RoleError> {
    match connection.dialect() {
        Dialect::Postgres(mut server) => postgres::set_password(&mut server, role, password).await,
        Dialect::Mysql(mut server) => mysql::set_password(&mut server, role, password).await,
    }
}

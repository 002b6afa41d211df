//! Why this exists: rotation changes a password and nothing else, as the master or as the role
//! itself.

use super::account::Account;
use super::error::RoleError;
use super::{mysql, postgres};
use crate::connection::{Connection, Dialect, StatementError, StatementErrorKind};
use secrecy::SecretString;

/// Whether the old password is to open the database beside the new one until it is discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retain {
    /// The old password ends with the statement.
    #[default]
    No,
    /// The old password stays valid where the server can do that (MySQL 8.0.14 and later, "Dual
    /// Password Support") and the connection's user may ask for it. Setting the same password twice
    /// would retain the new one in place of the old: look first whether it opens the database.
    WherePossible,
}

/// A password that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordSet {
    /// Whether the old password still opens the database. If so, [`discard_old_password`] ends it.
    pub old_retained: bool,
}

/// Sets the password of a user without retaining the old one: [`set_password_with`] and
/// [`Retain::No`].
///
/// # Errors
/// As [`set_password_with`].
pub async fn set_password(
    connection: &mut Connection,
    user: &str,
    password: &SecretString,
) -> Result<(), RoleError> {
    let account = Account::named(user);
    set_password_with(connection, &account, password, Retain::No).await.map(drop)
}

/// Sets the password of a user, over the master's connection or over the user's own.
///
/// PostgreSQL and MariaDB are sent what they would store and not the password; so is MySQL by its
/// master. A MySQL account can change its own password in plain text only: it goes over TLS, the
/// server keeps it out of its own logs (MySQL manual, "Passwords and Logging"), and a connection
/// without TLS is refused. Where there is a master, prefer its connection
/// ([`sends_own_password`] tells).
///
/// # Errors
/// [`RoleError::NoSuchUser`] when there is no such user; [`RoleError::Statement`] when the server
/// refuses, with [`StatementErrorKind::Policy`] when it was the password that it refused;
/// [`RoleError::Spec`] when it is not clear which account is meant or the password would go out
/// without TLS; [`RoleError::Randomness`] when no salt can be made.
pub async fn set_password_with(
    connection: &mut Connection,
    account: &Account,
    password: &SecretString,
    retain: Retain,
) -> Result<PasswordSet, RoleError> {
    let result = match connection.dialect() {
        Dialect::Postgres(mut server) => {
            let set = postgres::set_password(&mut server, &account.user, password).await;
            set.map(|()| PasswordSet { old_retained: false })
        }
        Dialect::Mysql(mut server) => {
            mysql::set_password_with(&mut server, account, password, retain).await
        }
    };
    result.map_err(|error| explained(error, connection, account))
}

/// Ends the validity of the password that was retained; whether there can have been one. Harmless
/// when there is none.
///
/// # Errors
/// [`RoleError::NoSuchUser`] when there is no such user; [`RoleError::Statement`] when the server
/// refuses.
pub async fn discard_old_password(
    connection: &mut Connection,
    account: &Account,
) -> Result<bool, RoleError> {
    match connection.dialect() {
        Dialect::Postgres(_) => Ok(false),
        Dialect::Mysql(mut server) => mysql::discard_old_password(&mut server, account).await,
    }
}

/// Whether [`set_password_with`] would send the password itself over this connection: MySQL, and
/// the connection's own user.
pub fn sends_own_password(connection: &Connection, account: &Account) -> bool {
    connection.engine() == crate::Engine::Mysql && connection.place().username == account.user
}

/// The same error, told by what it means when a password is set.
fn explained(error: RoleError, connection: &Connection, account: &Account) -> RoleError {
    let RoleError::Statement(error) = error else {
        return error;
    };
    match error.code.as_deref() {
        // undefined_object; "Operation ALTER USER failed for …" (which account it was is known to
        // exist on MySQL and MariaDB by now).
        Some("42704") => RoleError::no_such_user(account, connection.place()),
        // invalid_parameter_value is passwordcheck's; raise_exception that of hooks such as pg_tle's.
        Some("22023" | "P0001") => {
            RoleError::Statement(StatementError { kind: StatementErrorKind::Policy, ..error })
        }
        _ => RoleError::Statement(error),
    }
}

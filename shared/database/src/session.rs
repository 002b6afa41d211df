//! Why this exists: a login that succeeds can still be the wrong one: another account of the same
//! name, another database, a proxy in between. What the server says about the session is compared
//! with what the secret says.

use crate::connection::{Connection, Dialect, StatementError};
use sqlx::Row;

/// What the server says about a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who has logged in.
    pub session_user: String,
    /// Whose rights the session has: on PostgreSQL the owner role, on MySQL and MariaDB the account
    /// (`app@%`).
    pub current_user: String,
    /// MySQL and MariaDB: the host part of that account.
    pub account_host: Option<String>,
    /// The database that is open; empty where there is none (MySQL and MariaDB).
    pub database: String,
}

/// The columns in the order of [`Session`]'s user, current user and database.
const POSTGRES: &str = "SELECT session_user::text, current_user::text, current_database()::text";

/// `USER()` is who the client said it is, with the host that it comes from; `CURRENT_USER()` is the
/// account that matched.
const MYSQL: &str = "
SELECT LEFT(USER(), CHAR_LENGTH(USER()) - LOCATE('@', REVERSE(USER()))), CURRENT_USER(),
       COALESCE(DATABASE(), '')";

/// Asks the server who and where this connection is.
///
/// # Errors
/// [`StatementError`] when the server does not answer.
pub async fn session(connection: &mut Connection) -> Result<Session, StatementError> {
    let doing = "read who is logged in, and where";
    let texts: Vec<String> = match connection.dialect() {
        Dialect::Postgres(mut server) => {
            let rows = server.rows(doing, sqlx::query(POSTGRES)).await?;
            let row = rows.first();
            (0..3).map(|at| row.and_then(|row| row.try_get(at).ok()).unwrap_or_default()).collect()
        }
        Dialect::Mysql(mut server) => {
            let rows = server.rows(doing, sqlx::query(MYSQL)).await?;
            let row = rows.first();
            (0..3).map(|at| row.and_then(|row| row.try_get(at).ok()).unwrap_or_default()).collect()
        }
    };
    let mut texts = texts.into_iter();
    let mut next = || texts.next().unwrap_or_default();
    let (session_user, current_user, database) = (next(), next(), next());
    let account_host = if connection.engine().speaks_mysql() {
        current_user.rsplit_once('@').map(|(_, host)| host.to_owned())
    } else {
        None
    };
    Ok(Session { session_user, current_user, account_host, database })
}

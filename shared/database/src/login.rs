//! Why this exists: a role is right when the application can work with it, and that is tried, not
//! concluded.

use crate::connect::{ConnectError, connect};
use crate::connection::{Connection, Dialect, Mysql, Postgres, StatementError};
use crate::{Target, Trust};
use sqlx::Row;
use std::fmt;
use std::time::Duration;

/// The table that is created and dropped again. A fixed name: whatever a broken attempt leaves on
/// MySQL, whose DDL knows no rollback, the next attempt removes.
const CREATE: &str = "CREATE TABLE caretaker_login_check (id integer)";
const DROP: &str = "DROP TABLE caretaker_login_check";
const DROP_LEFTOVER: &str = "DROP TABLE IF EXISTS caretaker_login_check";

/// What a login of the application saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginReport {
    /// The server's version, in its own words.
    pub server_version: String,
    /// Who the server says has logged in.
    pub session_user: String,
    /// Whose rights the session has: on PostgreSQL the owner role.
    pub current_user: String,
    /// The database that was opened.
    pub database: String,
    /// The protocol version of TLS that the server reports for the session, such as `TLSv1.3`.
    pub tls: Option<String>,
    /// Whether the login was without TLS, because secret and caller agreed on it.
    pub plaintext: bool,
    /// Whom a table belongs to that the login creates. MySQL and MariaDB know no owners.
    pub table_owner: Option<String>,
}

impl fmt::Display for LoginReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} opens {:?} as {:?} over {} and may create and drop a table",
            self.session_user,
            self.database,
            self.current_user,
            match &self.tls {
                _ if self.plaintext => "a connection without TLS",
                Some(tls) => tls,
                None => "verified TLS",
            }
        )
    }
}

/// The application cannot work with its secret.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// It cannot log in.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It can log in, and not do its work.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// It can log in, and is not who or where it should be.
    #[error(
        "the secret's login is {found} instead of {wanted}; check for another account of that name and \
         for a proxy in between"
    )]
    Other {
        /// User and database that the server reports.
        found: String,
        /// User and database of the secret.
        wanted: String,
    },
}

impl LoginError {
    /// Whether the same attempt can succeed later without anybody changing anything.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Connect(error) => error.is_transient(),
            Self::Statement(error) => error.is_transient(),
            Self::Other { .. } => false,
        }
    }
}

/// Logs in with the application's secret, looks who and where it is, and creates and drops a table:
/// on PostgreSQL in a transaction that is rolled back, elsewhere for real.
///
/// `budget` is for the connection; each statement after it has
/// [`STATEMENT_TIMEOUT`](crate::STATEMENT_TIMEOUT).
///
/// # Errors
/// [`LoginError`] says at which of these it failed.
pub async fn verify_application_login(
    application: &Target,
    trust: &Trust,
    budget: Duration,
) -> Result<LoginReport, LoginError> {
    let mut connection = connect(application, trust, budget).await?;
    let report = look(&mut connection).await?;
    connection.close().await;
    let database = application.database.as_deref();
    if report.session_user == application.username
        && database.is_none_or(|database| report.database == database)
    {
        Ok(report)
    } else {
        Err(LoginError::Other {
            found: format!("{:?} in {:?}", report.session_user, report.database),
            wanted: format!("{:?} in {:?}", application.username, database.unwrap_or_default()),
        })
    }
}

async fn look(connection: &mut Connection) -> Result<LoginReport, StatementError> {
    let server_version = connection.server_version().to_owned();
    let plaintext = connection.is_plaintext();
    let report = match connection.dialect() {
        Dialect::Postgres(server) => look_postgres(server).await?,
        Dialect::Mysql(server) => look_mysql(server).await?,
    };
    Ok(LoginReport { server_version, plaintext, ..report })
}

async fn look_postgres(mut server: Postgres<'_>) -> Result<LoginReport, StatementError> {
    let create = "create a table as the application (it was to be rolled back)";
    server.plain(create, "BEGIN").await?;
    server.plain(create, CREATE).await?;
    let doing = "read who the application is logged in as";
    let query = sqlx::query(
        "SELECT session_user::text, current_user::text, current_database()::text,
                pg_get_userbyid(relowner)::text
         FROM pg_class WHERE oid = to_regclass('caretaker_login_check')",
    );
    let rows = server.rows(doing, query).await?;
    server.plain("drop the application's table", DROP).await?;
    // The owner may not look at the sessions of the login that became it.
    server.plain(doing, "SET LOCAL ROLE NONE").await?;
    let tls = sqlx::query("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    let tls = server.rows(doing, tls).await?;
    server.plain(create, "ROLLBACK").await?;
    let read = |at: usize| rows.first().and_then(|row| row.try_get(at).ok());
    Ok(LoginReport {
        server_version: String::new(),
        plaintext: false,
        session_user: read(0).unwrap_or_default(),
        current_user: read(1).unwrap_or_default(),
        database: read(2).unwrap_or_default(),
        tls: tls.first().and_then(|row| row.try_get(0).ok()),
        table_owner: read(3),
    })
}

async fn look_mysql(mut server: Mysql<'_>) -> Result<LoginReport, StatementError> {
    let create = "create a table as the application";
    server.plain("drop the table of an earlier check", DROP_LEFTOVER).await?;
    server.plain(create, CREATE).await?;
    server.plain("drop the application's table", DROP).await?;
    let doing = "read who the application is logged in as";
    // USER() is who the client said it is, with the host it comes from; CURRENT_USER() the account
    // that matched.
    let query = sqlx::query(
        "SELECT LEFT(USER(), CHAR_LENGTH(USER()) - LOCATE('@', REVERSE(USER()))),
                CURRENT_USER(), COALESCE(DATABASE(), '')",
    );
    let rows = server.rows(doing, query).await?;
    let status = server.rows(doing, sqlx::query("SHOW SESSION STATUS LIKE 'Ssl_version'")).await?;
    let read = |at: usize| rows.first().and_then(|row| row.try_get::<String, _>(at).ok());
    Ok(LoginReport {
        server_version: String::new(),
        plaintext: false,
        session_user: read(0).unwrap_or_default(),
        current_user: read(1).unwrap_or_default(),
        database: read(2).unwrap_or_default(),
        tls: status
            .first()
            .and_then(|row| row.try_get(1).ok())
            .filter(|version: &String| !version.is_empty()),
        table_owner: None,
    })
}

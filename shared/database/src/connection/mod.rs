//! Why this exists: after the login the same rules hold as before it. Every statement has an end,
//! names are quoted by the server, and an error says what was being done without repeating what
//! must stay secret.

mod error;
mod mysql;
mod postgres;
#[cfg(test)]
mod quoting;

pub use error::{StatementError, StatementErrorKind};
pub(crate) use mysql::Mysql;
pub(crate) use postgres::Postgres;

use crate::Engine;
use crate::target::Place;
use sqlx::{Connection as _, MySqlConnection, PgConnection};
use std::time::Duration;

/// How long one statement may take before the connection is given up.
///
/// The statements here read catalogues and change roles: milliseconds on a healthy server. What
/// takes longer waits for somebody's lock, and waiting inside a function costs more than the next
/// pass does.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the server itself lets a statement of ours wait for a lock, in milliseconds. Below
/// [`STATEMENT_TIMEOUT`], so that the reason for a long wait comes from the server, in its words.
const LOCK_TIMEOUT_MS: u32 = 5_000;

/// How long a polite goodbye may take before the socket is simply closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The driver's connection, by protocol.
pub(crate) enum Session {
    Postgres(PgConnection),
    Mysql(MySqlConnection),
}

/// One open connection to a database. Made by [`connect`](crate::connect()).
pub struct Connection {
    session: Session,
    place: Place,
    server: Server,
    plaintext: bool,
}

/// What the server said about itself.
#[derive(Debug, Clone)]
struct Server {
    version: String,
    /// PostgreSQL's `server_version_num`, 150013 for 15.13; of MySQL 80036 for 8.0.36; of MariaDB
    /// 101119 for 10.11.19.
    version_number: i32,
}

/// A [`Connection`], borrowed by the dialect that it speaks.
pub(crate) enum Dialect<'a> {
    Postgres(Postgres<'a>),
    Mysql(Mysql<'a>),
}

impl Connection {
    /// Bounds what the session may wait for, fixes how text is quoted, and asks which server this
    /// is.
    pub(crate) async fn prepare(
        mut session: Session,
        place: Place,
        plaintext: bool,
    ) -> Result<Self, sqlx::Error> {
        let server = match &mut session {
            Session::Postgres(connection) => postgres::prepare(connection).await?,
            Session::Mysql(connection) => mysql::prepare(connection).await?,
        };
        Ok(Self { session, place, server, plaintext })
    }

    /// The engine that the server really is: a MariaDB server answers as MariaDB whatever a secret
    /// calls it.
    pub fn engine(&self) -> Engine {
        match &self.session {
            Session::Postgres(_) => Engine::Postgres,
            Session::Mysql(_) if self.server.version.contains("MariaDB") => Engine::Mariadb,
            Session::Mysql(_) => Engine::Mysql,
        }
    }

    /// The server's version, in its own words.
    pub fn server_version(&self) -> &str {
        &self.server.version
    }

    /// Whether the connection is without TLS, because secret and caller agreed on it.
    pub fn is_plaintext(&self) -> bool {
        self.plaintext
    }

    /// Where the connection goes, and as whom.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Says goodbye to the server, for a bounded time. Dropping a connection closes it too, only
    /// less politely.
    pub async fn close(self) {
        let goodbye = async {
            match self.session {
                Session::Postgres(connection) => connection.close().await,
                Session::Mysql(connection) => connection.close().await,
            }
        };
        // The work is done and committed: a goodbye that fails changes nothing.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, goodbye).await;
    }

    pub(crate) fn dialect(&mut self) -> Dialect<'_> {
        let engine = self.engine();
        match &mut self.session {
            Session::Postgres(connection) => Dialect::Postgres(Postgres {
                connection,
                place: &self.place,
                version_number: self.server.version_number,
            }),
            Session::Mysql(connection) => Dialect::Mysql(Mysql {
                connection,
                place: &self.place,
                is_mariadb: engine == Engine::Mariadb,
                version_number: self.server.version_number,
                is_plaintext: self.plaintext,
            }),
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("place", &self.place)
            .field("server", &self.server.version)
            .finish_non_exhaustive()
    }
}

/// Runs one exchange with the server under [`STATEMENT_TIMEOUT`], and names it in the error.
async fn bounded<T>(
    place: &Place,
    doing: &str,
    exchange: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StatementError> {
    match tokio::time::timeout(STATEMENT_TIMEOUT, exchange).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(StatementError::from_driver(place, doing, &error)),
        Err(_) => Err(StatementError::timeout(place, doing, STATEMENT_TIMEOUT)),
    }
}

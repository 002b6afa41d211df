//! Why this exists: there is one way to open a database here, and it is encrypted, verified and
//! bounded in time.
//!
//! AWS's rotation templates try a connection up to six times for five seconds each, and fall back
//! to plain text when TLS fails. Here one attempt has one budget, and TLS is never negotiable:
//! whether there is TLS is settled by secret and caller before the first packet ([`Encryption`]).
//!
//! [`Encryption`]: crate::Encryption

mod error;

pub use error::{ConnectError, ConnectErrorKind};

use crate::connection::{Connection, Session};
use crate::{Engine, Target, Trust};
use secrecy::ExposeSecret;
use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::time::Duration;

/// What a server's list of sessions shows as the name of this client.
const APPLICATION_NAME: &str = "caretaker";

/// The database that every PostgreSQL server has.
const POSTGRES_MAINTENANCE_DATABASE: &str = "postgres";

/// Opens one connection over TLS, with the server's certificate verified against `trust` and its
/// name against the host; without TLS only where [`Target::is_plaintext`].
///
/// `budget` is for everything together: resolving the name, TCP, TLS, logging in and preparing the
/// session. There is no second attempt inside; what to do with a failure is the caller's decision.
///
/// # Errors
/// [`ConnectError`] tells what stood in the way, in words and as a [`ConnectErrorKind`].
pub async fn connect(
    target: &Target,
    trust: &Trust,
    budget: Duration,
) -> Result<Connection, ConnectError> {
    let place = target.place();
    let pem = if target.is_plaintext() { Ok(Vec::new()) } else { trust.pem() };
    let pem = pem.map_err(|error| {
        ConnectError::new(ConnectErrorKind::Tls, place.clone(), error.to_string())
    })?;
    let opening = async {
        let session = open(target, pem).await?;
        Connection::prepare(session, place.clone(), target.is_plaintext()).await
    };
    match tokio::time::timeout(budget, opening).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(ConnectError::from_driver(place, &error)),
        Err(_) => Err(ConnectError::timeout(place, budget)),
    }
}

/// Whether a login is let in. Anything else that can happen is a [`ConnectError`].
#[derive(Debug)]
pub enum Opens {
    /// It is; the connection can be used further. Boxed, because the other case is small.
    Yes(Box<Connection>),
    /// The server refuses the user or its password: wrong, unknown, locked, `NOLOGIN` or expired.
    /// The error holds the server's words.
    Refused(ConnectError),
}

/// Tries a login, and tells *refused* from *could not be tried*: an unreachable server, a
/// certificate that is not to be trusted, a missing database or permission say nothing about a
/// password, and are errors.
///
/// # Errors
/// Every [`ConnectError`] but that of [`ConnectErrorKind::Authentication`].
pub async fn opens(
    target: &Target,
    trust: &Trust,
    budget: Duration,
) -> Result<Opens, ConnectError> {
    match connect(target, trust, budget).await {
        Ok(connection) => Ok(Opens::Yes(Box::new(connection))),
        Err(error) if error.kind == ConnectErrorKind::Authentication => Ok(Opens::Refused(error)),
        Err(error) => Err(error),
    }
}

async fn open(target: &Target, pem: Vec<u8>) -> Result<Session, sqlx::Error> {
    let plaintext = target.is_plaintext();
    match target.engine {
        Engine::Postgres => {
            let database = target.database.as_deref();
            // "without pgpass": no file on this machine may have a say in which password is used.
            let options = PgConnectOptions::new_without_pgpass()
                .host(&target.host)
                .port(target.port)
                .username(&target.username)
                .password(target.password.expose_secret())
                .database(database.unwrap_or(POSTGRES_MAINTENANCE_DATABASE))
                .application_name(APPLICATION_NAME)
                .ssl_mode(if plaintext { PgSslMode::Disable } else { PgSslMode::VerifyFull })
                .ssl_root_cert_from_pem(pem)
                // Role statements carry verifiers: they are not for our own log either.
                .disable_statement_logging();
            Ok(Session::Postgres(options.connect().await?))
        }
        Engine::Mysql | Engine::Mariadb => {
            let mut options = MySqlConnectOptions::new()
                .host(&target.host)
                .port(target.port)
                .username(&target.username)
                .password(target.password.expose_secret())
                .ssl_mode(if plaintext {
                    MySqlSslMode::Disabled
                } else {
                    MySqlSslMode::VerifyIdentity
                })
                .ssl_ca_from_pem(pem)
                // The session is prepared by `Connection::prepare`, in one statement.
                .pipes_as_concat(false)
                .no_engine_substitution(false)
                .timezone(None)
                .disable_statement_logging();
            if let Some(database) = &target.database {
                options = options.database(database);
            }
            Ok(Session::Mysql(options.connect().await?))
        }
    }
}

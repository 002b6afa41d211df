//! Why this exists: there is one way to open a database here, and it is encrypted, verified and
//! bounded in time.
//!
//! AWS's rotation templates try a connection up to six times for five seconds each, and fall back
//! to plain text when TLS fails. Here one attempt has one budget, and TLS is never negotiable.

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
/// name against the host.
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
    let pem = trust.pem().map_err(|error| {
        ConnectError::new(ConnectErrorKind::Tls, place.clone(), error.to_string())
    })?;
    let opening = async {
        let session = open(target, pem).await?;
        Connection::prepare(session, place.clone()).await
    };
    match tokio::time::timeout(budget, opening).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(ConnectError::from_driver(place, &error)),
        Err(_) => Err(ConnectError::timeout(place, budget)),
    }
}

async fn open(target: &Target, pem: Vec<u8>) -> Result<Session, sqlx::Error> {
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
                .ssl_mode(PgSslMode::VerifyFull)
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
                .ssl_mode(MySqlSslMode::VerifyIdentity)
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

//! Why this exists: "could not connect" helps nobody. Whoever reads the error must know whether to
//! look at a security group, a certificate, a secret or a grant.

use crate::target::Place;
use rustls::CertificateError;
use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

/// What stood in the way of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectErrorKind {
    /// The name does not resolve, nobody listens there, the connection broke, or the server is
    /// starting or stopping.
    Unreachable,
    /// The budget ran out: a security group, a route or an overloaded server swallows the packets.
    Timeout,
    /// The server offers no TLS, or its certificate is not to be trusted.
    Tls,
    /// The server refuses the user or its password.
    Authentication,
    /// The server has no database of that name.
    NoSuchDatabase,
    /// The user is who it claims to be, and still may not come in (by this way).
    Permission,
    /// The server, or the user's own limit, allows no further connection.
    TooManyConnections,
    /// Anything else; the cause says what.
    Other,
}

impl ConnectErrorKind {
    /// A word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Authentication => "authentication",
            Self::NoSuchDatabase => "no_such_database",
            Self::Permission => "permission",
            Self::TooManyConnections => "too_many_connections",
            Self::Other => "other",
        }
    }

    /// What a person can do about it.
    const fn next(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "check that the database is available and that host and port are its endpoint's"
            }
            Self::Timeout => {
                "check that the database's security group admits this function's, that the subnets have a \
                 route, and that the server is not overloaded"
            }
            Self::Tls => {
                "check that the host is the name in the server's certificate and that the trusted authority \
                 is the one that signed it; no connection is made without verified TLS"
            }
            Self::Authentication => {
                "check that the secret's user exists and that its current version holds the user's password"
            }
            Self::NoSuchDatabase => "create the database, or correct its name in the secret",
            Self::Permission => {
                "check the user's right to connect to this database and the server's rules for hosts and TLS"
            }
            Self::TooManyConnections => {
                "wait for connections to be closed, or raise the limit of the server or the user"
            }
            Self::Other => "see the cause",
        }
    }
}

impl fmt::Display for ConnectErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A connection that did not come about: what was tried, what happened, what to do next. Never
/// holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not connect to {place}: {cause} ({kind}); {}", kind.next())]
pub struct ConnectError {
    /// What stood in the way.
    pub kind: ConnectErrorKind,
    /// Where the connection was to go, and as whom.
    pub place: Box<Place>,
    /// What happened, in the words of the system, the TLS library or the server.
    pub cause: String,
    /// The server's own code, where it was the server that refused: an SQLSTATE on PostgreSQL
    /// (`28P01`), an error number on MySQL and MariaDB (`1045`).
    pub code: Option<String>,
}

impl ConnectError {
    /// Whether the same attempt can succeed later without anybody changing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            ConnectErrorKind::Unreachable
                | ConnectErrorKind::Timeout
                | ConnectErrorKind::TooManyConnections
        )
    }

    /// What a person can do about it: the last part of the message.
    pub const fn remedy(&self) -> &'static str {
        self.kind.next()
    }

    pub(crate) fn new(kind: ConnectErrorKind, place: Place, cause: impl Into<String>) -> Self {
        Self { kind, place: Box::new(place), cause: cause.into(), code: None }
    }

    pub(crate) fn timeout(place: Place, budget: Duration) -> Self {
        let cause = format!("no connection within {} ms", budget.as_millis());
        Self::new(ConnectErrorKind::Timeout, place, cause)
    }

    pub(crate) fn from_driver(place: Place, error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(error) => from_io(place, error),
            sqlx::Error::Tls(error) => Self::new(ConnectErrorKind::Tls, place, error.to_string()),
            sqlx::Error::Database(error) => {
                let (kind, code) = server_kind(error.as_ref());
                Self { kind, place: Box::new(place), cause: error.message().to_owned(), code }
            }
            other => Self::new(ConnectErrorKind::Other, place, other.to_string()),
        }
    }
}

/// The handshake of rustls runs inside an `io` operation, so its verdict arrives as an `io::Error`
/// around it.
fn from_io(place: Place, error: &std::io::Error) -> ConnectError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(tls) = tls {
        return ConnectError::new(ConnectErrorKind::Tls, place, tls_words(tls));
    }
    let words = match error.kind() {
        ErrorKind::ConnectionRefused => "nobody listens there (connection refused)".to_owned(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
            format!("the connection was closed before the login was complete ({error})")
        }
        _ => error.to_string(),
    };
    ConnectError::new(ConnectErrorKind::Unreachable, place, words)
}

fn tls_words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(fault) => match fault {
            CertificateError::UnknownIssuer => {
                "the server's certificate is signed by no trusted authority".into()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!("the server's certificate has expired ({fault})")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("the server's certificate is for another host ({fault})")
            }
            other => format!("the server's certificate is not acceptable: {other}"),
        },
        other => format!("the TLS handshake failed: {other}"),
    }
}

/// Reads the server's own code.
///
/// PostgreSQL: appendix A of its manual, "PostgreSQL Error Codes". MySQL and MariaDB: their "Server
/// Error Message Reference"; numbers from 1900 on differ between the two.
fn server_kind(error: &dyn sqlx::error::DatabaseError) -> (ConnectErrorKind, Option<String>) {
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return (mysql_kind(error.number()), Some(error.number().to_string()));
    }
    let code = error.code().map(std::borrow::Cow::into_owned);
    let kind = postgres_kind(code.as_deref().unwrap_or_default(), error.message());
    (kind, code)
}

fn postgres_kind(code: &str, message: &str) -> ConnectErrorKind {
    match code {
        // One code for "no such rule in pg_hba.conf" and for a role that may not log in; only the
        // first is about the way.
        "28000" if message.contains("pg_hba.conf") => ConnectErrorKind::Permission,
        "28P01" | "28000" => ConnectErrorKind::Authentication,
        "3D000" => ConnectErrorKind::NoSuchDatabase,
        "42501" => ConnectErrorKind::Permission,
        "53300" => ConnectErrorKind::TooManyConnections,
        // cannot_connect_now, admin_shutdown, crash_shutdown.
        "57P03" | "57P01" | "57P02" => ConnectErrorKind::Unreachable,
        _ => ConnectErrorKind::Other,
    }
}

fn mysql_kind(number: u16) -> ConnectErrorKind {
    match number {
        // Access denied; plugin problems; password expired; account locked (MySQL 3118, MariaDB
        // 4151).
        1045 | 1698 | 1820 | 1862 | 3118 | 4151 => ConnectErrorKind::Authentication,
        1049 => ConnectErrorKind::NoSuchDatabase,
        // Not this database; not from this host; host blocked after too many broken handshakes.
        1044 | 1129 | 1130 => ConnectErrorKind::Permission,
        // The server's limit, and the two limits of an account.
        1040 | 1203 | 1226 => ConnectErrorKind::TooManyConnections,
        // Shutdown in progress.
        1053 => ConnectErrorKind::Unreachable,
        // "Connections using insecure transport are prohibited".
        3159 => ConnectErrorKind::Tls,
        _ => ConnectErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;

    #[test]
    fn postgres_codes_are_told_apart() {
        for (code, message, kind) in [
            ("28P01", "password authentication failed", ConnectErrorKind::Authentication),
            ("28000", "role \"x\" is not permitted to log in", ConnectErrorKind::Authentication),
            ("28000", "no pg_hba.conf entry for host", ConnectErrorKind::Permission),
            ("42501", "permission denied for database", ConnectErrorKind::Permission),
            ("3D000", "database does not exist", ConnectErrorKind::NoSuchDatabase),
            ("53300", "sorry, too many clients", ConnectErrorKind::TooManyConnections),
            ("57P03", "the database system is starting up", ConnectErrorKind::Unreachable),
            ("XX000", "internal", ConnectErrorKind::Other),
        ] {
            assert_eq!(postgres_kind(code, message), kind, "{code} {message}");
        }
    }

    #[test]
    fn mysql_numbers_are_told_apart() {
        for (number, kind) in [
            (1045, ConnectErrorKind::Authentication),
            (1044, ConnectErrorKind::Permission),
            (1049, ConnectErrorKind::NoSuchDatabase),
            (1040, ConnectErrorKind::TooManyConnections),
            (1226, ConnectErrorKind::TooManyConnections),
            (3159, ConnectErrorKind::Tls),
            (1053, ConnectErrorKind::Unreachable),
            (1064, ConnectErrorKind::Other),
        ] {
            assert_eq!(mysql_kind(number), kind, "{number}");
        }
    }

    #[test]
    fn an_error_says_what_was_tried_what_happened_and_what_to_do_next() {
        let place = Place {
            engine: Engine::Postgres,
            host: "db.example".into(),
            port: 5432,
            database: Some("mate".into()),
            username: "mate_app".into(),
        };
        let error = ConnectError::timeout(place, Duration::from_secs(3));
        assert_eq!(
            error.to_string(),
            "could not connect to PostgreSQL at db.example:5432, database \"mate\", as user \"mate_app\": no connection \
             within 3000 ms (timeout); check that the database's security group admits this function's, that the \
             subnets have a route, and that the server is not overloaded"
        );
        assert!(error.is_transient());
    }
}

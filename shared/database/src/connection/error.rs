//! Why this exists: a statement that failed is told by what it was for, not by its text, which may
//! hold a verifier.

use crate::target::Place;
use std::time::Duration;

/// Why a statement failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementErrorKind {
    /// The user may not do this.
    Permission,
    /// The server's password policy refuses the password: too weak, used before, equal to the name;
    /// or it wants more than the password.
    Policy,
    /// The server did not answer in time, or the statement waited too long for a lock.
    Timeout,
    /// The connection broke.
    ConnectionLost,
    /// Somebody else changed the same thing at the same moment.
    Conflict,
    /// Anything else; the cause says what.
    Other,
}

/// A statement that failed: what was being done, where, and what the server said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not {doing} on {place}: {cause}")]
pub struct StatementError {
    /// Why.
    pub kind: StatementErrorKind,
    /// What the statement was for, as a verb: `read the role "app"`.
    pub doing: String,
    /// Where, and as whom.
    pub place: Box<Place>,
    /// What the server said, and its code.
    pub cause: String,
    /// The server's own code: an SQLSTATE on PostgreSQL, an error number on MySQL and MariaDB.
    pub code: Option<String>,
}

impl StatementError {
    /// Whether the same statement can succeed later without anybody changing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            StatementErrorKind::Timeout
                | StatementErrorKind::ConnectionLost
                | StatementErrorKind::Conflict
        )
    }

    pub(crate) fn timeout(place: &Place, doing: &str, limit: Duration) -> Self {
        Self {
            kind: StatementErrorKind::Timeout,
            doing: doing.to_owned(),
            place: Box::new(place.clone()),
            cause: format!("no answer within {} ms", limit.as_millis()),
            code: None,
        }
    }

    /// The same error with the reason that the server named elsewhere.
    pub(crate) fn because(self, code: &str, message: &str) -> Self {
        let cause = format!("{}; {}", self.cause, server_words(code, message));
        Self { kind: server_kind(code, message), code: Some(code.to_owned()), cause, ..self }
    }

    pub(crate) fn from_driver(place: &Place, doing: &str, error: &sqlx::Error) -> Self {
        let (kind, code, cause) = match error {
            sqlx::Error::Database(error) => {
                let number = error
                    .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
                    .map(|error| error.number().to_string());
                let code = number.or_else(|| error.code().map(std::borrow::Cow::into_owned));
                let code = code.unwrap_or_default();
                let cause = server_words(&code, error.message());
                (server_kind(&code, error.message()), Some(code), cause)
            }
            sqlx::Error::Io(error) => (
                StatementErrorKind::ConnectionLost,
                None,
                format!("the connection broke ({error})"),
            ),
            other => (StatementErrorKind::Other, None, other.to_string()),
        };
        Self { kind, doing: doing.to_owned(), place: Box::new(place.clone()), cause, code }
    }
}

fn server_words(code: &str, message: &str) -> String {
    match code {
        // A syntax error quotes the statement, and with it perhaps a verifier.
        "42601" | "1064" => format!("the server cannot read the statement ({code})"),
        _ => format!("{message} ({code})"),
    }
}

/// Sources: appendix A of PostgreSQL's manual; the server error references of MySQL and MariaDB.
fn server_kind(code: &str, message: &str) -> StatementErrorKind {
    match code {
        // serialization_failure, deadlock_detected; deadlock (MySQL, MariaDB).
        "40001" | "40P01" | "1213" => StatementErrorKind::Conflict,
        // internal_error, which PostgreSQL also answers to the second of two sessions that change
        // the same role: "tuple concurrently updated", or "deleted". The code alone does not say so.
        "XX000" if message.starts_with("tuple concurrently") => StatementErrorKind::Conflict,
        // insufficient_privilege; access denied to: database, user, table, column, routine, by a
        // missing privilege.
        "42501" | "1044" | "1045" | "1142" | "1698" | "1143" | "1227" | "1370" | "1410" => {
            StatementErrorKind::Permission
        }
        // validate_password and MariaDB's password checks; the password history; the current password
        // is asked for.
        "1819" | "3638" | "3891" | "3892" => StatementErrorKind::Policy,
        // lock_not_available, query_canceled; lock wait timeout, maximum execution time (MySQL,
        // MariaDB).
        "55P03" | "57014" | "1205" | "3024" | "1969" => StatementErrorKind::Timeout,
        // admin_shutdown, crash_shutdown; server shutdown, connection killed.
        "57P01" | "57P02" | "1053" | "1927" => StatementErrorKind::ConnectionLost,
        _ => StatementErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_the_servers_are_told_apart() {
        for (code, kind) in [
            ("42501", StatementErrorKind::Permission),
            ("1227", StatementErrorKind::Permission),
            ("1819", StatementErrorKind::Policy),
            ("3638", StatementErrorKind::Policy),
            ("3892", StatementErrorKind::Policy),
            ("55P03", StatementErrorKind::Timeout),
            ("1205", StatementErrorKind::Timeout),
            ("57P01", StatementErrorKind::ConnectionLost),
            ("42704", StatementErrorKind::Other),
            ("1396", StatementErrorKind::Other),
        ] {
            assert_eq!(server_kind(code, "words"), kind, "{code}");
        }
    }

    #[test]
    fn who_comes_second_to_the_same_role_may_try_again() {
        for (code, message, kind) in [
            ("XX000", "tuple concurrently updated", StatementErrorKind::Conflict),
            ("XX000", "cache lookup failed for role 1", StatementErrorKind::Other),
            ("40P01", "deadlock detected", StatementErrorKind::Conflict),
            ("1213", "Deadlock found when trying to get lock", StatementErrorKind::Conflict),
        ] {
            assert_eq!(server_kind(code, message), kind, "{code} {message}");
        }
        let place = Place {
            engine: crate::Engine::Postgres,
            host: "db".to_owned(),
            port: 5432,
            database: Some("app".to_owned()),
            username: "master".to_owned(),
        };
        let lost = StatementError::timeout(&place, "lock a login", Duration::from_secs(1));
        let second = lost.because("XX000", "tuple concurrently updated");
        assert!(second.is_transient(), "{second}");
    }
}

//! Why this exists: MySQL and MariaDB take no parameters in `CREATE USER` or `GRANT`, so the server
//! itself is asked to quote the names into a statement (from bound parameters), and that statement
//! is then run as it is.

use super::{LOCK_TIMEOUT_MS, Server, StatementError, bounded};
use crate::target::Place;
use secrecy::{ExposeSecret, SecretString};
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, MySqlConnection, Row};

/// "Operation ALTER USER failed for 'app'@'%'", whatever the reason (`ER_CANNOT_USER`).
const OPERATION_FAILED: &str = "1396";

/// A connection to MySQL or MariaDB.
pub(crate) struct Mysql<'a> {
    pub(crate) connection: &'a mut MySqlConnection,
    pub(crate) place: &'a Place,
    /// The two differ in how an account's password is set.
    pub(crate) is_mariadb: bool,
    /// 80036 for MySQL 8.0.36, 101119 for MariaDB 10.11.19.
    pub(crate) version_number: i32,
    /// Whether there is no TLS.
    pub(crate) is_plaintext: bool,
}

pub(super) async fn prepare(connection: &mut MySqlConnection) -> Result<Server, sqlx::Error> {
    // A known SQL mode: NO_BACKSLASH_ESCAPES and ANSI_QUOTES would change what QUOTE() and a
    // backtick mean.
    let settings = format!(
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', lock_wait_timeout = {}",
        LOCK_TIMEOUT_MS / 1_000
    );
    connection.execute(AssertSqlSafe(settings)).await?;
    let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(connection).await?;
    let version_number = version_number(&version);
    Ok(Server { version, version_number })
}

/// `8.0.36-log` as 80036; what cannot be read counts as older than everything.
fn version_number(version: &str) -> i32 {
    // Older MariaDB servers put this before their own version, for clients that count to 5 only.
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    let digits_end = |letter: char| !letter.is_ascii_digit() && letter != '.';
    let numbers = version.split(digits_end).next().unwrap_or_default();
    let mut parts = numbers.split('.').map(|part| part.parse::<i32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    next() * 10_000 + next() * 100 + next()
}

impl Mysql<'_> {
    /// Runs a query with bound parameters.
    pub(crate) async fn rows(
        &mut self,
        doing: &str,
        query: Query<'_, sqlx::MySql, MySqlArguments>,
    ) -> Result<Vec<MySqlRow>, StatementError> {
        bounded(self.place, doing, query.fetch_all(&mut *self.connection)).await
    }

    /// Has the server quote `arguments` into `template` (`%I` an identifier, `%L` a literal, `%%` a
    /// percent sign), and runs the result. Templates are constants of this crate; everything from
    /// outside is an argument.
    pub(crate) async fn run(
        &mut self,
        doing: &str,
        template: &str,
        arguments: &[&str],
    ) -> Result<(), StatementError> {
        let statement = self.quote(doing, template, arguments).await?;
        // Safe: a constant template into which the server itself quoted every argument.
        let exchange = self.connection.execute(AssertSqlSafe(statement));
        match bounded(self.place, doing, exchange).await {
            Ok(_) => Ok(()),
            Err(error) if error.code.as_deref() == Some(OPERATION_FAILED) => {
                Err(self.reason(error).await)
            }
            Err(error) => Err(error),
        }
    }

    /// Why an operation failed that the server only says has failed: the reason is among its
    /// warnings.
    async fn reason(&mut self, error: StatementError) -> StatementError {
        let warnings = self.connection.fetch_all("SHOW WARNINGS");
        let rows = bounded(self.place, &error.doing, warnings).await.unwrap_or_default();
        let reasons = rows.iter().filter_map(|row| {
            let code: u16 = row.try_get_unchecked::<u32, _>(1).ok()?.try_into().ok()?;
            let message: String = row.try_get_unchecked(2).ok()?;
            Some((code.to_string(), message))
        });
        for (code, message) in reasons {
            if code != OPERATION_FAILED {
                return error.because(&code, &message);
            }
        }
        error
    }

    /// Runs a statement that holds a password, as the server's text protocol has it: only there is
    /// it rewritten before it is logged. It was built by this crate.
    pub(crate) async fn secret(
        &mut self,
        doing: &str,
        statement: &SecretString,
    ) -> Result<(), StatementError> {
        let exchange = self.connection.execute(AssertSqlSafe(statement.expose_secret().to_owned()));
        bounded(self.place, doing, exchange).await?;
        Ok(())
    }

    /// The statement that [`run`](Self::run) would run.
    pub(crate) async fn quote(
        &mut self,
        doing: &str,
        template: &str,
        arguments: &[&str],
    ) -> Result<String, StatementError> {
        let pieces = pieces(template, arguments);
        let expression: Vec<&str> = pieces.iter().map(Piece::expression).collect();
        let question = format!("SELECT CONCAT({})", expression.join(", "));
        let mut query = sqlx::query_scalar(AssertSqlSafe(question));
        for piece in &pieces {
            query = query.bind(piece.text());
        }
        bounded(self.place, doing, query.fetch_one(&mut *self.connection)).await
    }

    /// Runs a constant statement.
    pub(crate) async fn plain(
        &mut self,
        doing: &str,
        statement: &'static str,
    ) -> Result<(), StatementError> {
        bounded(self.place, doing, self.connection.execute(statement)).await?;
        Ok(())
    }
}

/// One part of a statement, and how the server is to write it.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Verbatim(&'a str),
    Identifier(&'a str),
    Literal(&'a str),
}

impl<'a> Piece<'a> {
    /// The server has a function for literals; an identifier is quoted by doubling its backticks
    /// (MySQL manual, "Schema Object Names").
    fn expression(&self) -> &'static str {
        match self {
            Self::Verbatim(_) => "?",
            Self::Identifier(_) => "CONCAT('`', REPLACE(?, '`', '``'), '`')",
            Self::Literal(_) => "QUOTE(?)",
        }
    }

    fn text(&self) -> &'a str {
        match self {
            Self::Verbatim(text) | Self::Identifier(text) | Self::Literal(text) => text,
        }
    }
}

/// Splits a template of PostgreSQL's `format()` into its parts. A placeholder without an argument
/// stays as it is, so that the server refuses the statement.
fn pieces<'a>(template: &'a str, arguments: &[&'a str]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut arguments = arguments.iter();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('%') {
        pieces.push(Piece::Verbatim(before));
        let mut letters = after.chars();
        let piece = match letters.next() {
            Some('I') => arguments.next().map(|name| Piece::Identifier(name)),
            Some('L') => arguments.next().map(|text| Piece::Literal(text)),
            Some('%') => Some(Piece::Verbatim("%")),
            _ => None,
        };
        if let Some(piece) = piece {
            pieces.push(piece);
            rest = letters.as_str();
        } else {
            pieces.push(Piece::Verbatim("%"));
            rest = after;
        }
    }
    pieces.push(Piece::Verbatim(rest));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_split_into_text_names_and_literals() {
        assert_eq!(
            pieces("ALTER USER %L@'%%' ON %I", &["app", "mate"]),
            [
                Piece::Verbatim("ALTER USER "),
                Piece::Literal("app"),
                Piece::Verbatim("@'"),
                Piece::Verbatim("%"),
                Piece::Verbatim("' ON "),
                Piece::Identifier("mate"),
                Piece::Verbatim(""),
            ]
        );
    }

    #[test]
    fn a_version_is_a_number_that_can_be_compared() {
        for (version, number) in [
            ("8.0.36", 80_036),
            ("8.0.13-log", 80_013),
            ("9.1.0", 90_100),
            ("10.11.19-MariaDB-0+deb12u1", 101_119),
            ("5.5.5-10.6.8-MariaDB", 100_608),
            ("unknown", 0),
        ] {
            assert_eq!(version_number(version), number, "{version}");
        }
    }

    #[test]
    fn an_argument_is_never_read_as_a_template() {
        let split = pieces("DROP USER %L", &["%I%L%%"]);
        assert!(split.contains(&Piece::Literal("%I%L%%")), "{split:?}");
    }
}

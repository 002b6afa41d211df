//! Why this exists: a rotated password that opens a database in which the application may do nothing
//! is an outage that shows only later. Before a new version of a secret is given out, its login is
//! asked for what the catalogue says the application needs.

mod mysql;
mod postgres;

use crate::connection::{Connection, Dialect, StatementError};
use std::fmt;
use std::str::FromStr;

/// How many tables are named that a user may not work with; the rest is a number.
const NAMED_TABLES_MAX: usize = 3;

/// Something that an application needs to be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privilege {
    /// Come in: connect to the database (PostgreSQL), open the schema (MySQL, MariaDB).
    Connect,
    /// Create temporary tables.
    Temporary,
    /// Create objects in the schema.
    Create,
    /// Use what is in the schema.
    Usage,
    /// Read every table of the schema.
    Select,
    /// Add rows to every table of the schema.
    Insert,
    /// Change rows of every table of the schema.
    Update,
    /// Remove rows from every table of the schema.
    Delete,
}

impl Privilege {
    /// Every privilege that can be asked for.
    pub const ALL: [Self; 8] = [
        Self::Connect,
        Self::Temporary,
        Self::Create,
        Self::Usage,
        Self::Select,
        Self::Insert,
        Self::Update,
        Self::Delete,
    ];

    /// The word for it, as a catalogue has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Temporary => "TEMPORARY",
            Self::Create => "CREATE",
            Self::Usage => "USAGE",
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it is held on each table by itself.
    const fn is_of_tables(self) -> bool {
        matches!(self, Self::Select | Self::Insert | Self::Update | Self::Delete)
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no privilege that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{found}\" is no privilege known here; accepted are {}",
    Privilege::ALL.map(Privilege::as_str).join(", ")
)]
pub struct UnknownPrivilege {
    /// What was found in place of a privilege.
    pub found: String,
}

impl FromStr for Privilege {
    type Err = UnknownPrivilege;

    fn from_str(word: &str) -> Result<Self, UnknownPrivilege> {
        Self::ALL
            .into_iter()
            .find(|privilege| privilege.as_str().eq_ignore_ascii_case(word))
            .ok_or_else(|| UnknownPrivilege { found: word.to_owned() })
    }
}

/// Asks the server which of these privileges the user of this connection does *not* have, and says
/// so in words, in the order asked; an empty answer means that it has them all.
///
/// On PostgreSQL the database is the one that is connected to and the schema is `public`; on MySQL
/// and MariaDB both are the schema that is open. Whatever the way is by which the user has a
/// privilege counts: directly, through a role, as everybody, as owner. Nothing is tried and nothing
/// changed.
///
/// # Errors
/// [`StatementError`] when the server does not answer.
pub async fn check_privileges(
    connection: &mut Connection,
    privileges: &[Privilege],
) -> Result<Vec<String>, StatementError> {
    let mut missing = Vec::new();
    match connection.dialect() {
        Dialect::Postgres(mut server) => {
            for privilege in privileges {
                missing.extend(postgres::missing(&mut server, *privilege).await?);
            }
        }
        Dialect::Mysql(mut server) => {
            let held = mysql::read(&mut server).await?;
            for privilege in privileges {
                missing.extend(mysql::missing(&held, *privilege));
            }
        }
    }
    Ok(missing)
}

/// `SELECT on table "orders"`, `SELECT on the tables "a", "b", "c" and 4 more`.
fn on_tables(privilege: Privilege, tables: &[String]) -> Option<String> {
    let named: Vec<String> =
        tables.iter().take(NAMED_TABLES_MAX).map(|table| format!("{table:?}")).collect();
    let named = named.join(", ");
    match (tables.len(), tables.len().saturating_sub(NAMED_TABLES_MAX)) {
        (0, _) => None,
        (1, _) => Some(format!("{privilege} on table {named}")),
        (_, 0) => Some(format!("{privilege} on the tables {named}")),
        (_, more) => Some(format!("{privilege} on the tables {named} and {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_catalogue_is_understood_in_either_case() {
        for privilege in Privilege::ALL {
            assert_eq!(privilege.as_str().parse(), Ok(privilege));
            assert_eq!(privilege.as_str().to_lowercase().parse(), Ok(privilege));
        }
    }

    #[test]
    fn an_unknown_privilege_is_named_together_with_what_is_accepted() {
        let error = "TRUNCATE".parse::<Privilege>().unwrap_err().to_string();
        assert!(error.contains("\"TRUNCATE\"") && error.contains("TEMPORARY"), "{error}");
    }

    #[test]
    fn only_the_first_tables_are_named() {
        let tables = ["a", "b", "c", "d", "e"].map(str::to_owned);
        let words = |count: usize| on_tables(Privilege::Select, &tables[..count]);
        assert_eq!(words(0), None);
        assert_eq!(words(1).unwrap(), r#"SELECT on table "a""#);
        assert_eq!(words(3).unwrap(), r#"SELECT on the tables "a", "b", "c""#);
        assert_eq!(words(5).unwrap(), r#"SELECT on the tables "a", "b", "c" and 2 more"#);
    }
}

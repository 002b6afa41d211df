//! Why this exists: what is wanted of the application's role, as data without a password, so that
//! it can be planned, shown and tested.

use super::RoleError;
use crate::{Engine, Target};

/// The longest identifier of PostgreSQL, in bytes (`NAMEDATALEN` - 1); it silently cuts longer
/// ones.
const POSTGRES_NAME_BYTES_MAX: usize = 63;

/// The longest user name, in characters: 32 on MySQL, 128 on MariaDB; and the longest schema name
/// of both.
const MYSQL_USER_CHARS_MAX: usize = 32;
const MARIADB_USER_CHARS_MAX: usize = 128;
const MYSQL_SCHEMA_CHARS_MAX: usize = 64;

/// The last character that a name of MySQL and MariaDB may contain ("Schema Object Names" in the
/// manual).
const MYSQL_NAME_LETTER_MAX: char = '\u{ffff}';

/// What a fault calls the database: its name has rules of its own.
const DATABASE: &str = "database";

/// What is appended to a login's name to name the owner, unless another name is chosen.
const OWNER_SUFFIX: &str = "_owner";

/// The application's role as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSpec {
    /// The role that the application logs in as.
    pub role: String,
    /// PostgreSQL only: the NOLOGIN role that the application's objects belong to.
    pub owner: String,
    /// The application's database.
    pub database: String,
    /// How many connections the role may hold at once; `None` is no limit of its own.
    pub connection_limit: Option<u32>,
}

impl RoleSpec {
    /// The usual wish for a login: its user, its database, an owner called `<user>_owner`, no limit
    /// of connections.
    ///
    /// # Errors
    /// [`RoleError::Spec`] when the target names no database.
    pub fn for_login(application: &Target) -> Result<Self, RoleError> {
        let Some(database) = application.database.clone() else {
            return Err(RoleError::Spec(vec![format!(
                "the secret of {:?} names no database (\"dbname\")",
                application.username
            )]));
        };
        Ok(Self {
            role: application.username.clone(),
            owner: format!("{}{OWNER_SUFFIX}", application.username),
            database,
            connection_limit: None,
        })
    }

    /// The same wish with another name for the owner.
    #[must_use]
    pub fn owned_by(mut self, owner: impl Into<String>) -> Self {
        self.owner = owner.into();
        self
    }

    /// The same wish with a limit of connections.
    #[must_use]
    pub fn limited_to(mut self, connections: u32) -> Self {
        self.connection_limit = Some(connections);
        self
    }

    /// Refuses names that the server would cut, reserve or confuse with the master, all at once.
    pub(super) fn check(&self, engine: Engine, master: &str) -> Result<(), RoleError> {
        let mut faults = Vec::new();
        let mut names = vec![("role", &self.role), (DATABASE, &self.database)];
        if engine == Engine::Postgres {
            names.push(("owner", &self.owner));
        }
        for (what, name) in names {
            faults.extend(name_faults(engine, what, name));
        }
        if self.role == master {
            faults.push(format!("the role {:?} is the master that is to manage it", self.role));
        }
        if engine == Engine::Postgres {
            faults.extend(self.postgres_faults(master));
        }
        if faults.is_empty() { Ok(()) } else { Err(RoleError::Spec(faults)) }
    }

    fn postgres_faults(&self, master: &str) -> Vec<String> {
        let mut faults = Vec::new();
        if self.owner == self.role {
            faults.push(format!("the owner {:?} is the login itself", self.owner));
        }
        if self.owner == master {
            faults.push(format!("the owner {:?} is the master", self.owner));
        }
        faults
    }
}

/// What is wrong with a name in itself: that the server would not take it, or would take it for
/// something else.
pub(super) fn name_faults(engine: Engine, what: &str, name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if name.is_empty() {
        faults.push(format!("the {what} has no name"));
    }
    if name.contains('\0') {
        faults.push(format!("the {what} {name:?} contains a NUL character"));
    }
    if engine.speaks_mysql() && name.chars().any(|letter| letter > MYSQL_NAME_LETTER_MAX) {
        faults.push(format!("the {what} {name:?} contains a character beyond U+FFFF"));
    }
    // "pg_" is reserved; "public" and "none" are keywords where a role is expected, even quoted.
    let reserved = name.starts_with("pg_") || name == "public" || name == "none";
    if engine == Engine::Postgres && what != DATABASE && reserved {
        faults.push(format!("{name:?} is reserved by PostgreSQL"));
    }
    faults.extend(length_fault(engine, what, name));
    faults
}

fn length_fault(engine: Engine, what: &str, name: &str) -> Option<String> {
    let (length, longest, unit) = match (engine, what) {
        (Engine::Postgres, _) => (name.len(), POSTGRES_NAME_BYTES_MAX, "bytes"),
        (_, DATABASE) => (name.chars().count(), MYSQL_SCHEMA_CHARS_MAX, "characters"),
        (Engine::Mysql, _) => (name.chars().count(), MYSQL_USER_CHARS_MAX, "characters"),
        (Engine::Mariadb, _) => (name.chars().count(), MARIADB_USER_CHARS_MAX, "characters"),
    };
    (length > longest).then(|| {
        format!("the {what} {name:?} is {length} {unit} long, and {engine} takes {longest}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(role: &str, owner: &str) -> RoleSpec {
        RoleSpec {
            role: role.into(),
            owner: owner.into(),
            database: "mate".into(),
            connection_limit: None,
        }
    }

    fn faults(spec: &RoleSpec, engine: Engine) -> Vec<String> {
        match spec.check(engine, "master") {
            Err(RoleError::Spec(faults)) => faults,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_faults_of_a_wish_are_named_at_once() {
        let mut wrong = spec("pg_app", "master");
        wrong.database = String::new();
        let faults = faults(&wrong, Engine::Postgres);
        assert_eq!(faults.len(), 3, "{faults:?}");
    }

    #[test]
    fn a_name_that_the_server_would_cut_is_refused() {
        let long = "x".repeat(64);
        assert_eq!(faults(&spec(&long, "owner"), Engine::Postgres).len(), 1);
        assert_eq!(faults(&spec(&long, "owner"), Engine::Mysql).len(), 1);
        assert!(spec(&long, "owner").check(Engine::Mariadb, "master").is_ok());
        // Bytes, not characters: 32 of these are 64 bytes.
        assert_eq!(faults(&spec(&"ä".repeat(32), "owner"), Engine::Postgres).len(), 1);
        assert!(spec(&"ä".repeat(32), "owner").check(Engine::Mysql, "master").is_ok());
    }

    #[test]
    fn a_letter_that_mysql_cannot_have_in_a_name_is_refused() {
        assert_eq!(faults(&spec("app😀", "owner"), Engine::Mariadb).len(), 1);
        assert!(spec("app😀", "owner").check(Engine::Postgres, "master").is_ok());
    }

    #[test]
    fn the_master_is_never_made_the_application() {
        assert_eq!(faults(&spec("master", "owner"), Engine::Mariadb).len(), 1);
        assert_eq!(faults(&spec("app", "app"), Engine::Postgres).len(), 1);
    }
}

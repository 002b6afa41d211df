//! Why this exists: what it takes to log in, apart from where it was read from.
//!
//! A secret is one source of it; a master user managed by RDS (whose secret holds only a name and a
//! password) with the endpoint from `DescribeDBInstances` is another.

use crate::Engine;
use secrecy::SecretString;
use std::fmt;

/// Where a database is and as whom to log in. Its `Debug` and [`Place`] never show the password.
#[derive(Debug, Clone)]
pub struct Target {
    /// Which protocol the server speaks.
    pub engine: Engine,
    /// Host name, exactly as the server's certificate has it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The database to open. `None` is `postgres` on PostgreSQL, and no database at all on MySQL
    /// and MariaDB.
    pub database: Option<String>,
    /// The user to log in as.
    pub username: String,
    /// The user's password.
    pub password: SecretString,
}

impl Target {
    /// The same target without its password: what may be shown to people.
    pub fn place(&self) -> Place {
        Place {
            engine: self.engine,
            host: self.host.clone(),
            port: self.port,
            database: self.database.clone(),
            username: self.username.clone(),
        }
    }

    /// The same server and login, with another database opened.
    #[must_use]
    pub fn in_database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }
}

/// A [`Target`] without its password; prints as `PostgreSQL at db.example:5432, database "mate", as
/// user "app"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which protocol the server speaks.
    pub engine: Engine,
    /// Host name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The database that is opened, if one was named.
    pub database: Option<String>,
    /// The user that logs in.
    pub username: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}:{}", self.engine, self.host, self.port)?;
        if let Some(database) = &self.database {
            write!(f, ", database {database:?}")?;
        }
        write!(f, ", as user {:?}", self.username)
    }
}

//! Why this exists: what it takes to log in, apart from where it was read from.
//!
//! A secret is one source of it; a master user managed by RDS (whose secret holds only a name and a
//! password) with the endpoint from `DescribeDBInstances` is another.

use crate::Engine;
use secrecy::SecretString;
use std::fmt;

/// Whether a connection may do without TLS, as its caller decides.
///
/// Plain text needs two to agree: the caller, by [`PlaintextPermitted`](Self::PlaintextPermitted),
/// and whoever wrote the secret, by `"ssl": false`. Neither alone is enough, and the server is never
/// asked for its opinion: a connection that was to be encrypted is never made without TLS, and one
/// that was to be plain is not tried with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// TLS with the server's certificate verified, whatever the secret says.
    #[default]
    Verified,
    /// Verified TLS as well, unless the secret says `"ssl": false`.
    PlaintextPermitted,
}

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
    /// What the secret says about TLS; `None` where it says nothing.
    pub ssl: Option<bool>,
    /// What the caller permits.
    pub encryption: Encryption,
}

impl Target {
    /// The same target with this permission.
    #[must_use]
    pub fn with_encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = encryption;
        self
    }

    /// Whether the connection is made without TLS: only where the secret asks for it and the caller
    /// permits it.
    pub fn is_plaintext(&self) -> bool {
        self.ssl == Some(false) && self.encryption == Encryption::PlaintextPermitted
    }

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

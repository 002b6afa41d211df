//! Why this exists: which two users are to be the same, as data without a password.

use super::super::spec::name_faults;
use super::RoleError;
use crate::Engine;

/// What is appended to the shorter name of the two to name their owner, unless the server or the
/// caller knows another.
const OWNER_SUFFIX: &str = "_owner";

/// Two users that take turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlternateSpec {
    /// The user that the application logs in as today. It exists, and keeps its password.
    pub current: String,
    /// The user that it will log in as next. It is made where it does not exist.
    pub alternate: String,
    /// PostgreSQL: the database that they share. `None` is the one that the master is connected to.
    pub database: Option<String>,
    /// PostgreSQL: the NOLOGIN role that owns what they make. `None` finds it: the role that one of
    /// them becomes at login, else `<shorter name>_owner`.
    pub owner: Option<String>,
    /// MySQL and MariaDB: the host part of both accounts, as the current user's own session has it
    /// ([`Session::account_host`](crate::Session::account_host)). `None` takes the only account of
    /// the current user.
    pub host: Option<String>,
}

impl AlternateSpec {
    /// The two users; database, owner and host are found.
    pub fn new(current: impl Into<String>, alternate: impl Into<String>) -> Self {
        Self {
            current: current.into(),
            alternate: alternate.into(),
            database: None,
            owner: None,
            host: None,
        }
    }

    /// The same two in this database.
    #[must_use]
    pub fn in_database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// The same two with this owner.
    #[must_use]
    pub fn owned_by(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// The same two for these hosts.
    #[must_use]
    pub fn at_host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The owner's name where nothing else is known: that of the user without a suffix.
    pub(super) fn usual_owner(&self) -> String {
        let shorter = if self.current.len() <= self.alternate.len() {
            &self.current
        } else {
            &self.alternate
        };
        format!("{shorter}{OWNER_SUFFIX}")
    }

    /// Refuses names that the server would cut, reserve or confuse with each other, all at once.
    pub(super) fn check(&self, engine: Engine, master: &str) -> Result<(), RoleError> {
        let mut names = vec![("current user", &self.current), ("alternate user", &self.alternate)];
        names.extend(self.owner.iter().map(|owner| ("owner", owner)));
        let mut faults = Vec::new();
        for (what, name) in &names {
            faults.extend(name_faults(engine, what, name));
            if *name == master {
                faults.push(format!("the {what} {name:?} is the master that is to manage it"));
            }
        }
        if self.current == self.alternate {
            faults.push(format!("both users are called {:?}", self.current));
        }
        if [&self.current, &self.alternate]
            .into_iter()
            .any(|user| Some(user) == self.owner.as_ref())
        {
            faults.push("the owner is one of the two users itself".to_owned());
        }
        if faults.is_empty() { Ok(()) } else { Err(RoleError::Spec(faults)) }
    }
}

//! Why this exists: two users of PostgreSQL that are one to the application, because both become the
//! same owner.

mod observe;
mod plan;
#[cfg(test)]
mod rows;

pub(super) use observe::observe;
pub(super) use plan::plan;

use crate::roles::change::SettingValue;
use crate::roles::postgres::PostgresRole;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that [`plan()`] looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pair {
    /// The connected database.
    pub(super) database: String,
    /// The owner's name, as wished for or found.
    pub(super) owner_name: String,
    /// The owner, if it exists.
    pub(super) owner: Option<PostgresRole>,
    /// The user of today; without it there is nothing to be like.
    pub(super) current: Option<User>,
    /// The user of tomorrow, if it exists.
    pub(super) alternate: Option<User>,
    /// The privileges that the three hold directly, by the object and who granted them.
    pub(super) held: BTreeSet<Held>,
    /// The default privileges that the three gave or got.
    pub(super) by_default: BTreeSet<ByDefault>,
    /// Other databases in which the current user owns or may do something directly.
    pub(super) elsewhere: BTreeSet<String>,
}

/// One of the two users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct User {
    /// What `pg_roles` says of it, and what belongs to it.
    pub(super) role: PostgresRole,
    /// Its settings other than `role`, by name and the database they are limited to.
    pub(super) settings: BTreeMap<(String, Option<String>), SettingValue>,
}

/// One privilege on one object, held directly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Held {
    /// Who holds it.
    pub(super) grantee: String,
    /// `TABLE`, `SCHEMA` and so on.
    pub(super) kind: String,
    /// The object, quoted by the server.
    pub(super) identity: String,
    /// A column of it, quoted by the server, or empty.
    pub(super) column: String,
    /// Whom the object belongs to.
    pub(super) owner: String,
    /// Who granted it.
    pub(super) grantor: String,
    /// The privilege.
    pub(super) privilege: String,
    /// Whether it may be passed on.
    pub(super) grantable: bool,
}

/// One privilege on what somebody will create.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ByDefault {
    /// Who will create it.
    pub(super) creator: String,
    /// The schema in which, or empty for all.
    pub(super) schema: String,
    /// `TABLES`, `SEQUENCES` and so on.
    pub(super) objects: String,
    /// Who will hold it; empty for everybody.
    pub(super) grantee: String,
    /// The privilege.
    pub(super) privilege: String,
    /// Whether it may be passed on.
    pub(super) grantable: bool,
}

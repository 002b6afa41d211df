//! `rotation`: how often secrets change, how, and what a changed one must be good for.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::DatabaseEngine;

/// `rotation`: how often secrets change, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// `database_days`: days between two rotations of the application's database user.
    pub database_days: u32,
    /// `master_days`: the same of the database's master user.
    pub master_days: u32,
    /// `cache_days`: the same of the cache's auth token; 0 without a cache.
    pub cache_days: u32,
    /// `keys_days`: the same of application keys; 0 without keys.
    pub keys_days: u32,
    /// `strategy`: how the password of a database user is changed where the secret's own tag
    /// `RotationStrategy` says nothing; `single-user` by default.
    pub strategy: RotationStrategy,
    /// `permit_plaintext`: whether a database may be opened without TLS where its secret says
    /// `"ssl": false`; `false` by default. Caretaker's own databases refuse plaintext anyway.
    pub permit_plaintext: bool,
    /// `key_fallback_hours`: how long an application key is still accepted after it was replaced;
    /// 48 by default, and less than lies between two rotations. As long as the longest session or
    /// link that the key signs should be good.
    pub key_fallback_hours: u32,
    /// `privileges`: what the application's user must be allowed with a new password before the
    /// password is taken into use; by default what onboarding gives it. `[]` checks the login
    /// alone.
    pub privileges: Vec<DatabasePrivilege>,
    /// `users.<name>`: database users of the tenant beside the application's own, by the name that
    /// they log in with. A secret for any other user is refused.
    pub users: BTreeMap<String, DatabaseUser>,
}

/// `users.<name>`: a database user beside the application's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUser {
    /// `privileges`: what it must be allowed.
    pub privileges: Vec<DatabasePrivilege>,
}

/// How the password of a database user is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RotationStrategy {
    /// `single-user`: the user changes its own password. From then on until its services are
    /// relaunched, their new connections fail.
    SingleUser,
    /// `alternating-users`: two users take turns, made by the master, so that the old password is
    /// good until all services have the new one.
    AlternatingUsers,
    /// `single-user-by-master`: one user, whose password the master sets, for users that may not
    /// or cannot do it themselves.
    SingleUserByMaster,
}

impl RotationStrategy {
    /// All strategies.
    pub const ALL: [Self; 3] = [Self::SingleUser, Self::AlternatingUsers, Self::SingleUserByMaster];

    /// The word for it in catalogues, tags and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SingleUser => "single-user",
            Self::AlternatingUsers => "alternating-users",
            Self::SingleUserByMaster => "single-user-by-master",
        }
    }
}

impl fmt::Display for RotationStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a database user may be allowed, by the word that servers have for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DatabasePrivilege {
    /// `CONNECT`: to open the database (PostgreSQL).
    Connect,
    /// `TEMPORARY`: to make temporary tables in it (PostgreSQL).
    Temporary,
    /// `USAGE`: to see what is in the schema `public` (PostgreSQL).
    Usage,
    /// `CREATE`: to make tables; in the schema `public` on PostgreSQL.
    Create,
    /// `SELECT`: to read every table.
    Select,
    /// `INSERT`: to add to every table.
    Insert,
    /// `UPDATE`: to change every table.
    Update,
    /// `DELETE`: to delete from every table.
    Delete,
}

impl DatabasePrivilege {
    /// All privileges.
    pub const ALL: [Self; 8] = [
        Self::Connect,
        Self::Temporary,
        Self::Usage,
        Self::Create,
        Self::Select,
        Self::Insert,
        Self::Update,
        Self::Delete,
    ];

    /// The server's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Temporary => "TEMPORARY",
            Self::Usage => "USAGE",
            Self::Create => "CREATE",
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    /// Those that an engine has.
    pub fn of(engine: DatabaseEngine) -> &'static [Self] {
        const MYSQL: [DatabasePrivilege; 5] = [
            DatabasePrivilege::Select,
            DatabasePrivilege::Insert,
            DatabasePrivilege::Update,
            DatabasePrivilege::Delete,
            DatabasePrivilege::Create,
        ];
        if engine.is_postgres() { &Self::ALL } else { &MYSQL }
    }

    /// What an application can do without anything being there yet: the privileges that its user
    /// must have unless the catalogue says otherwise. On PostgreSQL it owns its tables, so nothing
    /// is asked of each; on MySQL it has them on the whole schema.
    pub fn usual(engine: DatabaseEngine) -> Vec<Self> {
        if engine.is_postgres() {
            return vec![Self::Connect, Self::Temporary, Self::Usage, Self::Create];
        }
        Self::of(engine).to_vec()
    }
}

impl fmt::Display for DatabasePrivilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

//! Why this exists: the application's roles on PostgreSQL, as they are seen, compared and changed.

mod act;
mod grants;
mod observe;
mod plan;
mod settings;

pub(super) use act::{act, set_password};
pub(super) use observe::{column, observe, read_login, read_roles};
pub(super) use plan::plan;

use super::change::Attribute;
use std::collections::{BTreeMap, BTreeSet};

/// One role, from `pg_roles`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PostgresRole {
    /// The attributes it has.
    pub attributes: BTreeSet<Attribute>,
    /// Its own limit of connections, if it has one.
    pub connection_limit: Option<u32>,
    /// Whether its password is valid for a limited time only.
    pub expires: bool,
    /// The roles it is a member of, from `pg_auth_members`.
    pub member_of: BTreeMap<String, Membership>,
    /// The role that its sessions become at login in this database, from `pg_db_role_setting`.
    pub becomes: Option<String>,
    /// How many objects of this database belong to it, from `pg_shdepend`.
    pub objects: i64,
    /// Whether the secret's password opens the database as this role; only ever tried for the
    /// login.
    pub password_opens: bool,
}

/// How a role is a member of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// It may let others in.
    pub admin: bool,
    /// It has the other's privileges and may become it. Since PostgreSQL 16 a membership can be
    /// without either.
    pub usable: bool,
}

/// Who may do what with one object (the database, or its schema `public`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DatabasePrivileges {
    /// `PUBLIC`: every role of the server.
    pub everybody: BTreeSet<String>,
    /// The owner role.
    pub owner: BTreeSet<String>,
    /// The login itself.
    pub login: BTreeSet<String>,
}

/// Everything about the application's roles that [`plan`](super::plan) looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PostgresRoles {
    /// The role that the objects belong to, if it exists.
    pub owner: Option<PostgresRole>,
    /// The role that logs in, if it exists.
    pub login: Option<PostgresRole>,
    /// Privileges on the database.
    pub on_database: DatabasePrivileges,
    /// Privileges on its schema `public`.
    pub on_schema: DatabasePrivileges,
}

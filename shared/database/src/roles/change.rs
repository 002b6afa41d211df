//! Why this exists: what is to be changed is data, so that it can be tested without a server, and
//! shown and recorded before it is done. It never holds a password.

use super::account::{ResourceLimits, TlsRequirement};
use std::collections::BTreeSet;
use std::fmt;

/// An attribute of a PostgreSQL role ("CREATE ROLE" in its manual).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    /// Bypasses all checks.
    Superuser,
    /// May create databases.
    CreateDb,
    /// May create and change roles.
    CreateRole,
    /// May stream the whole server's changes.
    Replication,
    /// Bypasses row-level security.
    BypassRls,
    /// Has the privileges of the roles it is a member of without asking.
    Inherit,
    /// May log in.
    Login,
}

impl Attribute {
    /// The keyword that gives the attribute; with `NO` before it, it takes it.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Superuser => "SUPERUSER",
            Self::CreateDb => "CREATEDB",
            Self::CreateRole => "CREATEROLE",
            Self::Replication => "REPLICATION",
            Self::BypassRls => "BYPASSRLS",
            Self::Inherit => "INHERIT",
            Self::Login => "LOGIN",
        }
    }
}

/// Who holds a privilege.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grantee {
    /// A role, or an account `'name'@'%'`.
    Role(String),
    /// Everybody (`PUBLIC` on PostgreSQL).
    Public,
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(name) => write!(f, "{name:?}"),
            Self::Public => f.write_str("everybody"),
        }
    }
}

/// What a privilege is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The whole server (MySQL and MariaDB: `*.*`).
    Server,
    /// One database. On MySQL and MariaDB it is the *pattern* under which the server keeps the
    /// grant (`mate\_demo`).
    Database(String),
    /// The schema `public` of the connected database (PostgreSQL).
    PublicSchema,
    /// One table (MySQL and MariaDB).
    Table {
        /// The table's schema.
        schema: String,
        /// The table.
        table: String,
    },
    /// One column of a table (MySQL and MariaDB).
    Column {
        /// The table's schema.
        schema: String,
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// One routine (MySQL and MariaDB).
    Routine {
        /// What it is, in the server's own words: `FUNCTION`, `PROCEDURE`, `PACKAGE`.
        kind: String,
        /// The routine's schema.
        schema: String,
        /// The routine.
        name: String,
    },
    /// Any object that has privileges (PostgreSQL).
    Object(Object),
}

/// An object of PostgreSQL, named as `GRANT` names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// `TABLE`, `SEQUENCE`, `SCHEMA` and so on.
    pub kind: String,
    /// Its name, qualified and quoted by the server.
    pub identity: String,
    /// One column of a table, quoted by the server; empty for the whole object.
    pub column: String,
    /// The role that granted the privilege, and in whose name it is granted on or taken back.
    pub grantor: String,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("the whole server"),
            Self::Database(name) => write!(f, "database {name:?}"),
            Self::PublicSchema => f.write_str("schema \"public\""),
            Self::Table { schema, table } => write!(f, "table {schema:?}.{table:?}"),
            Self::Column { schema, table, column } => {
                write!(f, "column {column:?} of table {schema:?}.{table:?}")
            }
            Self::Routine { kind, schema, name } => {
                write!(f, "{} {schema:?}.{name:?}", kind.to_lowercase())
            }
            Self::Object(Object { kind, identity, column, .. }) => {
                if !column.is_empty() {
                    write!(f, "column {column} of ")?;
                }
                write!(f, "{} {identity}", kind.to_lowercase())
            }
        }
    }
}

/// The value of a role's setting. People put keys there too, so it is not shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingValue(pub String);

impl fmt::Debug for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SettingValue(…)")
    }
}

/// One change to the application's role. `Display` is a phrase for the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleChange {
    /// Create the role that the application's objects belong to (PostgreSQL).
    CreateOwner {
        /// The owner's name.
        owner: String,
    },
    /// Create the login with its password.
    CreateLogin {
        /// The login's name.
        role: String,
    },
    /// Give and take attributes of a role (PostgreSQL).
    SetAttributes {
        /// The role.
        role: String,
        /// What it gets.
        give: BTreeSet<Attribute>,
        /// What it loses.
        take: BTreeSet<Attribute>,
    },
    /// Set the password from the secret.
    SetPassword {
        /// The role.
        role: String,
    },
    /// Let the login no longer expire (PostgreSQL's `VALID UNTIL`, an expired or locked account on
    /// MySQL and MariaDB).
    Reactivate {
        /// The role.
        role: String,
    },
    /// Limit how many connections the role may hold; `None` lifts the limit.
    LimitConnections {
        /// The role.
        role: String,
        /// The limit.
        limit: Option<u32>,
    },
    /// Refuse the account without TLS (MySQL and MariaDB).
    RequireTls {
        /// The account.
        role: String,
    },
    /// Make one role a member of another, without the right to pass it on.
    GrantMembership {
        /// The role that becomes a member.
        member: String,
        /// The role that it joins.
        of: String,
    },
    /// End a membership.
    RevokeMembership {
        /// The role that was a member.
        member: String,
        /// The role that it leaves.
        of: String,
    },
    /// Take the right to pass a membership on (PostgreSQL's `ADMIN OPTION`).
    RevokeAdminOption {
        /// The member.
        member: String,
        /// The role it keeps being a member of.
        of: String,
    },
    /// Let a member let others in, too.
    GrantAdminOption {
        /// The member.
        member: String,
        /// The role that it may let others into.
        of: String,
    },
    /// Let a login become another role at once, so that what it creates belongs to that role
    /// (PostgreSQL).
    BecomeAtLogin {
        /// The login.
        role: String,
        /// The role that it becomes.
        to: String,
        /// The database in which it is so.
        database: String,
    },
    /// Hand over all objects that a role owns in the connected database (PostgreSQL).
    HandOverObjects {
        /// The owner until now.
        from: String,
        /// The new owner.
        to: String,
    },
    /// Give a role's sessions a setting, or take it away (PostgreSQL).
    Configure {
        /// The role.
        role: String,
        /// The setting's name.
        setting: String,
        /// Its value as the server stores it; `None` takes it away.
        value: Option<SettingValue>,
        /// The only database in which it holds; `None` is all.
        database: Option<String>,
    },
    /// Give or take privileges on what a role will create in the connected database (PostgreSQL's
    /// default privileges).
    ByDefault {
        /// Whether they are given.
        give: bool,
        /// The role whose objects they are for.
        creator: String,
        /// The schema that they are limited to; empty for all.
        schema: String,
        /// What kind of objects, as a keyword: `TABLES`.
        objects: String,
        /// To whom, or from whom.
        grantee: Grantee,
        /// Which; `GRANT OPTION` among them is the right to pass the others on.
        privileges: BTreeSet<String>,
    },
    /// Demand of an account's connections what another's must be like (MySQL and MariaDB).
    SetTlsRequirement {
        /// The account.
        role: String,
        /// What is demanded.
        tls: TlsRequirement,
    },
    /// Limit what an account may use (MySQL and MariaDB).
    LimitResources {
        /// The account.
        role: String,
        /// The limits.
        limits: ResourceLimits,
    },
    /// Choose the roles that are active from the login on (MySQL and MariaDB).
    SetDefaultRoles {
        /// The account.
        role: String,
        /// The roles; none takes the default away.
        roles: BTreeSet<String>,
    },
    /// Give privileges.
    Grant {
        /// To whom.
        to: Grantee,
        /// For what.
        on: Scope,
        /// Which, in the server's own words (`CONNECT`, `SELECT`).
        privileges: BTreeSet<String>,
    },
    /// Take privileges.
    Revoke {
        /// From whom.
        from: Grantee,
        /// For what.
        on: Scope,
        /// Which, in the server's own words; `GRANT OPTION` is the right to pass privileges on.
        privileges: BTreeSet<String>,
    },
}

impl fmt::Display for RoleChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateOwner { owner } => write!(f, "create the owner role {owner:?}"),
            Self::CreateLogin { role } => write!(f, "create the login {role:?} with its password"),
            Self::SetAttributes { role, give, take } => {
                let given = give.iter().map(|a| a.keyword().to_owned());
                let taken = take.iter().map(|a| format!("NO{}", a.keyword()));
                let words: Vec<String> = given.chain(taken).collect();
                write!(f, "make {role:?} {}", words.join(" "))
            }
            Self::SetPassword { role } => write!(f, "set the password of {role:?} from its secret"),
            Self::Reactivate { role } => write!(f, "let {role:?} log in again without an expiry"),
            Self::LimitConnections { role, limit: Some(limit) } => {
                write!(f, "limit {role:?} to {limit} connections")
            }
            Self::LimitConnections { role, limit: None } => {
                write!(f, "lift the limit of connections of {role:?}")
            }
            Self::RequireTls { role } => write!(f, "refuse {role:?} without TLS"),
            Self::GrantMembership { member, of } => write!(f, "make {member:?} a member of {of:?}"),
            Self::RevokeMembership { member, of } => {
                write!(f, "end the membership of {member:?} in {of:?}")
            }
            Self::RevokeAdminOption { member, of } => {
                write!(f, "take the right of {member:?} to let others into {of:?}")
            }
            Self::GrantAdminOption { member, of } => {
                write!(f, "give {member:?} the right to let others into {of:?}")
            }
            Self::Configure { role, setting, value, .. } => {
                let verb = if value.is_some() { "set" } else { "take away" };
                write!(f, "{verb} {setting:?} for the sessions of {role:?}")
            }
            Self::ByDefault { give, creator, objects, grantee, privileges, .. } => {
                let (verb, to) = if *give { ("grant", "to") } else { ("revoke", "from") };
                let (what, objects) = (words(privileges), objects.to_lowercase());
                write!(
                    f,
                    "{verb} {what} on the {objects} that {creator:?} will make {to} {grantee}"
                )
            }
            Self::SetTlsRequirement { role, tls } => {
                write!(f, "let {role:?} in only with {tls}")
            }
            Self::LimitResources { role, limits } => write!(f, "limit {role:?} to {limits}"),
            Self::SetDefaultRoles { role, roles } => {
                write!(f, "make {{{}}} the default roles of {role:?}", words(roles))
            }
            Self::BecomeAtLogin { role, to, .. } => {
                write!(f, "let {role:?} become {to:?} at login")
            }
            Self::HandOverObjects { from, to } => {
                write!(f, "hand the objects of {from:?} over to {to:?}")
            }
            Self::Grant { to, on, privileges } => {
                write!(f, "grant {} on {on} to {to}", words(privileges))
            }
            Self::Revoke { from, on, privileges } => {
                write!(f, "revoke {} on {on} from {from}", words(privileges))
            }
        }
    }
}

fn words(privileges: &BTreeSet<String>) -> String {
    let words: Vec<&str> = privileges.iter().map(String::as_str).collect();
    words.join(", ")
}

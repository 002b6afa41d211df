//! Why this exists: what is to be changed is data, so that it can be tested without a server, and
//! shown and recorded before it is done. It never holds a password.

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

/// What an account's connection must be like ("CREATE USER Statement", `REQUIRE`). An empty text
/// demands nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsRequirement {
    /// The server's word: empty for nothing, `ANY` for TLS, `X509` for a client certificate,
    /// `SPECIFIED` for what the other fields say.
    pub kind: String,
    /// The cipher.
    pub cipher: String,
    /// The issuer of the client's certificate.
    pub issuer: String,
    /// The subject of the client's certificate.
    pub subject: String,
}

impl fmt::Display for TlsRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind.as_str() {
            "" => f.write_str("or without TLS"),
            "ANY" => f.write_str("TLS"),
            "X509" => f.write_str("a client certificate"),
            _ => {
                let parts = [
                    ("cipher", &self.cipher),
                    ("issuer", &self.issuer),
                    ("subject", &self.subject),
                ];
                let parts = parts.iter().filter(|(_, text)| !text.is_empty());
                let parts: Vec<String> =
                    parts.map(|(what, text)| format!("{what} {text:?}")).collect();
                write!(f, "TLS of {}", parts.join(", "))
            }
        }
    }
}

/// An account's limits; 0 is none of its own ("Setting Account Resource Limits").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceLimits {
    /// Statements in an hour.
    pub queries_per_hour: u64,
    /// Statements that change something, in an hour.
    pub updates_per_hour: u64,
    /// Logins in an hour.
    pub connections_per_hour: u64,
    /// Connections at once.
    pub user_connections: u64,
    /// How long a statement may take, in seconds (MariaDB), as the server writes it.
    pub statement_time: String,
}

impl fmt::Display for ResourceLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} queries, {} updates and {} logins in an hour and {} connections at once (0 is no limit)",
            self.queries_per_hour,
            self.updates_per_hour,
            self.connections_per_hour,
            self.user_connections
        )
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
        value: Option<String>,
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

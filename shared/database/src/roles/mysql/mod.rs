//! Why this exists: the application's account on MySQL and MariaDB, as it is seen, compared and
//! changed.

mod act;
mod observe;
mod password;
mod plan;

pub(super) use act::{ANY_HOST, GRANT_OPTION, act, apply};
pub(super) use observe::observe;
pub(super) use password::{
    Plugin, discard_old_password, discard_second_password, set_password_with,
};
pub(super) use plan::plan;

use super::change::Scope;
use std::collections::{BTreeMap, BTreeSet};

/// The account `'name'@'%'`, and everything about it that [`plan`](super::plan) looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MysqlAccount {
    /// Whether the secret's password opens the database.
    pub password_opens: bool,
    /// Whether the server refuses it without TLS.
    pub requires_tls: bool,
    /// Whether it is locked, or its password has expired.
    pub locked: bool,
    /// Its own limit of connections, if it has one.
    pub connection_limit: Option<u32>,
    /// The privileges it holds. `GRANT OPTION` among them is the right to pass the others on.
    pub privileges: BTreeMap<Scope, BTreeSet<String>>,
    /// The roles that were granted to it.
    pub roles: BTreeSet<String>,
    /// Hosts of other accounts of the same name. They are another person's accounts and left alone,
    /// but a host that is more exact than `%` goes before it, so they are worth a warning.
    pub other_hosts: BTreeSet<String>,
}

/// The pattern under which a grant on exactly this schema is kept: `_` and `%` are wildcards there,
/// so that a grant on `mate_demo` would hold for `mateXdemo` as well (MySQL manual, "GRANT
/// Statement").
fn schema_pattern(schema: &str) -> String {
    let mut pattern = String::with_capacity(schema.len());
    for letter in schema.chars() {
        if matches!(letter, '_' | '%' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_in_a_schemas_name_are_escaped() {
        assert_eq!(schema_pattern("mate"), "mate");
        assert_eq!(schema_pattern(r"mate_demo%\x"), r"mate\_demo\%\\x");
    }
}

//! Why this exists: two accounts of MySQL or MariaDB that are one to the application, because the
//! second holds exactly what the first holds.

mod act;
mod observe;
mod plan;
#[cfg(test)]
mod rows;

pub(super) use act::act;
pub(super) use observe::observe;
pub(super) use plan::plan;

use crate::roles::account::{ResourceLimits, TlsRequirement};
use crate::roles::change::Scope;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that [`plan()`] looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pair {
    /// The account of today.
    pub(super) current: Twin,
    /// The account of tomorrow, if it exists.
    pub(super) alternate: Option<Twin>,
}

/// One of the two accounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Twin {
    /// Whether its password is known to be the wanted one; only so after it was set.
    pub(super) password_is_set: bool,
    /// Whether it is locked, or its password has expired.
    pub(super) locked: bool,
    /// What its connections must be like.
    pub(super) tls: TlsRequirement,
    /// What it may use.
    pub(super) limits: ResourceLimits,
    /// The privileges it holds; `GRANT OPTION` among them is the right to pass the others on.
    pub(super) privileges: BTreeMap<Scope, BTreeSet<String>>,
    /// The roles that were granted to it (on MySQL with their host, `name@host`), and whether it may
    /// grant them.
    pub(super) roles: BTreeMap<String, bool>,
    /// Those of them that are active from the login on.
    pub(super) default_roles: BTreeSet<String>,
    /// What it holds that cannot be given to another, in words.
    pub(super) uncopied: BTreeSet<String>,
}

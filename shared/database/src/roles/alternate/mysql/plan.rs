//! Why this exists: all judgement about two accounts of MySQL or MariaDB is in this one pure
//! comparison.

use super::super::AlternateSpec;
use super::{Pair, Twin};
use crate::roles::change::{Grantee, RoleChange, Scope};
use crate::roles::mysql::GRANT_OPTION;
use std::collections::BTreeSet;

/// With one of these on the whole server an account could change the other's password, or anything
/// else.
const TOO_MIGHTY: [&str; 2] = ["CREATE USER", "SUPER"];

/// What is to be changed, in this order; or everything that makes the wish impossible.
///
/// An account that is made is locked, and it is unlocked last. A password is set after everything
/// else too: whoever can log in with it has what it needs.
pub(in crate::roles::alternate) fn plan(
    pair: &Pair,
    wanted: &AlternateSpec,
) -> Result<Vec<RoleChange>, Vec<String>> {
    let faults = faults(&pair.current, wanted);
    if !faults.is_empty() {
        return Err(faults);
    }
    let role = || wanted.alternate.clone();
    let current = &pair.current;
    let mut changes = Vec::new();
    let made = Twin { password_is_set: true, locked: true, ..Twin::default() };
    let alternate = pair.alternate.as_ref().unwrap_or(&made);
    if pair.alternate.is_none() {
        changes.push(RoleChange::CreateLogin { role: role() });
    }
    if alternate.tls != current.tls {
        changes.push(RoleChange::SetTlsRequirement { role: role(), tls: current.tls.clone() });
    }
    if alternate.limits != current.limits {
        let limits = current.limits.clone();
        changes.push(RoleChange::LimitResources { role: role(), limits });
    }
    plan_privileges(current, alternate, wanted, &mut changes);
    plan_roles(current, alternate, wanted, &mut changes);
    if !alternate.password_is_set {
        changes.push(RoleChange::SetPassword { role: role() });
    }
    if alternate.locked {
        changes.push(RoleChange::Reactivate { role: role() });
    }
    Ok(changes)
}

fn faults(current: &Twin, wanted: &AlternateSpec) -> Vec<String> {
    let (name, other) = (&wanted.current, &wanted.alternate);
    let mut faults: Vec<String> = current
        .uncopied
        .iter()
        .map(|what| format!("{name:?} has {what}, which cannot be given to {other:?}"))
        .collect();
    let nothing = BTreeSet::new();
    let on_server = current.privileges.get(&Scope::Server).unwrap_or(&nothing);
    for privilege in TOO_MIGHTY {
        if on_server.contains(privilege) {
            faults.push(format!(
                "{name:?} has {privilege} and could change the password of {other:?}; take it away, or \
                 rotate it as a single user"
            ));
        }
    }
    faults
}

fn plan_privileges(
    current: &Twin,
    alternate: &Twin,
    wanted: &AlternateSpec,
    changes: &mut Vec<RoleChange>,
) {
    let grantee = || Grantee::Role(wanted.alternate.clone());
    let nothing = BTreeSet::new();
    for (on, should) in &current.privileges {
        let held = alternate.privileges.get(on).unwrap_or(&nothing);
        let privileges: BTreeSet<String> = should.difference(held).cloned().collect();
        if !privileges.is_empty() {
            changes.push(RoleChange::Grant { to: grantee(), on: on.clone(), privileges });
        }
    }
    for (on, held) in &alternate.privileges {
        let should = current.privileges.get(on).unwrap_or(&nothing);
        let mut surplus: BTreeSet<String> = held.difference(should).cloned().collect();
        // Two statements: the server takes no list in which GRANT OPTION is one of several.
        let option = surplus.take(GRANT_OPTION).map(|option| BTreeSet::from([option]));
        for privileges in [Some(surplus), option].into_iter().flatten() {
            if !privileges.is_empty() {
                changes.push(RoleChange::Revoke { from: grantee(), on: on.clone(), privileges });
            }
        }
    }
}

fn plan_roles(
    current: &Twin,
    alternate: &Twin,
    wanted: &AlternateSpec,
    changes: &mut Vec<RoleChange>,
) {
    let member = || wanted.alternate.clone();
    for (of, admin) in &current.roles {
        let held = alternate.roles.get(of);
        // The right to pass a role on cannot be taken by itself everywhere.
        if held.is_some_and(|held| *held && !admin) {
            changes.push(RoleChange::RevokeMembership { member: member(), of: of.clone() });
        }
        if *admin && held != Some(&true) {
            changes.push(RoleChange::GrantAdminOption { member: member(), of: of.clone() });
        } else if !admin && held != Some(&false) {
            changes.push(RoleChange::GrantMembership { member: member(), of: of.clone() });
        }
    }
    for of in alternate.roles.keys().filter(|of| !current.roles.contains_key(*of)) {
        changes.push(RoleChange::RevokeMembership { member: member(), of: of.clone() });
    }
    if alternate.default_roles != current.default_roles {
        let roles = current.default_roles.clone();
        changes.push(RoleChange::SetDefaultRoles { role: member(), roles });
    }
}

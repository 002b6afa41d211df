//! Why this exists: all judgement about PostgreSQL roles is in this one pure comparison.

use super::super::change::{Attribute, Grantee, RoleChange, Scope};
use super::super::spec::RoleSpec;
use super::{DatabasePrivileges, PostgresRole, PostgresRoles};
use std::collections::BTreeSet;

/// What the owner may do with the database. The login has it as a member, and so has a second login
/// beside it.
const OWNER_ON_DATABASE: [&str; 2] = ["CONNECT", "TEMPORARY"];

/// What the owner may do in the schema: an application runs its own migrations.
const OWNER_ON_SCHEMA: [&str; 2] = ["CREATE", "USAGE"];

/// What everybody may keep in the schema. Seeing it is harmless where nobody else can connect;
/// creating in it is CVE-2018-1058, and no longer the default since PostgreSQL 15.
const EVERYBODY_ON_SCHEMA: [&str; 1] = ["USAGE"];

pub(in crate::roles) fn plan(observed: &PostgresRoles, wanted: &RoleSpec) -> Vec<RoleChange> {
    let mut changes = Vec::new();
    plan_owner(observed.owner.as_ref(), wanted, &mut changes);
    plan_login(observed.login.as_ref(), wanted, &mut changes);
    plan_grants(observed, wanted, &mut changes);
    plan_way_in(observed.login.as_ref(), wanted, &mut changes);
    plan_revokes(observed, wanted, &mut changes);
    changes
}

fn plan_owner(owner: Option<&PostgresRole>, wanted: &RoleSpec, changes: &mut Vec<RoleChange>) {
    let Some(role) = owner else {
        changes.push(RoleChange::CreateOwner { owner: wanted.owner.clone() });
        return;
    };
    // Nobody logs in as the owner, so whether it inherits is of no consequence.
    let mut harmless = BTreeSet::from([Attribute::Inherit]);
    harmless.retain(|attribute| role.attributes.contains(attribute));
    changes.extend(attributes(&wanted.owner, role, &harmless));
    for of in role.member_of.keys() {
        changes.push(RoleChange::RevokeMembership { member: wanted.owner.clone(), of: of.clone() });
    }
}

fn plan_login(login: Option<&PostgresRole>, wanted: &RoleSpec, changes: &mut Vec<RoleChange>) {
    let name = || wanted.role.clone();
    let Some(role) = login else {
        changes.push(RoleChange::CreateLogin { role: name() });
        if wanted.connection_limit.is_some() {
            changes.push(RoleChange::LimitConnections {
                role: name(),
                limit: wanted.connection_limit,
            });
        }
        return;
    };
    let needed = BTreeSet::from([Attribute::Inherit, Attribute::Login]);
    changes.extend(attributes(&wanted.role, role, &needed));
    if role.connection_limit != wanted.connection_limit {
        changes.push(RoleChange::LimitConnections { role: name(), limit: wanted.connection_limit });
    }
    if role.expires {
        changes.push(RoleChange::Reactivate { role: name() });
    }
    if !role.password_opens {
        changes.push(RoleChange::SetPassword { role: name() });
    }
}

fn attributes(name: &str, role: &PostgresRole, needed: &BTreeSet<Attribute>) -> Option<RoleChange> {
    let give: BTreeSet<_> = needed.difference(&role.attributes).copied().collect();
    let take: BTreeSet<_> = role.attributes.difference(needed).copied().collect();
    let differs = !give.is_empty() || !take.is_empty();
    differs.then(|| RoleChange::SetAttributes { role: name.to_owned(), give, take })
}

fn plan_grants(observed: &PostgresRoles, wanted: &RoleSpec, changes: &mut Vec<RoleChange>) {
    let objects = [
        (Scope::Database(wanted.database.clone()), &observed.on_database.owner, &OWNER_ON_DATABASE),
        (Scope::PublicSchema, &observed.on_schema.owner, &OWNER_ON_SCHEMA),
    ];
    for (on, has, needed) in objects {
        let privileges: BTreeSet<String> = needed
            .iter()
            .filter(|privilege| !has.contains(**privilege))
            .map(|privilege| (*privilege).to_owned())
            .collect();
        if !privileges.is_empty() {
            changes.push(RoleChange::Grant {
                to: Grantee::Role(wanted.owner.clone()),
                on,
                privileges,
            });
        }
    }
}

/// The login is a member of the owner and of nothing else, becomes it at login, and owns nothing
/// itself.
fn plan_way_in(login: Option<&PostgresRole>, wanted: &RoleSpec, changes: &mut Vec<RoleChange>) {
    let nobody = PostgresRole::default();
    let login = login.unwrap_or(&nobody);
    let membership = login.member_of.get(&wanted.owner);
    if !membership.is_some_and(|membership| membership.usable) {
        changes.push(RoleChange::GrantMembership {
            member: wanted.role.clone(),
            of: wanted.owner.clone(),
        });
    }
    if membership.is_some_and(|membership| membership.admin) {
        changes.push(RoleChange::RevokeAdminOption {
            member: wanted.role.clone(),
            of: wanted.owner.clone(),
        });
    }
    if login.becomes.as_ref() != Some(&wanted.owner) {
        changes.push(RoleChange::BecomeAtLogin {
            role: wanted.role.clone(),
            to: wanted.owner.clone(),
            database: wanted.database.clone(),
        });
    }
    if login.objects > 0 {
        changes.push(RoleChange::HandOverObjects {
            from: wanted.role.clone(),
            to: wanted.owner.clone(),
        });
    }
    for of in login.member_of.keys().filter(|of| **of != wanted.owner) {
        changes.push(RoleChange::RevokeMembership { member: wanted.role.clone(), of: of.clone() });
    }
}

fn plan_revokes(observed: &PostgresRoles, wanted: &RoleSpec, changes: &mut Vec<RoleChange>) {
    let database = || Scope::Database(wanted.database.clone());
    let mut superfluous = |from: Grantee, on: Scope, has: &BTreeSet<String>, may: &[&str]| {
        let privileges: BTreeSet<String> =
            has.iter().filter(|privilege| !may.contains(&privilege.as_str())).cloned().collect();
        if !privileges.is_empty() {
            changes.push(RoleChange::Revoke { from, on, privileges });
        }
    };
    let owner = || Grantee::Role(wanted.owner.clone());
    let login = || Grantee::Role(wanted.role.clone());
    let DatabasePrivileges { everybody, owner: owners, login: logins } = &observed.on_database;
    superfluous(Grantee::Public, database(), everybody, &[]);
    superfluous(owner(), database(), owners, &OWNER_ON_DATABASE);
    superfluous(login(), database(), logins, &[]);
    let DatabasePrivileges { everybody, owner: owners, login: logins } = &observed.on_schema;
    superfluous(Grantee::Public, Scope::PublicSchema, everybody, &EVERYBODY_ON_SCHEMA);
    superfluous(owner(), Scope::PublicSchema, owners, &OWNER_ON_SCHEMA);
    superfluous(login(), Scope::PublicSchema, logins, &[]);
}

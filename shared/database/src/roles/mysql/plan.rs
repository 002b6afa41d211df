//! Why this exists: all judgement about MySQL and MariaDB accounts is in this one pure comparison.

use super::super::change::{Grantee, RoleChange, Scope};
use super::super::spec::RoleSpec;
use super::{MysqlAccount, schema_pattern};
use std::collections::BTreeSet;

/// What the application may do in its own schema: everything but pass its rights on. An application
/// runs its own migrations, so it creates and drops tables.
const ON_SCHEMA: [&str; 18] = [
    "ALTER",
    "ALTER ROUTINE",
    "CREATE",
    "CREATE ROUTINE",
    "CREATE TEMPORARY TABLES",
    "CREATE VIEW",
    "DELETE",
    "DROP",
    "EVENT",
    "EXECUTE",
    "INDEX",
    "INSERT",
    "LOCK TABLES",
    "REFERENCES",
    "SELECT",
    "SHOW VIEW",
    "TRIGGER",
    "UPDATE",
];

pub(in crate::roles) fn plan(
    observed: Option<&MysqlAccount>,
    wanted: &RoleSpec,
) -> Vec<RoleChange> {
    let role = || wanted.role.clone();
    let mut changes = Vec::new();
    let nobody = MysqlAccount::default();
    if let Some(account) = observed {
        plan_account(account, wanted, &mut changes);
    } else {
        // Made with its password and with TLS required, in one statement.
        changes.push(RoleChange::CreateLogin { role: role() });
    }
    let account = observed.unwrap_or(&nobody);
    if account.connection_limit != wanted.connection_limit {
        changes.push(RoleChange::LimitConnections { role: role(), limit: wanted.connection_limit });
    }
    plan_privileges(account, wanted, &mut changes);
    for of in &account.roles {
        changes.push(RoleChange::RevokeMembership { member: role(), of: of.clone() });
    }
    changes
}

fn plan_account(account: &MysqlAccount, wanted: &RoleSpec, changes: &mut Vec<RoleChange>) {
    let role = || wanted.role.clone();
    if !account.requires_tls {
        changes.push(RoleChange::RequireTls { role: role() });
    }
    if account.locked {
        changes.push(RoleChange::Reactivate { role: role() });
    }
    if !account.password_opens {
        changes.push(RoleChange::SetPassword { role: role() });
    }
}

fn plan_privileges(observed: &MysqlAccount, wanted: &RoleSpec, changes: &mut Vec<RoleChange>) {
    let own = Scope::Database(schema_pattern(&wanted.database));
    let grantee = || Grantee::Role(wanted.role.clone());
    let needed: BTreeSet<String> = ON_SCHEMA.iter().map(|word| (*word).to_owned()).collect();
    let nothing = BTreeSet::new();
    let held = observed.privileges.get(&own).unwrap_or(&nothing);
    let missing: BTreeSet<String> = needed.difference(held).cloned().collect();
    if !missing.is_empty() {
        changes.push(RoleChange::Grant { to: grantee(), on: own.clone(), privileges: missing });
    }
    for (on, held) in &observed.privileges {
        let may = if *on == own { &needed } else { &nothing };
        let superfluous: BTreeSet<String> = held.difference(may).cloned().collect();
        if !superfluous.is_empty() {
            changes.push(RoleChange::Revoke {
                from: grantee(),
                on: on.clone(),
                privileges: superfluous,
            });
        }
    }
}

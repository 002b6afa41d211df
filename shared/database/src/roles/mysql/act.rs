//! Why this exists: all writes to MySQL and MariaDB accounts, each safe to repeat, with every name
//! quoted by the server.

use super::super::change::{Grantee, RoleChange, Scope};
use super::super::error::RoleError;
use super::super::keywords;
use super::password::Plugin;
use crate::connection::Mysql;
use secrecy::SecretString;
use std::collections::BTreeSet;

/// The right to pass privileges on, as the server's catalogue and this crate call it.
pub(in crate::roles) const GRANT_OPTION: &str = "GRANT OPTION";

/// The hosts from which the application's account may come: its security group decides on that.
pub(in crate::roles) const ANY_HOST: &str = "%";

/// Carries out the changes one after the other: account statements commit by themselves.
pub(in crate::roles) async fn act(
    server: &mut Mysql<'_>,
    changes: &[RoleChange],
    password: &SecretString,
) -> Result<(), RoleError> {
    for change in changes {
        apply(server, ANY_HOST, change, password).await?;
    }
    Ok(())
}

/// Carries out one change to the account with this host part.
pub(in crate::roles) async fn apply(
    server: &mut Mysql<'_>,
    host: &str,
    change: &RoleChange,
    password: &SecretString,
) -> Result<(), RoleError> {
    let doing = change.to_string();
    match change {
        RoleChange::CreateLogin { role } => {
            let (identified, hash) = Plugin::usual(server).identified(password)?;
            let template = format!("CREATE USER %L@%L {identified} REQUIRE SSL");
            server.run(&doing, &template, &[role, host, &hash]).await?;
        }
        RoleChange::SetPassword { role } => {
            let (identified, hash) = Plugin::usual(server).identified(password)?;
            let template = format!("ALTER USER %L@%L {identified}");
            server.run(&doing, &template, &[role, host, &hash]).await?;
        }
        RoleChange::RequireTls { role } => {
            server.run(&doing, "ALTER USER %L@%L REQUIRE SSL", &[role, host]).await?;
        }
        RoleChange::Reactivate { role } => {
            let template = "ALTER USER %L@%L ACCOUNT UNLOCK PASSWORD EXPIRE NEVER";
            server.run(&doing, template, &[role, host]).await?;
        }
        RoleChange::LimitConnections { role, limit } => {
            // 0 is "no limit of its own".
            let limit = limit.unwrap_or(0);
            let template = format!("ALTER USER %L@%L WITH MAX_USER_CONNECTIONS {limit}");
            server.run(&doing, &template, &[role, host]).await?;
        }
        RoleChange::RevokeMembership { member, of } => {
            server.run(&doing, "REVOKE %I FROM %L@%L", &[of, member, host]).await?;
        }
        RoleChange::Grant { to, on, privileges } => {
            privilege(server, &doing, true, privileges, on, to, host).await?;
        }
        RoleChange::Revoke { from, on, privileges } => {
            privilege(server, &doing, false, privileges, on, from, host).await?;
        }
        // Changes of PostgreSQL, which no plan for an account contains, and those that only a second
        // account needs.
        RoleChange::CreateOwner { .. }
        | RoleChange::SetAttributes { .. }
        | RoleChange::GrantMembership { .. }
        | RoleChange::RevokeAdminOption { .. }
        | RoleChange::BecomeAtLogin { .. }
        | RoleChange::Configure { .. }
        | RoleChange::ByDefault { .. }
        | RoleChange::GrantAdminOption { .. }
        | RoleChange::SetTlsRequirement { .. }
        | RoleChange::LimitResources { .. }
        | RoleChange::SetDefaultRoles { .. }
        | RoleChange::HandOverObjects { .. } => {}
    }
    Ok(())
}

/// Gives or takes privileges. They are the server's own keywords, either ours or read from its
/// catalogue.
async fn privilege(
    server: &mut Mysql<'_>,
    doing: &str,
    give: bool,
    privileges: &BTreeSet<String>,
    on: &Scope,
    grantee: &Grantee,
    host: &str,
) -> Result<(), RoleError> {
    let Grantee::Role(account) = grantee else {
        // There is no PUBLIC here, and no plan with it.
        return Ok(());
    };
    let mut words = privileges.clone();
    let mut option = "";
    // The right to pass privileges on is no privilege to GRANT, but one to REVOKE.
    if give && words.remove(GRANT_OPTION) {
        option = " WITH GRANT OPTION";
    }
    let mut words = if words.is_empty() { "USAGE".to_owned() } else { keywords(&words) };
    let mut names = Vec::new();
    let object = match on {
        Scope::Server => "*.*".to_owned(),
        Scope::Database(pattern) => {
            // The pattern is already escaped as a pattern; the server quotes it as a name.
            names.push(pattern.as_str());
            "%I.*".to_owned()
        }
        Scope::Table { schema, table } => {
            // Taken from a table, a privilege is taken from all its columns too.
            names.extend([schema.as_str(), table.as_str()]);
            "%I.%I".to_owned()
        }
        Scope::Column { schema, table, column } => {
            let each: Vec<String> = words.split(", ").map(|word| format!("{word} (%I)")).collect();
            names.extend(each.iter().map(|_| column.as_str()));
            words = each.join(", ");
            names.extend([schema.as_str(), table.as_str()]);
            "%I.%I".to_owned()
        }
        Scope::Routine { kind, schema, name } => {
            names.extend([schema.as_str(), name.as_str()]);
            format!("{} %I.%I", keywords(&BTreeSet::from([kind.clone()])))
        }
        Scope::PublicSchema | Scope::Object(_) => return Ok(()),
    };
    names.extend([account.as_str(), host]);
    let template = if give {
        format!("GRANT {words} ON {object} TO %L@%L{option}")
    } else {
        format!("REVOKE {words} ON {object} FROM %L@%L")
    };
    server.run(doing, &template, &names).await?;
    Ok(())
}

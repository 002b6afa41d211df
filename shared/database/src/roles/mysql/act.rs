//! Why this exists: all writes to MySQL and MariaDB accounts, each safe to repeat, with every name
//! quoted by the server.

use super::super::change::{Grantee, RoleChange, Scope};
use super::super::error::RoleError;
use super::super::keywords;
use super::password::Plugin;
use crate::connection::Mysql;
use secrecy::SecretString;
use std::collections::BTreeSet;

/// Carries out the changes one after the other: account statements commit by themselves.
pub(in crate::roles) async fn act(
    server: &mut Mysql<'_>,
    changes: &[RoleChange],
    password: &SecretString,
) -> Result<(), RoleError> {
    for change in changes {
        apply(server, change, password).await?;
    }
    Ok(())
}

async fn apply(
    server: &mut Mysql<'_>,
    change: &RoleChange,
    password: &SecretString,
) -> Result<(), RoleError> {
    let doing = change.to_string();
    match change {
        RoleChange::CreateLogin { role } => {
            let (identified, hash) = Plugin::usual(server).identified(password)?;
            let template = format!("CREATE USER %L@'%%' {identified} REQUIRE SSL");
            server.run(&doing, &template, &[role, &hash]).await?;
        }
        RoleChange::SetPassword { role } => {
            let (identified, hash) = Plugin::usual(server).identified(password)?;
            let template = format!("ALTER USER %L@'%%' {identified}");
            server.run(&doing, &template, &[role, &hash]).await?;
        }
        RoleChange::RequireTls { role } => {
            server.run(&doing, "ALTER USER %L@'%%' REQUIRE SSL", &[role]).await?;
        }
        RoleChange::Reactivate { role } => {
            let template = "ALTER USER %L@'%%' ACCOUNT UNLOCK PASSWORD EXPIRE NEVER";
            server.run(&doing, template, &[role]).await?;
        }
        RoleChange::LimitConnections { role, limit } => {
            // 0 is "no limit of its own".
            let limit = limit.unwrap_or(0);
            let template = format!("ALTER USER %L@'%%' WITH MAX_USER_CONNECTIONS {limit}");
            server.run(&doing, &template, &[role]).await?;
        }
        RoleChange::RevokeMembership { member, of } => {
            server.run(&doing, "REVOKE %I FROM %L@'%%'", &[of, member]).await?;
        }
        RoleChange::Grant { to, on, privileges } => {
            privilege(server, &doing, "GRANT", privileges, on, "TO", to).await?;
        }
        RoleChange::Revoke { from, on, privileges } => {
            privilege(server, &doing, "REVOKE", privileges, on, "FROM", from).await?;
        }
        // Changes of PostgreSQL, which no plan for an account contains.
        RoleChange::CreateOwner { .. }
        | RoleChange::SetAttributes { .. }
        | RoleChange::GrantMembership { .. }
        | RoleChange::RevokeAdminOption { .. }
        | RoleChange::BecomeAtLogin { .. }
        | RoleChange::HandOverObjects { .. } => {}
    }
    Ok(())
}

/// Gives or takes privileges. They are the server's own keywords, either ours or read from its
/// catalogue.
async fn privilege(
    server: &mut Mysql<'_>,
    doing: &str,
    verb: &str,
    privileges: &BTreeSet<String>,
    on: &Scope,
    preposition: &str,
    grantee: &Grantee,
) -> Result<(), RoleError> {
    let Grantee::Role(account) = grantee else {
        // There is no PUBLIC here, and no plan with it.
        return Ok(());
    };
    let (object, mut names) = match on {
        Scope::Server => ("*.*", vec![]),
        // The pattern is already escaped as a pattern; the server quotes it as a name.
        Scope::Database(pattern) => ("%I.*", vec![pattern.as_str()]),
        Scope::Table { schema, table } => ("%I.%I", vec![schema.as_str(), table.as_str()]),
        Scope::PublicSchema => return Ok(()),
    };
    names.push(account);
    // Taken from a table, a privilege is taken from all its columns too.
    let template = format!("{verb} {} ON {object} {preposition} %L@'%%'", keywords(privileges));
    server.run(doing, &template, &names).await?;
    Ok(())
}

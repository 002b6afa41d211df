//! Why this exists: all writes to PostgreSQL roles, in one transaction, with every name quoted by
//! the server.

use super::super::change::{Grantee, RoleChange, Scope};
use super::super::error::RoleError;
use super::super::keywords;
use crate::connection::{Postgres, StatementError};
use crate::verifier::scram_sha_256;
use secrecy::SecretString;
use sqlx::Row;
use std::collections::BTreeSet;
use std::num::NonZeroU32;

/// What PostgreSQL used before `scram_iterations` could be set (16), and still does by default. RFC
/// 7677 asks for no less.
const SCRAM_ITERATIONS_DEFAULT: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// The first version in which a membership is not enough to act as a role: it must be granted with
/// INHERIT and SET.
const VERSION_WITH_MEMBERSHIP_OPTIONS: i32 = 160_000;

/// Both roles are made without any attribute that they should not have, whatever the server's defaults.
const CREATE_OWNER: &str = "CREATE ROLE %I NOLOGIN \
    NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS";
const CREATE_LOGIN: &str = "CREATE ROLE %I LOGIN INHERIT \
    NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L";

/// Carries out all changes, or none.
pub(in crate::roles) async fn act(
    server: &mut Postgres<'_>,
    changes: &[RoleChange],
    password: &SecretString,
) -> Result<(), RoleError> {
    server.plain("begin the changes", "BEGIN").await?;
    for change in changes {
        if let Err(error) = apply(server, change, password).await {
            // The first failure is the cause; a rollback that fails as well ends with the
            // connection.
            let _ = server.plain("undo the changes", "ROLLBACK").await;
            return Err(error);
        }
    }
    server.plain("commit the changes", "COMMIT").await?;
    Ok(())
}

async fn apply(
    server: &mut Postgres<'_>,
    change: &RoleChange,
    password: &SecretString,
) -> Result<(), RoleError> {
    let doing = change.to_string();
    match change {
        RoleChange::CreateOwner { owner } => {
            server.run(&doing, CREATE_OWNER, &[owner]).await?;
        }
        RoleChange::CreateLogin { role } => {
            let verifier = scram_sha_256(password, iterations(server).await?)?;
            server.run(&doing, CREATE_LOGIN, &[role, &verifier]).await?;
        }
        RoleChange::SetPassword { role } => {
            let verifier = scram_sha_256(password, iterations(server).await?)?;
            server.run(&doing, "ALTER ROLE %I PASSWORD %L", &[role, &verifier]).await?;
        }
        RoleChange::SetAttributes { role, give, take } => {
            for attribute in give {
                let keyword = attribute.keyword();
                server.run(&doing, &format!("ALTER ROLE %I {keyword}"), &[role]).await?;
            }
            for attribute in take {
                let keyword = attribute.keyword();
                server.run(&doing, &format!("ALTER ROLE %I NO{keyword}"), &[role]).await?;
            }
        }
        RoleChange::Reactivate { role } => {
            let template = "ALTER ROLE %I VALID UNTIL 'infinity'";
            server.run(&doing, template, &[role]).await?;
        }
        RoleChange::LimitConnections { role, limit } => {
            // -1 is "no limit".
            let limit = limit.map_or(-1, i64::from);
            server.run(&doing, &format!("ALTER ROLE %I CONNECTION LIMIT {limit}"), &[role]).await?;
        }
        RoleChange::GrantMembership { member, of } => {
            let template = if server.version_number >= VERSION_WITH_MEMBERSHIP_OPTIONS {
                "GRANT %I TO %I WITH INHERIT TRUE, SET TRUE"
            } else {
                "GRANT %I TO %I"
            };
            server.run(&doing, template, &[of, member]).await?;
        }
        RoleChange::RevokeMembership { member, of } => {
            server.run(&doing, "REVOKE %I FROM %I", &[of, member]).await?;
        }
        RoleChange::RevokeAdminOption { member, of } => {
            let template = "REVOKE ADMIN OPTION FOR %I FROM %I";
            server.run(&doing, template, &[of, member]).await?;
        }
        RoleChange::BecomeAtLogin { role, to, database } => {
            // A setting for one database would go before the one for all.
            let template = "ALTER ROLE %I IN DATABASE %I RESET role";
            server.run(&doing, template, &[role, database]).await?;
            server.run(&doing, "ALTER ROLE %I SET role = %L", &[role, to]).await?;
        }
        RoleChange::HandOverObjects { from, to } => hand_over(server, &doing, from, to).await?,
        RoleChange::Grant { to, on, privileges } => {
            privilege(server, &doing, "GRANT", privileges, on, "TO", to).await?;
        }
        RoleChange::Revoke { from, on, privileges } => {
            privilege(server, &doing, "REVOKE", privileges, on, "FROM", from).await?;
        }
        RoleChange::RequireTls { .. } => {
            // The plan never asks for it here: on PostgreSQL the server decides (`rds.force_ssl`),
            // not the role.
        }
    }
    Ok(())
}

/// Gives or takes privileges on the database or its schema. The privileges are the server's own
/// keywords.
async fn privilege(
    server: &mut Postgres<'_>,
    doing: &str,
    verb: &str,
    privileges: &BTreeSet<String>,
    on: &Scope,
    preposition: &str,
    grantee: &Grantee,
) -> Result<(), RoleError> {
    let (object, mut names) = match on {
        Scope::Database(database) => ("DATABASE %I", vec![database.as_str()]),
        Scope::PublicSchema => ("SCHEMA public", vec![]),
        // Kinds of MySQL that no plan for PostgreSQL contains.
        Scope::Server | Scope::Table { .. } => return Ok(()),
    };
    let whom = match grantee {
        Grantee::Role(role) => {
            names.push(role);
            "%I"
        }
        Grantee::Public => "PUBLIC",
    };
    let template = format!("{verb} {} ON {object} {preposition} {whom}", keywords(privileges));
    server.run(doing, &template, &names).await?;
    Ok(())
}

/// REASSIGN OWNED needs the rights of both roles. A master that is no superuser lends them to
/// itself for this transaction: before PostgreSQL 16 any holder of CREATEROLE may, since then
/// whoever created the roles.
async fn hand_over(
    server: &mut Postgres<'_>,
    doing: &str,
    from: &str,
    to: &str,
) -> Result<(), StatementError> {
    let mut lent = Vec::new();
    for role in [from, to] {
        if may_act_as(server, doing, role).await? {
            continue;
        }
        let template = if server.version_number >= VERSION_WITH_MEMBERSHIP_OPTIONS {
            "GRANT %I TO CURRENT_USER WITH INHERIT TRUE, SET TRUE"
        } else {
            "GRANT %I TO CURRENT_USER"
        };
        server.run(doing, template, &[role]).await?;
        lent.push(role);
    }
    server.run(doing, "REASSIGN OWNED BY %I TO %I", &[from, to]).await?;
    for role in lent {
        server.run(doing, "REVOKE %I FROM CURRENT_USER", &[role]).await?;
    }
    Ok(())
}

async fn may_act_as(
    server: &mut Postgres<'_>,
    doing: &str,
    role: &str,
) -> Result<bool, StatementError> {
    let query = sqlx::query("SELECT pg_has_role(current_user, $1::name, 'USAGE')").bind(role);
    let rows = server.rows(doing, query).await?;
    Ok(rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or(false))
}

/// Sets a role's password to a fresh verifier of it.
///
/// A login that becomes its owner at login is not itself any more, and may change its own password
/// only after `SET ROLE NONE`.
pub(in crate::roles) async fn set_password(
    server: &mut Postgres<'_>,
    role: &str,
    password: &SecretString,
) -> Result<(), RoleError> {
    let doing = format!("set the password of {role:?}");
    let verifier = scram_sha_256(password, iterations(server).await?)?;
    server.plain(&doing, "SET ROLE NONE").await?;
    server.run(&doing, "ALTER ROLE %I PASSWORD %L", &[role, &verifier]).await?;
    Ok(())
}

/// How many iterations the server wants a verifier to have (`scram_iterations`, PostgreSQL 16 and
/// later).
async fn iterations(server: &mut Postgres<'_>) -> Result<NonZeroU32, StatementError> {
    let query = sqlx::query("SELECT current_setting('scram_iterations', true)");
    let rows = server.rows("read the server's scram_iterations", query).await?;
    let setting = rows.first().and_then(|row| row.try_get::<Option<String>, _>(0).ok().flatten());
    Ok(setting.and_then(|text| text.parse().ok()).unwrap_or(SCRAM_ITERATIONS_DEFAULT))
}

//! Why this exists: all writes to PostgreSQL roles, in one transaction, with every name quoted by
//! the server.

use super::super::change::RoleChange;
use super::super::error::RoleError;
use super::grants::{self, Lending};
use super::settings;
use crate::connection::{Postgres, StatementError};
use crate::verifier::scram_sha_256;
use secrecy::SecretString;
use sqlx::Row;
use std::num::NonZeroU32;

/// What PostgreSQL used before `scram_iterations` could be set (16), and still does by default. RFC
/// 7677 asks for no less.
const SCRAM_ITERATIONS_DEFAULT: NonZeroU32 = NonZeroU32::new(4096).unwrap();

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
    if let Err(error) = apply_all(server, changes, password).await {
        // The first failure is the cause; a rollback that fails as well ends with the connection.
        let _ = server.plain("undo the changes", "ROLLBACK").await;
        return Err(error);
    }
    server.plain("commit the changes", "COMMIT").await?;
    Ok(())
}

async fn apply_all(
    server: &mut Postgres<'_>,
    changes: &[RoleChange],
    password: &SecretString,
) -> Result<(), RoleError> {
    let mut lending = Lending::default();
    for change in changes {
        apply(server, &mut lending, change, password).await?;
    }
    lending.give_back(server).await?;
    Ok(())
}

async fn apply(
    server: &mut Postgres<'_>,
    lending: &mut Lending,
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
            let template = format!("GRANT %I TO %I{}", grants::membership_options(server));
            server.run(&doing, &template, &[of, member]).await?;
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
        RoleChange::HandOverObjects { from, to } => {
            lending.lend(server, &doing, from).await?;
            lending.lend(server, &doing, to).await?;
            server.run(&doing, "REASSIGN OWNED BY %I TO %I", &[from, to]).await?;
        }
        RoleChange::GrantAdminOption { member, of } => {
            server.run(&doing, "GRANT %I TO %I WITH ADMIN OPTION", &[of, member]).await?;
        }
        RoleChange::Configure { role, setting, value, database } => {
            let value = value.as_ref().map(|value| value.0.as_str());
            settings::configure(server, &doing, role, setting, value, database.as_deref()).await?;
        }
        RoleChange::ByDefault { .. } => grants::by_default(server, lending, change).await?,
        RoleChange::Grant { to, on, privileges } => {
            let give = true;
            grants::privilege(server, lending, &doing, give, privileges, on, to).await?;
        }
        RoleChange::Revoke { from, on, privileges } => {
            let give = false;
            grants::privilege(server, lending, &doing, give, privileges, on, from).await?;
        }
        // Accounts of MySQL have these. On PostgreSQL the server decides on TLS
        // (`rds.force_ssl`), not the role.
        RoleChange::RequireTls { .. }
        | RoleChange::SetTlsRequirement { .. }
        | RoleChange::LimitResources { .. }
        | RoleChange::SetDefaultRoles { .. } => {}
    }
    Ok(())
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

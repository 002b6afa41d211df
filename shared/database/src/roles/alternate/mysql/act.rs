//! Why this exists: what a second account needs beyond the application's own: locked until it is
//! complete, the first one's demands on TLS, limits and roles.

use crate::connection::{Mysql, StatementError};
use crate::roles::account::{ResourceLimits, TlsRequirement};
use crate::roles::change::RoleChange;
use crate::roles::error::RoleError;
use crate::roles::mysql::{Plugin, apply, discard_second_password};
use secrecy::SecretString;
use std::collections::BTreeSet;

/// Carries out the changes to the alternate account one after the other: account statements commit
/// by themselves. `like` is the current account, whose plugin the other's password is for.
pub(in crate::roles::alternate) async fn act(
    server: &mut Mysql<'_>,
    host: &str,
    like: &str,
    changes: &[RoleChange],
    password: &SecretString,
) -> Result<(), RoleError> {
    let plugin = Plugin::of(server, like, host).await?;
    for change in changes {
        let doing = change.to_string();
        match change {
            RoleChange::CreateLogin { role } => {
                let (identified, hash) = plugin.identified(password)?;
                let template = format!("CREATE USER %L@%L {identified} ACCOUNT LOCK");
                server.run(&doing, &template, &[role, host, &hash]).await?;
            }
            RoleChange::SetPassword { role } => {
                let (identified, hash) = plugin.identified(password)?;
                let template = format!("ALTER USER %L@%L {identified}");
                server.run(&doing, &template, &[role, host, &hash]).await?;
                discard_second_password(server, &doing, role, host).await?;
            }
            RoleChange::Reactivate { role } => {
                // The new password has ended an expiry; how long it is valid is not ours to say.
                server.run(&doing, "ALTER USER %L@%L ACCOUNT UNLOCK", &[role, host]).await?;
            }
            RoleChange::SetTlsRequirement { role, tls } => {
                require(server, &doing, role, host, tls).await?;
            }
            RoleChange::LimitResources { role, limits } => {
                let template = format!("ALTER USER %L@%L WITH {}", limits_clause(server, limits));
                server.run(&doing, &template, &[role, host]).await?;
            }
            RoleChange::GrantMembership { member, of } => {
                membership(server, &doing, "GRANT {role} TO %L@%L", of, &[member, host]).await?;
            }
            RoleChange::GrantAdminOption { member, of } => {
                let template = "GRANT {role} TO %L@%L WITH ADMIN OPTION";
                membership(server, &doing, template, of, &[member, host]).await?;
            }
            RoleChange::RevokeMembership { member, of } => {
                membership(server, &doing, "REVOKE {role} FROM %L@%L", of, &[member, host]).await?;
            }
            RoleChange::SetDefaultRoles { role, roles } => {
                set_default_roles(server, &doing, role, host, roles).await?;
            }
            other => apply(server, host, other, password).await?,
        }
    }
    Ok(())
}

async fn require<'a>(
    server: &mut Mysql<'_>,
    doing: &str,
    role: &'a str,
    host: &'a str,
    tls: &'a TlsRequirement,
) -> Result<(), StatementError> {
    let mut names = vec![role, host];
    let demands = match tls.kind.as_str() {
        "" => "NONE".to_owned(),
        "ANY" => "SSL".to_owned(),
        "X509" => "X509".to_owned(),
        _ => {
            let parts =
                [("CIPHER", &tls.cipher), ("ISSUER", &tls.issuer), ("SUBJECT", &tls.subject)];
            let parts = parts.into_iter().filter(|(_, text)| !text.is_empty());
            let clause = |(word, text): (&str, &'a String)| (format!("{word} %L"), text.as_str());
            let (words, texts): (Vec<String>, Vec<&str>) = parts.map(clause).unzip();
            names.extend(texts);
            words.join(" AND ")
        }
    };
    server.run(doing, &format!("ALTER USER %L@%L REQUIRE {demands}"), &names).await
}

fn limits_clause(server: &Mysql<'_>, limits: &ResourceLimits) -> String {
    let mut clause = format!(
        "MAX_QUERIES_PER_HOUR {} MAX_UPDATES_PER_HOUR {} MAX_CONNECTIONS_PER_HOUR {} \
         MAX_USER_CONNECTIONS {}",
        limits.queries_per_hour,
        limits.updates_per_hour,
        limits.connections_per_hour,
        limits.user_connections
    );
    // A number that the server itself wrote; MySQL has no such limit.
    let is_number = |letter: char| letter.is_ascii_digit() || letter == '.';
    if server.is_mariadb && limits.statement_time.chars().all(is_number) {
        clause.push_str(" MAX_STATEMENT_TIME ");
        clause.push_str(&limits.statement_time);
    }
    clause
}

/// Runs a statement about a role, which on MySQL has a host and on MariaDB has none. The template
/// has `{role}` in its place.
async fn membership(
    server: &mut Mysql<'_>,
    doing: &str,
    template: &str,
    of: &str,
    account: &[&str],
) -> Result<(), StatementError> {
    let (placeholder, mut names) = role_name(server, of);
    names.extend(account);
    server.run(doing, &template.replace("{role}", placeholder), &names).await
}

fn role_name<'a>(server: &Mysql<'_>, of: &'a str) -> (&'static str, Vec<&'a str>) {
    match of.rsplit_once('@') {
        Some((name, host)) if !server.is_mariadb => ("%L@%L", vec![name, host]),
        _ => ("%I", vec![of]),
    }
}

/// MariaDB has one default role, MySQL any number.
async fn set_default_roles(
    server: &mut Mysql<'_>,
    doing: &str,
    role: &str,
    host: &str,
    roles: &BTreeSet<String>,
) -> Result<(), StatementError> {
    let mut placeholders = Vec::new();
    let mut names = Vec::new();
    for role in roles {
        let (placeholder, parts) = role_name(server, role);
        placeholders.push(placeholder);
        names.extend(parts);
    }
    let chosen = if roles.is_empty() { "NONE".to_owned() } else { placeholders.join(", ") };
    let whose = if server.is_mariadb { "FOR" } else { "TO" };
    names.extend([role, host]);
    server.run(doing, &format!("SET DEFAULT ROLE {chosen} {whose} %L@%L"), &names).await
}

//! Why this exists: an application must not be its database's master. It gets a role of its own
//! with as few rights as it can work with, and keeps them however often somebody changes them by
//! hand.
//!
//! The way is that of the whole suite: [`observe_application_role`] reads, [`plan`] compares with
//! what is wanted and is pure, and [`ensure_application_role`] carries the changes out and reads
//! again, so that its success means *this is so*.
//!
//! **PostgreSQL.** Two roles: a NOLOGIN *owner* that all objects belong to and that all privileges
//! hang on, and the *login*, which is only a member of the owner and becomes it at login (`ALTER
//! ROLE login SET role = owner`). A second login beside the first (alternating users) therefore
//! neither breaks ownership nor needs grants of its own.
//!
//! **MySQL and MariaDB.** One account `'name'@'%'` that must use TLS, with privileges on its own
//! schema.

mod account;
mod alternate;
mod change;
mod error;
mod lock;
mod mend;
mod mysql;
mod password;
mod postgres;
mod spec;

pub use account::{Account, ResourceLimits, TlsRequirement};
pub use alternate::{AlternateSpec, ensure_alternate_user};
pub use change::{Attribute, Grantee, Object, RoleChange, Scope, SettingValue};
pub use error::RoleError;
pub use lock::lock_login;
pub use mend::{make_login, mend_application_role};
pub use mysql::MysqlAccount;
pub use password::{
    PasswordSet, Retain, discard_old_password, sends_own_password, set_password, set_password_with,
};
pub use postgres::{DatabasePrivileges, Membership, PostgresRole, PostgresRoles};
pub use spec::RoleSpec;

use crate::connect::{ConnectErrorKind, connect};
use crate::connection::{Connection, Dialect};
use crate::{Engine, Target, Trust};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long the attempt to log in with the application's own password may take. The master has just
/// connected to the same server, so a slow answer is a fault and not the way there.
const LOGIN_PROBE_BUDGET: Duration = Duration::from_secs(5);

/// The application's role as it was found on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedRole {
    /// On PostgreSQL: the owner, the login, and the rights of both and of everybody.
    Postgres(Box<PostgresRoles>),
    /// On MySQL and MariaDB: the account, if there is one.
    Mysql(Option<MysqlAccount>),
}

/// Compares what was observed with what is wanted. Pure; an empty answer means that all is as it
/// should be.
///
/// The changes are in an order in which they can be carried out: what the application needs is
/// given before what it should not have is taken, so that a running application loses nothing that
/// it may keep.
pub fn plan(observed: &ObservedRole, wanted: &RoleSpec) -> Vec<RoleChange> {
    match observed {
        ObservedRole::Postgres(roles) => postgres::plan(roles, wanted),
        ObservedRole::Mysql(account) => mysql::plan(account.as_ref(), wanted),
    }
}

/// Reads the application's role: what exists, what it may, and whether `application`'s password
/// opens the database.
///
/// `master` must be connected to the application's database on PostgreSQL, where schemas and
/// privileges belong to it.
///
/// # Errors
/// [`RoleError`] when the server cannot be read, or when the login of the application fails for
/// another reason than its password or its missing right to connect.
pub async fn observe_application_role(
    master: &mut Connection,
    wanted: &RoleSpec,
    application: &Target,
    trust: &Trust,
) -> Result<ObservedRole, RoleError> {
    let engine = master.engine();
    let mut observed = match master.dialect() {
        Dialect::Postgres(mut server) => {
            ObservedRole::Postgres(Box::new(postgres::observe(&mut server, wanted).await?))
        }
        Dialect::Mysql(mut server) => {
            ObservedRole::Mysql(mysql::observe(&mut server, wanted).await?)
        }
    };
    match &mut observed {
        ObservedRole::Postgres(roles) => {
            if let Some(login) = &mut roles.login {
                login.password_opens = password_opens(engine, application, trust).await?;
            }
        }
        ObservedRole::Mysql(account) => {
            if let Some(account) = account {
                account.password_opens = password_opens(engine, application, trust).await?;
            }
        }
    }
    Ok(observed)
}

/// Brings the application's role into the wanted state, and proves it by reading it again.
///
/// Idempotent: on a role that is as wanted it changes nothing and answers with no changes. A
/// password that already opens the database is left alone. On PostgreSQL all changes are one
/// transaction; on MySQL and MariaDB, whose account statements are not transactional, each is safe
/// to repeat.
///
/// # Errors
/// [`RoleError::Spec`] for names that no server would take, [`RoleError::Connect`] and
/// [`RoleError::Statement`] for what failed on the way, [`RoleError::Unfinished`] when the server
/// accepted the changes and still is not as wanted, which happens where the master lacks a right
/// and the server only warns.
pub async fn ensure_application_role(
    master: &mut Connection,
    wanted: &RoleSpec,
    application: &Target,
    trust: &Trust,
) -> Result<Vec<RoleChange>, RoleError> {
    wanted.check(master.engine(), &master.place().username)?;
    if application.username != wanted.role {
        return Err(RoleError::Spec(vec![format!(
            "the role is {:?}, but the secret to log in with is for {:?}",
            wanted.role, application.username
        )]));
    }
    let observed = observe_application_role(master, wanted, application, trust).await?;
    let changes = plan(&observed, wanted);
    if changes.is_empty() {
        return Ok(changes);
    }
    match master.dialect() {
        Dialect::Postgres(mut server) => {
            postgres::act(&mut server, &changes, &application.password).await?;
        }
        Dialect::Mysql(mut server) => {
            mysql::act(&mut server, &changes, &application.password).await?;
        }
    }
    let after = observe_application_role(master, wanted, application, trust).await?;
    let left = plan(&after, wanted);
    if left.is_empty() {
        Ok(changes)
    } else {
        Err(RoleError::Unfinished { place: Box::new(master.place().clone()), left })
    }
}

/// Whether the application's password is the one that the server knows.
///
/// A login that is refused *after* the password was accepted (no right to connect, no such
/// database) proves the password too. The verifier itself cannot be read on RDS, where `pg_authid`
/// is closed to the master.
async fn password_opens(
    engine: Engine,
    application: &Target,
    trust: &Trust,
) -> Result<bool, RoleError> {
    match connect(application, trust, LOGIN_PROBE_BUDGET).await {
        Ok(connection) => {
            connection.close().await;
            Ok(true)
        }
        Err(error) => match (error.kind, error.code.as_deref()) {
            (ConnectErrorKind::Authentication, _) => Ok(false),
            (ConnectErrorKind::Permission, Some("42501")) if engine == Engine::Postgres => Ok(true),
            (ConnectErrorKind::Permission, Some("1044")) if engine.speaks_mysql() => Ok(true),
            _ => Err(RoleError::Connect(error)),
        },
    }
}

/// Privileges as they stand in a statement, unquoted. The words come from constants and from the
/// server's own catalogue; one that is no mere keyword is left out, and the pass then ends with an
/// error instead of a statement that nobody meant.
fn keywords(privileges: &BTreeSet<String>) -> String {
    let is_letter = |letter: char| letter.is_ascii_uppercase() || letter == ' ' || letter == '_';
    let words = privileges.iter().map(String::as_str);
    let words: Vec<&str> = words.filter(|word| word.chars().all(is_letter)).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keywords_stand_in_a_statement_unquoted() {
        let privileges = ["SELECT", "LOCK TABLES", "XA_RECOVER_ADMIN", "ALL; DROP", "x"];
        let privileges = privileges.map(str::to_owned).into();
        assert_eq!(keywords(&privileges), "LOCK TABLES, SELECT, XA_RECOVER_ADMIN");
    }
}

//! Why this exists: while one user's password is in use everywhere, the other user's can be changed
//! without anybody noticing. That only works if both are the same to the application: what one of
//! them made the other can use, what one of them may the other may, and what is taken from one is
//! taken from both.
//!
//! AWS's rotation template copies grants once, when it makes the second user, and never looks again;
//! on PostgreSQL each of the two owns what it creates, and the other one is told *permission denied*.
//! Here the two are compared at each rotation.
//!
//! **PostgreSQL.** Both are members of a NOLOGIN owner role and become it at login. It owns the
//! objects and holds the privileges; the two hold nothing themselves, and neither is a member of the
//! other, so neither can change the other's password. What a user made otherwise (by AWS's template,
//! by hand) holds and owns is moved to the owner role the first time.
//!
//! **MySQL and MariaDB.** Objects have no owners; the second account gets exactly the grants of the
//! first with their options, its roles, its demands on TLS and its limits, for the same hosts.

mod mysql;
mod postgres;
mod spec;

pub use spec::AlternateSpec;

use super::account::{self, Account};
use super::change::RoleChange;
use super::error::RoleError;
use crate::connection::{Connection, Dialect, Mysql, Postgres};
use crate::target::Place;
use secrecy::SecretString;

/// Brings the alternate user into the state of the current one, with this password, and lets it log
/// in; answers with what was changed. The current user keeps its password and loses nothing that it
/// may; sessions that are open go on.
///
/// The password is set in any case, without looking whether it is already so. On PostgreSQL
/// everything is one transaction. On MySQL and MariaDB, whose account statements are not
/// transactional, each is safe to repeat, and an account that is made or was locked can log in only
/// after the last of them: whoever opens the database has all that it needs.
///
/// # Errors
/// [`RoleError::Spec`] with everything that makes the wish impossible, [`RoleError::NoSuchUser`] when
/// there is no current user, [`RoleError::WrongDatabase`] when the master is connected to another
/// database, [`RoleError::Statement`] for what failed, [`RoleError::Unfinished`] when the server
/// accepted the changes and still is not as wanted.
pub async fn ensure_alternate_user(
    master: &mut Connection,
    wanted: &AlternateSpec,
    password: &SecretString,
) -> Result<Vec<RoleChange>, RoleError> {
    wanted.check(master.engine(), &master.place().username)?;
    match master.dialect() {
        Dialect::Postgres(server) => ensure_postgres(server, wanted, password).await,
        Dialect::Mysql(server) => ensure_mysql(server, wanted, password).await,
    }
}

async fn ensure_postgres(
    mut server: Postgres<'_>,
    wanted: &AlternateSpec,
    password: &SecretString,
) -> Result<Vec<RoleChange>, RoleError> {
    let master = server.place.username.clone();
    let pair = postgres::observe(&mut server, wanted).await?;
    if pair.current.is_none() {
        let current = Account::named(&wanted.current);
        return Err(RoleError::no_such_user(&current, server.place));
    }
    let changes = postgres::plan(&pair, wanted, &master).map_err(RoleError::Spec)?;
    super::postgres::act(&mut server, &changes, password).await?;
    let mut after = postgres::observe(&mut server, wanted).await?;
    if let Some(alternate) = &mut after.alternate {
        // It has just been set; nobody can read it back.
        alternate.role.password_opens = true;
    }
    let left = postgres::plan(&after, wanted, &master).map_err(RoleError::Spec)?;
    finished(server.place, changes, left)
}

fn finished(
    place: &Place,
    changes: Vec<RoleChange>,
    left: Vec<RoleChange>,
) -> Result<Vec<RoleChange>, RoleError> {
    if left.is_empty() {
        Ok(changes)
    } else {
        Err(RoleError::Unfinished { place: Box::new(place.clone()), left })
    }
}

async fn ensure_mysql(
    mut server: Mysql<'_>,
    wanted: &AlternateSpec,
    password: &SecretString,
) -> Result<Vec<RoleChange>, RoleError> {
    let mut account = Account::named(&wanted.current);
    account.host.clone_from(&wanted.host);
    let missing = RoleError::no_such_user(&account, server.place);
    let Some(host) = account::host(&mut server, &account).await? else {
        return Err(missing);
    };
    let Some(current) = mysql::observe(&mut server, &wanted.current, &host).await? else {
        return Err(missing);
    };
    let alternate = mysql::observe(&mut server, &wanted.alternate, &host).await?;
    let mut pair = mysql::Pair { current, alternate };
    let changes = mysql::plan(&pair, wanted).map_err(RoleError::Spec)?;
    mysql::act(&mut server, &host, &wanted.current, &changes, password).await?;
    pair.alternate = mysql::observe(&mut server, &wanted.alternate, &host).await?;
    if let Some(alternate) = &mut pair.alternate {
        // It has just been set; only a login would show it.
        alternate.password_is_set = true;
    }
    let left = mysql::plan(&pair, wanted).map_err(RoleError::Spec)?;
    finished(server.place, changes, left)
}

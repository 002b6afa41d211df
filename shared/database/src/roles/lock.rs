//! Why this exists: a user that has been replaced must not come in any more, although its password
//! is still written somewhere. It is locked and not dropped: its objects stay, and the next rotation
//! unlocks it with another password.

use super::account::{self, Account};
use super::change::{Attribute, RoleChange};
use super::error::RoleError;
use super::postgres;
use crate::connection::{Connection, Dialect, Mysql, Postgres};
use secrecy::SecretString;
use sqlx::Row;
use std::collections::BTreeSet;

/// Lets a user no longer log in (`NOLOGIN` on PostgreSQL, `ACCOUNT LOCK` on MySQL and MariaDB), and
/// answers whether that changed anything. Sessions that are open go on.
///
/// On PostgreSQL, what still belongs to the user in the connected database is handed over to the role
/// that it becomes at login. A user that does not exist cannot log in either: nothing is to be done.
/// [`ensure_alternate_user`](super::ensure_alternate_user) unlocks.
///
/// # Errors
/// [`RoleError::Spec`] when the user is the connection's own or it is not clear which account is
/// meant, [`RoleError::Statement`] when the server refuses.
pub async fn lock_login(master: &mut Connection, account: &Account) -> Result<bool, RoleError> {
    if master.place().username == account.user {
        return Err(RoleError::Spec(vec![format!(
            "the user {:?} is the one that is to do the locking",
            account.user
        )]));
    }
    let doing = format!("lock the login of {account}");
    match master.dialect() {
        Dialect::Postgres(mut server) => {
            let changes = changes(&mut server, &account.user).await?;
            if changes.is_empty() {
                return Ok(false);
            }
            // None of the changes sets a password.
            postgres::act(&mut server, &changes, &SecretString::default()).await?;
        }
        Dialect::Mysql(mut server) => {
            let Some(host) = account::host(&mut server, account).await? else {
                return Ok(false);
            };
            if is_locked(&mut server, &doing, &account.user, &host).await? {
                return Ok(false);
            }
            let names = [account.user.as_str(), host.as_str()];
            server.run(&doing, "ALTER USER %L@%L ACCOUNT LOCK", &names).await?;
        }
    }
    Ok(true)
}

/// A session that is older than the user's owner role still creates objects in its own name. Now that
/// nobody uses the user any more is the time to hand over what is left of that.
async fn changes(server: &mut Postgres<'_>, user: &str) -> Result<Vec<RoleChange>, RoleError> {
    let mut changes = Vec::new();
    let names = [user.to_owned()];
    let Some(mut role) = postgres::read_roles(server, &names).await?.remove(user) else {
        return Ok(changes);
    };
    postgres::read_login(server, user, &mut role).await?;
    if role.attributes.contains(&Attribute::Login) {
        changes.push(RoleChange::SetAttributes {
            role: user.to_owned(),
            give: BTreeSet::new(),
            take: BTreeSet::from([Attribute::Login]),
        });
    }
    if let (Some(to), true) = (role.becomes, role.objects > 0) {
        changes.push(RoleChange::HandOverObjects { from: user.to_owned(), to });
    }
    Ok(changes)
}

/// MariaDB keeps the lock in a JSON document of its own.
async fn is_locked(
    server: &mut Mysql<'_>,
    doing: &str,
    user: &str,
    host: &str,
) -> Result<bool, RoleError> {
    let query = if server.is_mariadb {
        "SELECT 1 FROM mysql.global_priv WHERE BINARY User = ? AND Host = ? \
         AND COALESCE(JSON_VALUE(Priv, '$.account_locked'), 'false') IN ('1', 'true')"
    } else {
        "SELECT 1 FROM mysql.user WHERE BINARY User = ? AND Host = ? AND account_locked = 'Y'"
    };
    let rows = server.rows(doing, sqlx::query(query).bind(user).bind(host)).await?;
    Ok(rows.first().is_some_and(|row| row.len() == 1))
}

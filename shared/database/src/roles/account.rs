//! Why this exists: on MySQL and MariaDB a user is a name *and* the hosts it may come from, and
//! `'app'@'%'` and `'app'@'10.0.%'` are two accounts with two passwords. A secret knows only the
//! name; which account is meant is found out here, and never guessed.

use super::error::RoleError;
use crate::connection::Mysql;
use sqlx::Row;
use std::collections::BTreeSet;
use std::fmt;

/// A user of a database server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user's name.
    pub user: String,
    /// MySQL and MariaDB: the host part of the account, such as `%`. `None` finds it: on the user's
    /// own connection it is the account that has logged in; elsewhere it is the only account of that
    /// name, and several are an error. PostgreSQL knows no hosts and ignores it.
    pub host: Option<String>,
}

impl Account {
    /// The account of this name, whatever its host.
    pub fn named(user: impl Into<String>) -> Self {
        Self { user: user.into(), host: None }
    }

    /// The same name with this host.
    #[must_use]
    pub fn at(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{:?}@{host:?}", self.user),
            None => write!(f, "{:?}", self.user),
        }
    }
}

/// Whether the account is the one that has logged in on this connection.
pub(super) fn is_own(server: &Mysql<'_>, account: &Account) -> bool {
    server.place.username == account.user
}

/// The host part of the account; `None` where there is no account of that name.
pub(super) async fn host(
    server: &mut Mysql<'_>,
    account: &Account,
) -> Result<Option<String>, RoleError> {
    if is_own(server, account) {
        return own_host(server, account).await.map(Some);
    }
    let mut hosts = hosts(server, &account.user).await?;
    if let Some(host) = &account.host {
        return Ok(hosts.take(host));
    }
    match hosts.pop_first() {
        Some(host) if !hosts.is_empty() => {
            let others: Vec<String> = hosts.into_iter().collect();
            Err(RoleError::Spec(vec![format!(
                "there are accounts {:?} for the hosts {host:?} and {others:?}, and nothing says which is meant",
                account.user
            )]))
        }
        only => Ok(only),
    }
}

/// The hosts for which there are accounts of this name. A role of MariaDB has no host and is none.
async fn hosts(server: &mut Mysql<'_>, user: &str) -> Result<BTreeSet<String>, RoleError> {
    let doing = format!("look for accounts {user:?}");
    let query = sqlx::query(
        "SELECT CAST(Host AS CHAR) FROM mysql.user WHERE BINARY User = ? AND Host <> ''",
    )
    .bind(user);
    let rows = server.rows(&doing, query).await?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}

/// The host of the account that has logged in. It need not be the account that the client named: an
/// anonymous account for a more exact host goes before one for all hosts.
async fn own_host(server: &mut Mysql<'_>, account: &Account) -> Result<String, RoleError> {
    let doing = "read which account has logged in";
    let rows = server.rows(doing, sqlx::query("SELECT CURRENT_USER()")).await?;
    let current: String = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    let (user, host) = current.rsplit_once('@').unwrap_or((&current, ""));
    let asked_for = account.host.as_deref().unwrap_or(host);
    if user == account.user && host == asked_for {
        return Ok(host.to_owned());
    }
    Err(RoleError::Spec(vec![format!(
        "the login as {account} has become the account {current:?}, whose password is another matter"
    )]))
}

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

/// What an account's connection must be like ("CREATE USER Statement", `REQUIRE`). An empty text
/// demands nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsRequirement {
    /// The server's word: empty for nothing, `ANY` for TLS, `X509` for a client certificate,
    /// `SPECIFIED` for what the other fields say.
    pub kind: String,
    /// The cipher.
    pub cipher: String,
    /// The issuer of the client's certificate.
    pub issuer: String,
    /// The subject of the client's certificate.
    pub subject: String,
}

impl fmt::Display for TlsRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind.as_str() {
            "" => f.write_str("or without TLS"),
            "ANY" => f.write_str("TLS"),
            "X509" => f.write_str("a client certificate"),
            _ => {
                let parts = [
                    ("cipher", &self.cipher),
                    ("issuer", &self.issuer),
                    ("subject", &self.subject),
                ];
                let parts = parts.iter().filter(|(_, text)| !text.is_empty());
                let parts: Vec<String> =
                    parts.map(|(what, text)| format!("{what} {text:?}")).collect();
                write!(f, "TLS of {}", parts.join(", "))
            }
        }
    }
}

/// An account's limits; 0 is none of its own ("Setting Account Resource Limits").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceLimits {
    /// Statements in an hour.
    pub queries_per_hour: u64,
    /// Statements that change something, in an hour.
    pub updates_per_hour: u64,
    /// Logins in an hour.
    pub connections_per_hour: u64,
    /// Connections at once.
    pub user_connections: u64,
    /// How long a statement may take, in seconds (MariaDB), as the server writes it.
    pub statement_time: String,
}

impl fmt::Display for ResourceLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} queries, {} updates and {} logins in an hour and {} connections at once (0 is no limit)",
            self.queries_per_hour,
            self.updates_per_hour,
            self.connections_per_hour,
            self.user_connections
        )
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
pub(super) async fn hosts(
    server: &mut Mysql<'_>,
    user: &str,
) -> Result<BTreeSet<String>, RoleError> {
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

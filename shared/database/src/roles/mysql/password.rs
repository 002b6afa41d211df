//! Why this exists: how an account's password is set depends on the server, on the plugin that the
//! account logs in with, and on who asks.
//!
//! | who asks | MariaDB | MySQL |
//! |---|---|---|
//! | the master | hash | hash, `RETAIN CURRENT PASSWORD` since 8.0.14 |
//! | the account itself | hash | the password, over TLS only; `RETAIN` with a privilege of its own |
//!
//! MySQL's statements are those of its manual ("ALTER USER Statement", "SET PASSWORD Statement") and
//! of the grammar in its sources, which permits `RETAIN` after a hash although the manual's summary
//! leaves it out.

use super::super::account::{self, Account};
use super::super::error::RoleError;
use super::super::password::{PasswordSet, Retain};
use crate::connection::{Mysql, StatementError, StatementErrorKind};
use crate::verifier::{NoRandomness, caching_sha2, native};
use secrecy::{ExposeSecret, SecretString};

/// The first version of MySQL with two passwords for one account.
const VERSION_WITH_DUAL_PASSWORDS: i32 = 80_014;

/// With this a password can be set and the old one retained, if the server and the user's rights
/// are such.
const RETAIN: &str = " RETAIN CURRENT PASSWORD";

/// How an account proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::roles) enum Plugin {
    /// `mysql_native_password` in MariaDB's words.
    MariadbNative,
    /// `mysql_native_password` in MySQL's; gone in version 9.
    MysqlNative,
    /// `caching_sha2_password`.
    CachingSha2,
}

impl Plugin {
    /// The plugin of an account that is made anew.
    pub(in crate::roles) const fn usual(server: &Mysql<'_>) -> Self {
        if server.is_mariadb { Self::MariadbNative } else { Self::CachingSha2 }
    }

    /// The plugin that an existing account's next password is for. An old `mysql_native_password`
    /// stays one where the server still has that plugin, because the application's driver may know
    /// no other.
    pub(in crate::roles) async fn of(
        server: &mut Mysql<'_>,
        user: &str,
        host: &str,
    ) -> Result<Self, StatementError> {
        if server.is_mariadb {
            return Ok(Self::MariadbNative);
        }
        let doing = format!("read how the account {user:?} logs in");
        let query = sqlx::query(
            "SELECT 1 FROM mysql.user u JOIN information_schema.plugins p
                 ON p.plugin_name = u.plugin AND p.plugin_status = 'ACTIVE'
             WHERE BINARY u.User = ? AND u.Host = ? AND u.plugin = 'mysql_native_password'",
        );
        let rows = server.rows(&doing, query.bind(user).bind(host)).await?;
        Ok(if rows.is_empty() { Self::CachingSha2 } else { Self::MysqlNative })
    }

    /// The clause that sets a password, with a place for the hash, and the hash.
    pub(in crate::roles) fn identified(
        self,
        password: &SecretString,
    ) -> Result<(&'static str, String), NoRandomness> {
        Ok(match self {
            Self::MariadbNative => {
                ("IDENTIFIED VIA mysql_native_password USING %L", native(password))
            }
            Self::MysqlNative => ("IDENTIFIED WITH mysql_native_password AS %L", native(password)),
            Self::CachingSha2 => {
                ("IDENTIFIED WITH caching_sha2_password AS %L", caching_sha2(password)?)
            }
        })
    }
}

/// Sets an account's password, by its own connection or by the master's.
pub(in crate::roles) async fn set_password_with(
    server: &mut Mysql<'_>,
    account: &Account,
    password: &SecretString,
    retain: Retain,
) -> Result<PasswordSet, RoleError> {
    let doing = format!("set the password of {account}");
    let Some(host) = account::host(server, account).await? else {
        return Err(RoleError::no_such_user(account, server.place));
    };
    let retain = retain == Retain::WherePossible
        && !server.is_mariadb
        && server.version_number >= VERSION_WITH_DUAL_PASSWORDS;
    if account::is_own(server, account) {
        return set_own(server, &doing, password, retain).await;
    }
    let user = account.user.as_str();
    let (identified, hash) = Plugin::of(server, user, &host).await?.identified(password)?;
    let template = format!("ALTER USER %L@%L {identified}");
    let names = [user, &host, &hash];
    if retain {
        let result = server.run(&doing, &format!("{template}{RETAIN}"), &names).await;
        if let Some(set) = retained(result)? {
            return Ok(set);
        }
    }
    server.run(&doing, &template, &names).await?;
    discard_second_password(server, &doing, user, &host).await?;
    Ok(PasswordSet { old_retained: false })
}

/// A second password outlives a change of the first; it is not to be forgotten there.
pub(in crate::roles) async fn discard_second_password(
    server: &mut Mysql<'_>,
    doing: &str,
    user: &str,
    host: &str,
) -> Result<(), StatementError> {
    if server.is_mariadb || server.version_number < VERSION_WITH_DUAL_PASSWORDS {
        return Ok(());
    }
    server.run(doing, "ALTER USER %L@%L DISCARD OLD PASSWORD", &[user, host]).await
}

/// `SET PASSWORD` keeps the account's plugin, whichever it is.
async fn set_own(
    server: &mut Mysql<'_>,
    doing: &str,
    password: &SecretString,
    retain: bool,
) -> Result<PasswordSet, RoleError> {
    if server.is_mariadb {
        server.run(doing, "SET PASSWORD = %L", &[&native(password)]).await?;
        return Ok(PasswordSet { old_retained: false });
    }
    if server.is_plaintext {
        return Err(RoleError::Spec(vec![
            "a MySQL account can change its own password only by sending it, and this connection is \
             without TLS; let the master set it, or use TLS"
                .to_owned(),
        ]));
    }
    let literal = literal(password);
    let statement =
        |end: &str| SecretString::from(format!("SET PASSWORD = {}{end}", literal.expose_secret()));
    if retain {
        let result = server.secret(doing, &statement(RETAIN)).await;
        if let Some(set) = retained(result)? {
            return Ok(set);
        }
    }
    server.secret(doing, &statement("")).await?;
    Ok(PasswordSet { old_retained: false })
}

/// Whether the old password was retained; `None` where the server would set the new one, but not
/// retain the old: without the privilege, after a change of plugin, or from an empty password.
fn retained(result: Result<(), StatementError>) -> Result<Option<PasswordSet>, StatementError> {
    match result {
        Ok(()) => Ok(Some(PasswordSet { old_retained: true })),
        Err(error) if error.kind == StatementErrorKind::Permission => Ok(None),
        Err(error) if matches!(error.code.as_deref(), Some("3878" | "3894" | "3895")) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A text as MySQL reads it in quotes. The one text that is quoted here and not by the server: to
/// ask the server would put the password into a query that no server keeps out of its log.
/// `Connection::prepare` has set the mode in which a backslash escapes.
fn literal(text: &SecretString) -> SecretString {
    let text = text.expose_secret().replace('\\', r"\\").replace('\'', r"\'").replace('\0', r"\0");
    format!("'{text}'").into()
}

/// Ends the validity of a password that was retained; whether the server can retain one at all.
pub(in crate::roles) async fn discard_old_password(
    server: &mut Mysql<'_>,
    account: &Account,
) -> Result<bool, RoleError> {
    if server.is_mariadb || server.version_number < VERSION_WITH_DUAL_PASSWORDS {
        return Ok(false);
    }
    let doing = format!("discard the old password of {account}");
    let Some(host) = account::host(server, account).await? else {
        return Err(RoleError::no_such_user(account, server.place));
    };
    discard_second_password(server, &doing, &account.user, &host).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_stays_one_text_in_its_statement() {
        for (password, expected) in [
            ("plain", "'plain'"),
            ("it's", r"'it\'s'"),
            (r"back\", r"'back\\'"),
            (r"\'; DROP USER root; --", r"'\\\'; DROP USER root; --'"),
        ] {
            assert_eq!(literal(&password.to_owned().into()).expose_secret(), expected);
        }
    }
}

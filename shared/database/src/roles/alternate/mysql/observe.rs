//! Why this exists: all that is read about two accounts that take turns, from tables that the master
//! of an RDS instance may read.
//!
//! `information_schema` writes a grantee as `'name'@'host'` without any escaping, and its collation
//! ignores case, so the comparison is binary against the same concatenation.

use super::Twin;
use crate::connection::{Mysql, StatementError};
use crate::roles::account::{ResourceLimits, TlsRequirement};
use crate::roles::change::Scope;
use crate::roles::mysql::GRANT_OPTION;
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Row};

/// TLS and limits of an account, and whether it is locked or expired. MariaDB keeps the lock in a
/// JSON document of its own, and has one limit more.
const ACCOUNT_MYSQL: &str = "
SELECT CAST(ssl_type AS CHAR), CAST(ssl_cipher AS CHAR), CAST(x509_issuer AS CHAR),
       CAST(x509_subject AS CHAR), CAST(max_questions AS UNSIGNED), CAST(max_updates AS UNSIGNED),
       CAST(max_connections AS UNSIGNED), CAST(max_user_connections AS UNSIGNED), '',
       CAST(account_locked = 'Y' OR password_expired = 'Y' AS UNSIGNED)
FROM mysql.user WHERE BINARY User = ? AND Host = ?";
const ACCOUNT_MARIADB: &str = "
SELECT CAST(u.ssl_type AS CHAR), CAST(u.ssl_cipher AS CHAR), CAST(u.x509_issuer AS CHAR),
       CAST(u.x509_subject AS CHAR), CAST(u.max_questions AS UNSIGNED),
       CAST(u.max_updates AS UNSIGNED), CAST(u.max_connections AS UNSIGNED),
       CAST(u.max_user_connections AS UNSIGNED), CAST(u.max_statement_time AS CHAR),
       CAST(COALESCE(JSON_VALUE(g.Priv, '$.account_locked'), 'false') IN ('1', 'true')
            OR u.password_expired = 'Y' AS UNSIGNED)
FROM mysql.user u JOIN mysql.global_priv g ON g.User = u.User AND g.Host = u.Host
WHERE BINARY u.User = ? AND u.Host = ?";

/// Privileges by scope: schema, table, column, privilege, whether it may be passed on. USAGE means
/// none. Whether a column's may be passed on is a matter of its table.
const PRIVILEGES: &str = "
SELECT CAST(table_schema AS CHAR), CAST(table_name AS CHAR), CAST(column_name AS CHAR),
       CAST(privilege_type AS CHAR), CAST(is_grantable = 'YES' AS UNSIGNED)
FROM (
    SELECT grantee, '' AS table_schema, '' AS table_name, '' AS column_name, privilege_type, is_grantable
    FROM information_schema.user_privileges
    UNION ALL
    SELECT grantee, table_schema, '', '', privilege_type, is_grantable
    FROM information_schema.schema_privileges
    UNION ALL
    SELECT grantee, table_schema, table_name, '', privilege_type, is_grantable
    FROM information_schema.table_privileges
    UNION ALL
    SELECT grantee, table_schema, table_name, column_name, privilege_type, 'NO'
    FROM information_schema.column_privileges
) held
WHERE BINARY grantee = CONCAT('''', ?, '''@''', ?, '''')";

/// Privileges on routines: kind, schema, name, and a list such as `Execute,Alter Routine,Grant`.
const ROUTINES_MYSQL: &str = "
SELECT CAST(Routine_type AS CHAR), CAST(Db AS CHAR), CAST(Routine_name AS CHAR), CAST(Proc_priv AS CHAR)
FROM mysql.procs_priv WHERE BINARY User = ? AND Host = ?";
/// MariaDB writes names into this table, and only this, as if their bytes were Latin-1.
const ROUTINES_MARIADB: &str = "
SELECT CAST(Routine_type AS CHAR), CONVERT(CAST(CONVERT(Db USING latin1) AS BINARY) USING utf8mb4),
       CONVERT(CAST(CONVERT(Routine_name USING latin1) AS BINARY) USING utf8mb4), CAST(Proc_priv AS CHAR)
FROM mysql.procs_priv
WHERE CAST(CONVERT(User USING latin1) AS BINARY) = CAST(? AS BINARY) AND Host = ?";

/// Roles, and whether they may be passed on.
const ROLES_MYSQL: &str = "
SELECT CAST(CONCAT(FROM_USER, '@', FROM_HOST) AS CHAR), CAST(WITH_ADMIN_OPTION = 'Y' AS UNSIGNED)
FROM mysql.role_edges WHERE BINARY TO_USER = ? AND TO_HOST = ?";
const ROLES_MARIADB: &str = "
SELECT CAST(Role AS CHAR), CAST(Admin_option = 'Y' AS UNSIGNED)
FROM mysql.roles_mapping WHERE BINARY User = ? AND Host = ?";

const DEFAULT_ROLES_MYSQL: &str = "
SELECT CAST(CONCAT(DEFAULT_ROLE_USER, '@', DEFAULT_ROLE_HOST) AS CHAR)
FROM mysql.default_roles WHERE BINARY USER = ? AND HOST = ?";
const DEFAULT_ROLES_MARIADB: &str = "
SELECT CAST(default_role AS CHAR) FROM mysql.user
WHERE BINARY User = ? AND Host = ? AND default_role <> ''";

/// The right to act as another account.
const PROXIES: &str = "
SELECT CAST(CONCAT(Proxied_user, '@', Proxied_host) AS CHAR)
FROM mysql.proxies_priv WHERE BINARY User = ? AND Host = ?";

/// What was taken from a privilege on the whole server (MySQL, `partial_revokes`).
const RESTRICTIONS: &str = "
SELECT CAST(JSON_EXTRACT(User_attributes, '$.Restrictions') AS CHAR) FROM mysql.user
WHERE BINARY User = ? AND Host = ? AND JSON_EXTRACT(User_attributes, '$.Restrictions') IS NOT NULL";

/// Reads an account and what it may do; `None` where there is no such account.
pub(in crate::roles::alternate) async fn observe(
    server: &mut Mysql<'_>,
    user: &str,
    host: &str,
) -> Result<Option<Twin>, StatementError> {
    let mut reader =
        Reader { doing: format!("read the account {user:?}@{host:?}"), server, user, host };
    let account = reader.either(ACCOUNT_MARIADB, ACCOUNT_MYSQL).await?;
    let Some(row) = account.first() else {
        return Ok(None);
    };
    let tls = TlsRequirement {
        kind: reader.text(row, 0)?,
        cipher: reader.text(row, 1)?,
        issuer: reader.text(row, 2)?,
        subject: reader.text(row, 3)?,
    };
    let limits = ResourceLimits {
        queries_per_hour: reader.number(row, 4)?,
        updates_per_hour: reader.number(row, 5)?,
        connections_per_hour: reader.number(row, 6)?,
        user_connections: reader.number(row, 7)?,
        statement_time: reader.text(row, 8)?,
    };
    let locked = reader.number(row, 9)? != 0;
    let mut twin = Twin { locked, tls, limits, ..Twin::default() };
    reader.privileges(&mut twin).await?;
    reader.roles(&mut twin).await?;
    reader.uncopied(&mut twin).await?;
    Ok(Some(twin))
}

struct Reader<'a, 'b> {
    doing: String,
    server: &'a mut Mysql<'b>,
    user: &'a str,
    host: &'a str,
}

impl Reader<'_, '_> {
    async fn privileges(&mut self, twin: &mut Twin) -> Result<(), StatementError> {
        for row in self.rows(PRIVILEGES).await? {
            let (schema, table) = (self.text(&row, 0)?, self.text(&row, 1)?);
            let (column, privilege) = (self.text(&row, 2)?, self.text(&row, 3)?);
            let grantable = self.number(&row, 4)? != 0;
            let scope = match (schema.is_empty(), table.is_empty(), column.is_empty()) {
                (true, _, _) => Scope::Server,
                (false, true, _) => Scope::Database(schema),
                (false, false, true) => Scope::Table { schema, table },
                (false, false, false) => Scope::Column { schema, table, column },
            };
            // MySQL's dynamic privileges are passed on one by one, and all have an underscore.
            if scope == Scope::Server && grantable && privilege.contains('_') {
                twin.uncopied.insert(format!("the right to pass {privilege} on"));
            }
            let held = twin.privileges.entry(scope).or_default();
            if grantable {
                held.insert(GRANT_OPTION.to_owned());
            }
            if privilege != "USAGE" {
                held.insert(privilege);
            }
        }
        for row in self.either(ROUTINES_MARIADB, ROUTINES_MYSQL).await? {
            let kind = self.text(&row, 0)?;
            let scope =
                Scope::Routine { kind, schema: self.text(&row, 1)?, name: self.text(&row, 2)? };
            let held = twin.privileges.entry(scope).or_default();
            for word in self.text(&row, 3)?.split(',').filter(|word| !word.is_empty()) {
                let word = word.to_uppercase();
                held.insert(if word == "GRANT" { GRANT_OPTION.to_owned() } else { word });
            }
        }
        twin.privileges.retain(|_, held| !held.is_empty());
        Ok(())
    }

    async fn roles(&mut self, twin: &mut Twin) -> Result<(), StatementError> {
        for row in self.either(ROLES_MARIADB, ROLES_MYSQL).await? {
            twin.roles.insert(self.text(&row, 0)?, self.number(&row, 1)? != 0);
        }
        for row in self.either(DEFAULT_ROLES_MARIADB, DEFAULT_ROLES_MYSQL).await? {
            twin.default_roles.insert(self.text(&row, 0)?);
        }
        Ok(())
    }

    async fn uncopied(&mut self, twin: &mut Twin) -> Result<(), StatementError> {
        for row in self.rows(PROXIES).await? {
            let account = self.text(&row, 0)?;
            twin.uncopied.insert(format!("the right to act as {account:?} (PROXY)"));
        }
        if !self.server.is_mariadb {
            for row in self.rows(RESTRICTIONS).await? {
                let what = self.text(&row, 0)?;
                twin.uncopied.insert(format!("a partial revoke ({what})"));
            }
        }
        Ok(())
    }

    async fn either(
        &mut self,
        mariadb: &'static str,
        mysql: &'static str,
    ) -> Result<Vec<MySqlRow>, StatementError> {
        self.rows(if self.server.is_mariadb { mariadb } else { mysql }).await
    }

    async fn rows(&mut self, query: &'static str) -> Result<Vec<MySqlRow>, StatementError> {
        let query = sqlx::query(AssertSqlSafe(query)).bind(self.user).bind(self.host);
        self.server.rows(&self.doing, query).await
    }

    fn text(&self, row: &MySqlRow, at: usize) -> Result<String, StatementError> {
        let text: Result<Option<String>, _> = row.try_get(at);
        text.map(Option::unwrap_or_default).map_err(|error| self.error(&error))
    }

    fn number(&self, row: &MySqlRow, at: usize) -> Result<u64, StatementError> {
        row.try_get(at).map_err(|error| self.error(&error))
    }

    fn error(&self, error: &sqlx::Error) -> StatementError {
        StatementError::from_driver(self.server.place, &self.doing, error)
    }
}

//! Why this exists: all that is read about an account of MySQL or MariaDB, from tables that the
//! master of an RDS instance may read.
//!
//! Grantees stand in `information_schema` as `'name'@'host'` without any escaping, and its
//! collation ignores case, so the comparison is binary against the same concatenation.

use super::super::change::Scope;
use super::super::error::RoleError;
use super::super::spec::RoleSpec;
use super::MysqlAccount;
use crate::connection::{Mysql, StatementError};
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Row};
use std::collections::BTreeSet;

/// TLS, limit, lock and expiry of an account. MariaDB keeps the lock in a JSON document of its own.
const ACCOUNT_MYSQL: &str = "
SELECT CAST(ssl_type AS CHAR), CAST(max_user_connections AS UNSIGNED),
       CAST(account_locked = 'Y' OR password_expired = 'Y' AS UNSIGNED)
FROM mysql.user WHERE BINARY User = ? AND Host = '%'";
const ACCOUNT_MARIADB: &str = "
SELECT CAST(u.ssl_type AS CHAR), CAST(u.max_user_connections AS UNSIGNED),
       CAST(COALESCE(JSON_VALUE(g.Priv, '$.account_locked'), 'false') IN ('1', 'true')
            OR u.password_expired = 'Y' AS UNSIGNED)
FROM mysql.user u JOIN mysql.global_priv g ON g.User = u.User AND g.Host = u.Host
WHERE BINARY u.User = ? AND u.Host = '%'";

const OTHER_HOSTS: &str =
    "SELECT CAST(Host AS CHAR) FROM mysql.user WHERE BINARY User = ? AND Host <> '%'";

/// Privileges by scope: schema, table, privilege, whether it may be passed on. USAGE means none.
const PRIVILEGES: &str = "
SELECT CAST(table_schema AS CHAR), CAST(table_name AS CHAR), CAST(privilege_type AS CHAR),
       CAST(is_grantable = 'YES' AS UNSIGNED)
FROM (
    SELECT grantee, '' AS table_schema, '' AS table_name, privilege_type, is_grantable
    FROM information_schema.user_privileges
    UNION ALL
    SELECT grantee, table_schema, '', privilege_type, is_grantable
    FROM information_schema.schema_privileges
    UNION ALL
    SELECT grantee, table_schema, table_name, privilege_type, is_grantable
    FROM information_schema.table_privileges
    UNION ALL
    SELECT grantee, table_schema, table_name, privilege_type, is_grantable
    FROM information_schema.column_privileges
) held
WHERE BINARY grantee = CONCAT('''', ?, '''@''%''')";

/// The roles of the account; both tables have the same meaning under other names.
const ROLES_MYSQL: &str = "
SELECT CAST(FROM_USER AS CHAR) FROM mysql.role_edges WHERE BINARY TO_USER = ? AND TO_HOST = '%'";
const ROLES_MARIADB: &str = "
SELECT CAST(Role AS CHAR) FROM mysql.roles_mapping WHERE BINARY User = ? AND Host = '%'";

/// Reads the account and what it may do; `None` where there is no such account.
pub(in crate::roles) async fn observe(
    server: &mut Mysql<'_>,
    wanted: &RoleSpec,
) -> Result<Option<MysqlAccount>, RoleError> {
    let (account_query, roles_query) = if server.is_mariadb {
        (ACCOUNT_MARIADB, ROLES_MARIADB)
    } else {
        (ACCOUNT_MYSQL, ROLES_MYSQL)
    };
    let doing = format!("read the account {:?}", wanted.role);
    let other_hosts = read_other_hosts(server, &doing, wanted).await?;
    let found = rows(server, &doing, account_query, wanted).await?;
    let Some(row) = found.first() else {
        return Ok(None);
    };
    let tls: String = column(server, &doing, row, 0)?;
    let limit: u64 = column(server, &doing, row, 1)?;
    let locked: u64 = column(server, &doing, row, 2)?;
    let mut account = MysqlAccount {
        requires_tls: !tls.is_empty(),
        locked: locked != 0,
        // 0 is "no limit of its own".
        connection_limit: u32::try_from(limit).ok().filter(|limit| *limit > 0),
        other_hosts,
        ..MysqlAccount::default()
    };
    read_privileges(server, &doing, wanted, &mut account).await?;
    for row in rows(server, &doing, roles_query, wanted).await? {
        account.roles.insert(column(server, &doing, &row, 0)?);
    }
    Ok(Some(account))
}

async fn read_other_hosts(
    server: &mut Mysql<'_>,
    doing: &str,
    wanted: &RoleSpec,
) -> Result<BTreeSet<String>, StatementError> {
    let mut hosts = BTreeSet::new();
    for row in rows(server, doing, OTHER_HOSTS, wanted).await? {
        hosts.insert(column(server, doing, &row, 0)?);
    }
    if !hosts.is_empty() {
        tracing::warn!(
            user = wanted.role,
            ?hosts,
            "accounts of the same name for particular hosts go before the one for all hosts"
        );
    }
    Ok(hosts)
}

async fn read_privileges(
    server: &mut Mysql<'_>,
    doing: &str,
    wanted: &RoleSpec,
    account: &mut MysqlAccount,
) -> Result<(), StatementError> {
    for row in rows(server, doing, PRIVILEGES, wanted).await? {
        let schema: String = column(server, doing, &row, 0)?;
        let table: String = column(server, doing, &row, 1)?;
        let privilege: String = column(server, doing, &row, 2)?;
        let grantable: u64 = column(server, doing, &row, 3)?;
        let scope = match (schema.is_empty(), table.is_empty()) {
            (true, _) => Scope::Server,
            (false, true) => Scope::Database(schema),
            (false, false) => Scope::Table { schema, table },
        };
        let held = account.privileges.entry(scope).or_default();
        if privilege != "USAGE" {
            held.insert(privilege);
        }
        if grantable != 0 {
            held.insert("GRANT OPTION".to_owned());
        }
    }
    Ok(())
}

async fn rows(
    server: &mut Mysql<'_>,
    doing: &str,
    query: &'static str,
    wanted: &RoleSpec,
) -> Result<Vec<MySqlRow>, StatementError> {
    let query = sqlx::query(AssertSqlSafe(query)).bind(&wanted.role);
    server.rows(doing, query).await
}

fn column<'row, T>(
    server: &Mysql<'_>,
    doing: &str,
    row: &'row MySqlRow,
    at: usize,
) -> Result<T, StatementError>
where
    T: sqlx::Decode<'row, sqlx::MySql> + sqlx::Type<sqlx::MySql>,
{
    row.try_get(at).map_err(|error| StatementError::from_driver(server.place, doing, &error))
}

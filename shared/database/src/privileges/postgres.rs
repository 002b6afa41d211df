//! Why this exists: PostgreSQL answers for the rights of the session itself, whatever they come
//! from.

use super::{Privilege, on_tables};
use crate::connection::{Postgres, StatementError};
use sqlx::Row;

const ON_DATABASE: &str =
    "SELECT has_database_privilege(current_database(), $1), current_database()::text";
const ON_SCHEMA: &str = "SELECT has_schema_privilege('public', $1), 'public'";

/// The tables of schema `public` that the session may not work with (views have rules of their own). What an
/// extension brought along is not the application's.
const TABLES: &str = "
SELECT relname::text FROM pg_class c
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f')
  AND NOT has_table_privilege(c.oid, $1)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY relname";

/// What is missing of this privilege, in words.
pub(super) async fn missing(
    server: &mut Postgres<'_>,
    privilege: Privilege,
) -> Result<Option<String>, StatementError> {
    let doing = format!("ask for the privilege {privilege}");
    if privilege.is_of_tables() {
        let query = sqlx::query(TABLES).bind(privilege.as_str());
        let rows = server.rows(&doing, query).await?;
        let tables: Vec<String> = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
        return Ok(on_tables(privilege, &tables));
    }
    let (question, what) = match privilege {
        Privilege::Connect | Privilege::Temporary => (ON_DATABASE, "database"),
        _ => (ON_SCHEMA, "schema"),
    };
    let rows = server.rows(&doing, sqlx::query(question).bind(privilege.as_str())).await?;
    let row = rows.first();
    let held = row.and_then(|row| row.try_get(0).ok()).unwrap_or(false);
    let name: String = row.and_then(|row| row.try_get(1).ok()).unwrap_or_default();
    Ok((!held).then(|| format!("{privilege} on {what} {name:?}")))
}

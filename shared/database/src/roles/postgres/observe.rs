//! Why this exists: all that is read about PostgreSQL roles, from catalogues that the master of an
//! RDS instance may read. (`pg_authid`, with the verifiers, is closed to it.)

use super::super::change::Attribute;
use super::super::error::RoleError;
use super::super::spec::RoleSpec;
use super::{DatabasePrivileges, Membership, PostgresRole, PostgresRoles};
use crate::connection::{Postgres, StatementError};
use sqlx::Row;
use sqlx::postgres::PgRow;
use std::collections::BTreeMap;

/// Both roles. The columns from the third on are the attributes, in the order of [`ATTRIBUTES`].
const ROLES: &str = "
SELECT rolname::text, rolconnlimit,
       rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolinherit, rolcanlogin,
       rolvaliduntil IS NOT NULL AND rolvaliduntil <> 'infinity'
FROM pg_roles WHERE rolname = ANY($1)";

const ATTRIBUTES: [Attribute; 7] = [
    Attribute::Superuser,
    Attribute::CreateDb,
    Attribute::CreateRole,
    Attribute::Replication,
    Attribute::BypassRls,
    Attribute::Inherit,
    Attribute::Login,
];

/// What both roles are members of. `inherit_option` and `set_option` exist since PostgreSQL 16;
/// before it every membership could be used to become the other role. Several grantors may have
/// granted the same membership.
const MEMBERSHIPS: &str = "
SELECT member.rolname::text, granted.rolname::text, bool_or(m.admin_option),
       bool_or(coalesce((to_jsonb(m) ->> 'inherit_option')::bool, true))
       AND bool_or(coalesce((to_jsonb(m) ->> 'set_option')::bool, true))
FROM pg_auth_members m
JOIN pg_roles member ON member.oid = m.member
JOIN pg_roles granted ON granted.oid = m.roleid
WHERE member.rolname = ANY($1)
GROUP BY 1, 2";

/// What the login becomes: a setting for this database goes before one for all databases.
const BECOMES: &str = "
SELECT substr(setting, length('role=') + 1)
FROM pg_db_role_setting s
JOIN pg_roles r ON r.oid = s.setrole
CROSS JOIN unnest(s.setconfig) setting
WHERE r.rolname = $1 AND setting LIKE 'role=%'
  AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY s.setdatabase = 0 LIMIT 1";

/// How many objects of this database belong to the login. `deptype` 'o' is ownership.
/// Default privileges count as owned, but cannot be handed over.
const OBJECTS: &str = "
SELECT count(*)
FROM pg_shdepend d
JOIN pg_roles r ON r.oid = d.refobjid
WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o'
  AND d.classid <> 'pg_default_acl'::regclass AND r.rolname = $1
  AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Who may do what with the database and with its schema; grantee 0 is everybody, and no role has
/// an empty name.
const PRIVILEGES: &str = "
SELECT object, coalesce(r.rolname::text, ''), privilege_type
FROM (
    SELECT 'database' AS object, acl.*
    FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl
    WHERE d.datname = current_database()
    UNION ALL
    SELECT 'schema', acl.*
    FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) acl
    WHERE n.nspname = 'public'
) held
LEFT JOIN pg_roles r ON r.oid = held.grantee
WHERE held.grantee = 0 OR r.rolname = ANY($1)";

/// Reads both roles and what they, and everybody, may do.
pub(in crate::roles) async fn observe(
    server: &mut Postgres<'_>,
    wanted: &RoleSpec,
) -> Result<PostgresRoles, RoleError> {
    in_wanted_database(server, wanted).await?;
    let names = vec![wanted.owner.clone(), wanted.role.clone()];
    let mut roles = read_roles(server, &names).await?;
    let (on_database, on_schema) = read_privileges(server, wanted, &names).await?;
    let owner = roles.remove(&wanted.owner);
    let mut login = roles.remove(&wanted.role);
    if let Some(login) = &mut login {
        read_login(server, &wanted.role, login).await?;
    }
    Ok(PostgresRoles { owner, login, on_database, on_schema })
}

/// Reads what a login becomes and what belongs to it.
pub(in crate::roles) async fn read_login(
    server: &mut Postgres<'_>,
    name: &str,
    login: &mut PostgresRole,
) -> Result<(), StatementError> {
    let doing = format!("read the settings and objects of role {name:?}");
    let rows = server.rows(&doing, sqlx::query(BECOMES).bind(name)).await?;
    if let Some(row) = rows.first() {
        login.becomes = column(server, &doing, row, 0)?;
    }
    let rows = server.rows(&doing, sqlx::query(OBJECTS).bind(name)).await?;
    if let Some(row) = rows.first() {
        login.objects = column(server, &doing, row, 0)?;
    }
    Ok(())
}

async fn in_wanted_database(server: &mut Postgres<'_>, wanted: &RoleSpec) -> Result<(), RoleError> {
    let doing = "ask which database this is";
    let rows = server.rows(doing, sqlx::query("SELECT current_database()::text")).await?;
    for row in &rows {
        let connected: String = column(server, doing, row, 0)?;
        if connected != wanted.database {
            return Err(RoleError::WrongDatabase {
                wanted: wanted.database.clone(),
                place: Box::new(server.place.clone()),
            });
        }
    }
    Ok(())
}

/// Reads these roles, their attributes and what they are members of.
pub(in crate::roles) async fn read_roles(
    server: &mut Postgres<'_>,
    names: &[String],
) -> Result<BTreeMap<String, PostgresRole>, StatementError> {
    let doing = "read the application's roles";
    let mut roles = BTreeMap::new();
    for row in server.rows(doing, sqlx::query(ROLES).bind(names)).await? {
        let name: String = column(server, doing, &row, 0)?;
        let limit: i32 = column(server, doing, &row, 1)?;
        let mut role = PostgresRole {
            // -1 is "no limit".
            connection_limit: u32::try_from(limit).ok(),
            expires: column(server, doing, &row, ATTRIBUTES.len() + 2)?,
            ..PostgresRole::default()
        };
        for (at, attribute) in ATTRIBUTES.into_iter().enumerate() {
            if column(server, doing, &row, at + 2)? {
                role.attributes.insert(attribute);
            }
        }
        roles.insert(name, role);
    }
    for row in server.rows(doing, sqlx::query(MEMBERSHIPS).bind(names)).await? {
        let member: String = column(server, doing, &row, 0)?;
        let membership = Membership {
            admin: column(server, doing, &row, 2)?,
            usable: column(server, doing, &row, 3)?,
        };
        if let Some(role) = roles.get_mut(&member) {
            role.member_of.insert(column(server, doing, &row, 1)?, membership);
        }
    }
    Ok(roles)
}

async fn read_privileges(
    server: &mut Postgres<'_>,
    wanted: &RoleSpec,
    names: &[String],
) -> Result<(DatabasePrivileges, DatabasePrivileges), StatementError> {
    let doing = "read the privileges on the application's database";
    let mut on_database = DatabasePrivileges::default();
    let mut on_schema = DatabasePrivileges::default();
    for row in server.rows(doing, sqlx::query(PRIVILEGES).bind(names)).await? {
        let object: String = column(server, doing, &row, 0)?;
        let grantee: String = column(server, doing, &row, 1)?;
        let held = if object == "database" { &mut on_database } else { &mut on_schema };
        let held = if grantee.is_empty() {
            &mut held.everybody
        } else if grantee == wanted.owner {
            &mut held.owner
        } else {
            &mut held.login
        };
        held.insert(column(server, doing, &row, 2)?);
    }
    Ok((on_database, on_schema))
}

/// A column of an answer.
pub(in crate::roles) fn column<'row, T>(
    server: &Postgres<'_>,
    doing: &str,
    row: &'row PgRow,
    at: usize,
) -> Result<T, StatementError>
where
    T: sqlx::Decode<'row, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(at).map_err(|error| StatementError::from_driver(server.place, doing, &error))
}

//! Why this exists: all that is read about two users that take turns, from catalogues that the
//! master of an RDS instance may read.

use super::super::AlternateSpec;
use super::{ByDefault, Held, Pair, User};
use crate::connection::{Postgres, StatementError};
use crate::roles::change::SettingValue;
use crate::roles::error::RoleError;
use crate::roles::postgres::{column, read_roles};
use sqlx::postgres::PgRow;
use std::collections::BTreeSet;

/// The settings of roles: which role, which setting, its value, and the database that it is limited
/// to. A setting's name holds no equals sign.
const SETTINGS: &str = "
SELECT r.rolname::text, split_part(setting, '=', 1),
       substr(setting, strpos(setting, '=') + 1), coalesce(d.datname::text, '')
FROM pg_db_role_setting s
JOIN pg_roles r ON r.oid = s.setrole
LEFT JOIN pg_database d ON d.oid = s.setdatabase
CROSS JOIN unnest(s.setconfig) setting
WHERE r.rolname = ANY($1) AND (s.setdatabase = 0 OR d.datname = current_database())";

/// How many objects of this database, and how many that belong to no database (databases,
/// tablespaces), belong to a role. `deptype` 'o' is ownership.
/// Default privileges count as owned, but cannot be handed over.
const OBJECTS: &str = "
SELECT r.rolname::text, count(*)
FROM pg_shdepend d
JOIN pg_roles r ON r.oid = d.refobjid
WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o'
  AND d.classid <> 'pg_default_acl'::regclass AND r.rolname = ANY($1)
  AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
GROUP BY 1";

/// Other databases in which a role owns something, or may do something directly ('a').
const ELSEWHERE: &str = "
SELECT DISTINCT db.datname::text
FROM pg_shdepend d
JOIN pg_roles r ON r.oid = d.refobjid
JOIN pg_database db ON db.oid = d.dbid
WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype IN ('o', 'a') AND r.rolname = $1
  AND db.datname <> current_database()";

/// Every privilege that one of the roles holds directly on something that is not its own. Objects
/// are named as GRANT names them, and quoted here, by the server.
const HELD: &str = "
WITH objects (kind, identity, attribute, owner, acl) AS (
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
           format('%I.%I', n.nspname, c.relname), '', c.relowner, c.relacl
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    UNION ALL
    SELECT 'TABLE', format('%I.%I', n.nspname, c.relname), quote_ident(a.attname), c.relowner, a.attacl
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT a.attisdropped
    UNION ALL
    SELECT 'ROUTINE', format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
           '', p.proowner, p.proacl
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    UNION ALL
    SELECT 'TYPE', format('%I.%I', n.nspname, t.typname), '', t.typowner, t.typacl
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    UNION ALL
    SELECT 'SCHEMA', quote_ident(nspname), '', nspowner, nspacl FROM pg_namespace
    UNION ALL
    SELECT 'LANGUAGE', quote_ident(lanname), '', lanowner, lanacl FROM pg_language
    UNION ALL
    SELECT 'FOREIGN DATA WRAPPER', quote_ident(fdwname), '', fdwowner, fdwacl FROM pg_foreign_data_wrapper
    UNION ALL
    SELECT 'FOREIGN SERVER', quote_ident(srvname), '', srvowner, srvacl FROM pg_foreign_server
    UNION ALL
    SELECT 'LARGE OBJECT', oid::text, '', lomowner, lomacl FROM pg_largeobject_metadata
    UNION ALL
    SELECT 'DATABASE', quote_ident(datname), '', datdba, datacl FROM pg_database
    WHERE datname = current_database()
    UNION ALL
    SELECT 'TABLESPACE', quote_ident(spcname), '', spcowner, spcacl FROM pg_tablespace
)
SELECT grantee.rolname::text, o.kind, o.identity, o.attribute, pg_get_userbyid(o.owner)::text,
       pg_get_userbyid(acl.grantor)::text, acl.privilege_type, acl.is_grantable
FROM objects o, aclexplode(o.acl) acl
JOIN pg_roles grantee ON grantee.oid = acl.grantee
WHERE o.acl IS NOT NULL AND grantee.rolname = ANY($1) AND acl.grantee <> o.owner";

/// The default privileges that one of the roles gave or got, in this database.
const BY_DEFAULT: &str = "
SELECT creator.rolname::text, coalesce(n.nspname::text, ''),
       CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES'
                            WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE '' END,
       coalesce(grantee.rolname::text, ''), acl.privilege_type, acl.is_grantable
FROM pg_default_acl d
JOIN pg_roles creator ON creator.oid = d.defaclrole
LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
CROSS JOIN aclexplode(d.defaclacl) acl
LEFT JOIN pg_roles grantee ON grantee.oid = acl.grantee
WHERE acl.grantee <> d.defaclrole
  AND (creator.rolname = ANY($1) OR grantee.rolname = ANY($1))";

/// Reads the two users, their owner, and all that hangs on them.
pub(in crate::roles::alternate) async fn observe(
    server: &mut Postgres<'_>,
    wanted: &AlternateSpec,
) -> Result<Pair, RoleError> {
    let database = database(server, wanted).await?;
    let users = vec![wanted.current.clone(), wanted.alternate.clone()];
    let mut found = read_roles(server, &users).await?;
    let mut user = |name: &str| found.remove(name).map(|role| User { role, ..User::default() });
    let mut current = user(&wanted.current);
    let mut alternate = user(&wanted.alternate);
    for (name, user) in [(&wanted.current, &mut current), (&wanted.alternate, &mut alternate)] {
        if let Some(user) = user {
            read_user(server, name, user).await?;
        }
    }
    let becomes = |user: &Option<User>| user.as_ref().and_then(|user| user.role.becomes.clone());
    let owner_name = wanted
        .owner
        .clone()
        .or_else(|| becomes(&current))
        .or_else(|| becomes(&alternate))
        .unwrap_or_else(|| wanted.usual_owner());
    let owner = read_roles(server, std::slice::from_ref(&owner_name)).await?.remove(&owner_name);
    let mut names = users;
    names.push(owner_name.clone());
    let held = read_held(server, &names).await?;
    let by_default = read_by_default(server, &names).await?;
    let elsewhere = read_elsewhere(server, &wanted.current).await?;
    Ok(Pair { database, owner_name, owner, current, alternate, held, by_default, elsewhere })
}

async fn database(server: &mut Postgres<'_>, wanted: &AlternateSpec) -> Result<String, RoleError> {
    let doing = "ask which database this is";
    let rows = server.rows(doing, sqlx::query("SELECT current_database()::text")).await?;
    let connected: String = match rows.first() {
        Some(row) => column(server, doing, row, 0)?,
        None => String::new(),
    };
    match &wanted.database {
        Some(database) if *database != connected => Err(RoleError::WrongDatabase {
            wanted: database.clone(),
            place: Box::new(server.place.clone()),
        }),
        _ => Ok(connected),
    }
}

async fn read_user(
    server: &mut Postgres<'_>,
    name: &str,
    user: &mut User,
) -> Result<(), StatementError> {
    let doing = format!("read the settings and objects of role {name:?}");
    let name = vec![name.to_owned()];
    let mut becomes_here = false;
    for row in server.rows(&doing, sqlx::query(SETTINGS).bind(&name)).await? {
        let setting: String = column(server, &doing, &row, 1)?;
        let value: String = column(server, &doing, &row, 2)?;
        let database: String = column(server, &doing, &row, 3)?;
        let database = (!database.is_empty()).then_some(database);
        if setting != "role" {
            user.settings.insert((setting, database), SettingValue(value));
        } else if database.is_some() || !becomes_here {
            // A setting for this database goes before the one for all.
            becomes_here = database.is_some();
            user.role.becomes = Some(value);
        }
    }
    for row in server.rows(&doing, sqlx::query(OBJECTS).bind(&name)).await? {
        user.role.objects = column(server, &doing, &row, 1)?;
    }
    Ok(())
}

async fn read_held(
    server: &mut Postgres<'_>,
    names: &[String],
) -> Result<BTreeSet<Held>, StatementError> {
    read_rows(server, "read the privileges of the two users", HELD, names, |row| {
        Ok(Held {
            grantee: row.at(0)?,
            kind: row.at(1)?,
            identity: row.at(2)?,
            column: row.at(3)?,
            owner: row.at(4)?,
            grantor: row.at(5)?,
            privilege: row.at(6)?,
            grantable: row.at(7)?,
        })
    })
    .await
}

async fn read_by_default(
    server: &mut Postgres<'_>,
    names: &[String],
) -> Result<BTreeSet<ByDefault>, StatementError> {
    read_rows(server, "read the default privileges of the two users", BY_DEFAULT, names, |row| {
        Ok(ByDefault {
            creator: row.at(0)?,
            schema: row.at(1)?,
            objects: row.at(2)?,
            grantee: row.at(3)?,
            privilege: row.at(4)?,
            grantable: row.at(5)?,
        })
    })
    .await
}

/// A row of an answer, with what an error needs to say of it.
struct Answer<'a> {
    server: &'a Postgres<'a>,
    doing: &'a str,
    row: &'a PgRow,
}

impl<'a> Answer<'a> {
    /// One of its columns.
    fn at<T>(&self, at: usize) -> Result<T, StatementError>
    where
        T: sqlx::Decode<'a, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        column(self.server, self.doing, self.row, at)
    }
}

/// Asks a question about these roles, and reads each row of the answer.
async fn read_rows<T: Ord>(
    server: &mut Postgres<'_>,
    doing: &str,
    question: &'static str,
    names: &[String],
    read: impl Fn(&Answer<'_>) -> Result<T, StatementError>,
) -> Result<BTreeSet<T>, StatementError> {
    let rows = server.rows(doing, sqlx::query(question).bind(names)).await?;
    rows.iter().map(|row| read(&Answer { server, doing, row })).collect()
}

async fn read_elsewhere(
    server: &mut Postgres<'_>,
    current: &str,
) -> Result<BTreeSet<String>, StatementError> {
    let doing = format!("look for other databases of role {current:?}");
    let rows = server.rows(&doing, sqlx::query(ELSEWHERE).bind(current)).await?;
    rows.iter().map(|row| column(server, &doing, row, 0)).collect()
}

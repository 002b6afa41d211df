//! Why this exists: a master that is no superuser can give and take only what is its own. For
//! everything else it lends itself the role that may, for one transaction, and gives it back.

use super::super::change::{Grantee, Object, RoleChange, Scope};
use super::super::error::RoleError;
use super::super::keywords;
use crate::connection::{Postgres, StatementError};
use sqlx::Row;
use std::collections::BTreeSet;

/// The first version in which a membership is not enough to act as a role: it must be granted with
/// INHERIT and SET.
const VERSION_WITH_MEMBERSHIP_OPTIONS: i32 = 160_000;

/// The right to pass privileges on, among the privileges of a change.
const GRANT_OPTION: &str = "GRANT OPTION";

/// What makes a membership one that can be used.
pub(super) fn membership_options(server: &Postgres<'_>) -> &'static str {
    if server.version_number >= VERSION_WITH_MEMBERSHIP_OPTIONS {
        " WITH INHERIT TRUE, SET TRUE"
    } else {
        ""
    }
}

/// The roles that the master has lent itself in this transaction. Before PostgreSQL 16 any holder of
/// CREATEROLE may, since then whoever created the roles.
#[derive(Debug, Default)]
pub(super) struct Lending {
    lent: BTreeSet<String>,
}

impl Lending {
    /// Makes sure that the master can act as a role.
    pub(super) async fn lend(
        &mut self,
        server: &mut Postgres<'_>,
        doing: &str,
        role: &str,
    ) -> Result<(), StatementError> {
        let query = sqlx::query("SELECT pg_has_role(current_user, $1::name, 'USAGE')").bind(role);
        let rows = server.rows(doing, query).await?;
        if rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or(false) {
            return Ok(());
        }
        let template = format!("GRANT %I TO CURRENT_USER{}", membership_options(server));
        server.run(doing, &template, &[role]).await?;
        self.lent.insert(role.to_owned());
        Ok(())
    }

    /// Ends what was lent.
    pub(super) async fn give_back(self, server: &mut Postgres<'_>) -> Result<(), StatementError> {
        for role in self.lent {
            let doing = format!("give back the role {role:?}");
            server.run(&doing, "REVOKE %I FROM CURRENT_USER", &[&role]).await?;
        }
        Ok(())
    }
}

/// Gives or takes privileges. They are the server's own keywords.
pub(super) async fn privilege(
    server: &mut Postgres<'_>,
    lending: &mut Lending,
    doing: &str,
    give: bool,
    privileges: &BTreeSet<String>,
    on: &Scope,
    grantee: &Grantee,
) -> Result<(), RoleError> {
    let mut words = keywords(&without_option(privileges));
    let (object, mut names) = match on {
        Scope::Database(database) => ("DATABASE %I".to_owned(), vec![database.as_str()]),
        Scope::PublicSchema => ("SCHEMA public".to_owned(), vec![]),
        Scope::Object(Object { kind, identity, column, .. }) => {
            let mut names = Vec::new();
            if !column.is_empty() {
                let each = |word: &str| format!("{word} (%s)");
                names.extend(words.split(", ").map(|_| column.as_str()));
                words = words.split(", ").map(each).collect::<Vec<_>>().join(", ");
            }
            // Quoted by the server when it was read.
            names.push(identity);
            (format!("{} %s", keywords(&BTreeSet::from([kind.clone()]))), names)
        }
        // Kinds of MySQL that no plan for PostgreSQL contains.
        Scope::Server | Scope::Table { .. } | Scope::Column { .. } | Scope::Routine { .. } => {
            return Ok(());
        }
    };
    let whom = placeholder(grantee, &mut names);
    let template = statement(give, &words, &object, whom, privileges);
    let Scope::Object(Object { grantor, .. }) = on else {
        server.run(doing, &template, &names).await?;
        return Ok(());
    };
    // A privilege can be taken back only in the name of the role that gave it.
    lending.lend(server, doing, grantor).await?;
    server.run(doing, "SET LOCAL ROLE %I", &[grantor]).await?;
    server.run(doing, &template, &names).await?;
    server.plain(doing, "SET LOCAL ROLE NONE").await?;
    Ok(())
}

/// Changes what is granted on the objects that a role will create.
pub(super) async fn by_default(
    server: &mut Postgres<'_>,
    lending: &mut Lending,
    change: &RoleChange,
) -> Result<(), RoleError> {
    let RoleChange::ByDefault { give, creator, schema, objects, grantee, privileges } = change
    else {
        return Ok(());
    };
    let doing = change.to_string();
    lending.lend(server, &doing, creator).await?;
    let mut names = vec![creator.as_str()];
    let mut template = "ALTER DEFAULT PRIVILEGES FOR ROLE %I ".to_owned();
    if !schema.is_empty() {
        names.push(schema);
        template.push_str("IN SCHEMA %I ");
    }
    let whom = placeholder(grantee, &mut names);
    let words = keywords(&without_option(privileges));
    let objects = keywords(&BTreeSet::from([objects.clone()]));
    template.push_str(&statement(*give, &words, &objects, whom, privileges));
    server.run(&doing, &template, &names).await?;
    Ok(())
}

fn without_option(privileges: &BTreeSet<String>) -> BTreeSet<String> {
    privileges.iter().filter(|word| *word != GRANT_OPTION).cloned().collect()
}

fn placeholder<'a>(grantee: &'a Grantee, names: &mut Vec<&'a str>) -> &'static str {
    match grantee {
        Grantee::Role(role) => {
            names.push(role);
            "%I"
        }
        Grantee::Public => "PUBLIC",
    }
}

/// A privilege that is taken takes the right to pass it on with it.
fn statement(
    give: bool,
    words: &str,
    object: &str,
    whom: &str,
    privileges: &BTreeSet<String>,
) -> String {
    let option = if privileges.contains(GRANT_OPTION) { " WITH GRANT OPTION" } else { "" };
    if give {
        format!("GRANT {words} ON {object} TO {whom}{option}")
    } else {
        format!("REVOKE {words} ON {object} FROM {whom}")
    }
}

//! Why this exists: PostgreSQL takes no parameters in `CREATE ROLE` or `GRANT`, so the server
//! itself is asked to quote the names into a statement (`format('%I', …)`, names as bound
//! parameters), and that statement is then run as it is.

use super::{LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT, Server, StatementError, bounded};
use crate::target::Place;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};

/// A connection to PostgreSQL.
pub(crate) struct Postgres<'a> {
    pub(crate) connection: &'a mut PgConnection,
    pub(crate) place: &'a Place,
    /// `server_version_num`: 150013 for 15.13.
    pub(crate) version_number: i32,
}

pub(super) async fn prepare(connection: &mut PgConnection) -> Result<Server, sqlx::Error> {
    // Settings rather than start-up options: RDS Proxy and PgBouncer refuse the latter.
    let row = sqlx::query(
        "SELECT current_setting('server_version'), current_setting('server_version_num')::int, \
         set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false)",
    )
    .bind(STATEMENT_TIMEOUT.as_millis().to_string())
    .bind(LOCK_TIMEOUT_MS.to_string())
    .fetch_one(connection)
    .await?;
    Ok(Server { version: row.try_get(0)?, version_number: row.try_get(1)? })
}

impl Postgres<'_> {
    /// Runs a query with bound parameters.
    pub(crate) async fn rows(
        &mut self,
        doing: &str,
        query: Query<'_, sqlx::Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, StatementError> {
        bounded(self.place, doing, query.fetch_all(&mut *self.connection)).await
    }

    /// Has the server quote `arguments` into `template` (`%I` an identifier, `%L` a literal, `%%` a
    /// percent sign), and runs the result. Templates are constants of this crate; everything from
    /// outside is an argument.
    pub(crate) async fn run(
        &mut self,
        doing: &str,
        template: &str,
        arguments: &[&str],
    ) -> Result<(), StatementError> {
        let statement = self.quote(doing, template, arguments).await?;
        // Safe: a constant template into which the server itself quoted every argument.
        let exchange = self.connection.execute(AssertSqlSafe(statement));
        bounded(self.place, doing, exchange).await?;
        Ok(())
    }

    /// The statement that [`run`](Self::run) would run.
    pub(crate) async fn quote(
        &mut self,
        doing: &str,
        template: &str,
        arguments: &[&str],
    ) -> Result<String, StatementError> {
        let query = sqlx::query_scalar("SELECT format($1, VARIADIC $2::text[])")
            .bind(template)
            .bind(arguments);
        bounded(self.place, doing, query.fetch_one(&mut *self.connection)).await
    }

    /// Runs a constant statement, such as `BEGIN`.
    pub(crate) async fn plain(
        &mut self,
        doing: &str,
        statement: &'static str,
    ) -> Result<(), StatementError> {
        bounded(self.place, doing, self.connection.execute(statement)).await?;
        Ok(())
    }
}

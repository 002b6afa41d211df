//! Why this exists: a role can have settings of its own, such as a `search_path`, and an application
//! that counts on them counts on them with both of its users.

use crate::connection::{Postgres, StatementError};
use sqlx::Row;

/// Gives a role's sessions a setting, or takes it away.
///
/// The server stores a value in a form of its own (a list is already quoted), and a statement with
/// that form as one text would store something else. So the value becomes that of this transaction,
/// and the role's is taken from there.
pub(super) async fn configure(
    server: &mut Postgres<'_>,
    doing: &str,
    role: &str,
    setting: &str,
    value: Option<&str>,
    database: Option<&str>,
) -> Result<(), StatementError> {
    let mut template = "ALTER ROLE %I ".to_owned();
    let mut names = vec![role];
    if let Some(database) = database {
        template.push_str("IN DATABASE %I ");
        names.push(database);
    }
    names.push(setting);
    let Some(value) = value else {
        template.push_str("RESET %I");
        return server.run(doing, &template, &names).await;
    };
    template.push_str("SET %I FROM CURRENT");
    let before = exchange(server, doing, setting, value).await?;
    server.run(doing, &template, &names).await?;
    // The statements that follow are not to run under it.
    exchange(server, doing, setting, &before).await?;
    Ok(())
}

/// Sets a setting for this transaction, and answers with its value until now.
async fn exchange(
    server: &mut Postgres<'_>,
    doing: &str,
    setting: &str,
    value: &str,
) -> Result<String, StatementError> {
    let query = sqlx::query("SELECT current_setting($1, true)").bind(setting);
    let rows = server.rows(doing, query).await?;
    let before = rows.first().and_then(|row| row.try_get::<Option<String>, _>(0).ok().flatten());
    let query = sqlx::query("SELECT set_config($1, $2, true)").bind(setting).bind(value);
    server.rows(doing, query).await?;
    Ok(before.unwrap_or_default())
}

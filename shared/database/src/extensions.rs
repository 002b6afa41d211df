//! Why this exists: an application's migrations may count on an extension (`pg_trgm`,
//! `pg_stat_statements`) that its own role may not create. The master creates what the catalogue
//! lists, and says plainly what it may not.

use crate::connection::{Connection, Dialect, StatementError, StatementErrorKind};
use sqlx::Row;
use std::fmt;

/// What became of one extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionOutcome {
    /// It was there.
    Present {
        /// The extension.
        name: String,
    },
    /// It was created.
    Created {
        /// The extension.
        name: String,
    },
    /// The server does not have it.
    Unavailable {
        /// The extension.
        name: String,
    },
    /// The server has it, and the master may not create it.
    Forbidden {
        /// The extension.
        name: String,
        /// The server's reason.
        reason: String,
    },
}

impl ExtensionOutcome {
    /// Whether the extension can be used now.
    pub const fn is_usable(&self) -> bool {
        matches!(self, Self::Present { .. } | Self::Created { .. })
    }
}

impl fmt::Display for ExtensionOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present { name } => write!(f, "extension {name:?} is there"),
            Self::Created { name } => write!(f, "extension {name:?} was created"),
            Self::Unavailable { name } => write!(
                f,
                "extension {name:?} is not available on this server; take it out of the catalogue or \
                 use an engine version that has it"
            ),
            Self::Forbidden { name, reason } => {
                write!(f, "extension {name:?} may not be created by the master: {reason}")
            }
        }
    }
}

/// Creates the extensions that are missing, in the database that `master` is connected to, and
/// answers for each in the order asked. MySQL and MariaDB have no extensions, so there each is
/// unavailable.
///
/// # Errors
/// [`StatementError`] when the server fails for another reason than a missing right or a missing
/// extension.
pub async fn ensure_extensions(
    master: &mut Connection,
    names: &[String],
) -> Result<Vec<ExtensionOutcome>, StatementError> {
    let mut outcomes = Vec::new();
    for name in names {
        let name = name.clone();
        let Dialect::Postgres(mut server) = master.dialect() else {
            outcomes.push(ExtensionOutcome::Unavailable { name });
            continue;
        };
        let doing = format!("create the extension {name:?}");
        let query = sqlx::query(
            "SELECT installed_version IS NOT NULL FROM pg_available_extensions WHERE name = $1",
        )
        .bind(&name);
        let rows = server.rows(&doing, query).await?;
        let installed = rows.first().map(|row| row.try_get(0).unwrap_or(false));
        outcomes.push(match installed {
            None => ExtensionOutcome::Unavailable { name },
            Some(true) => ExtensionOutcome::Present { name },
            Some(false) => {
                let template = "CREATE EXTENSION IF NOT EXISTS %I";
                match server.run(&doing, template, &[&name]).await {
                    Ok(()) => ExtensionOutcome::Created { name },
                    Err(error) if error.kind == StatementErrorKind::Permission => {
                        ExtensionOutcome::Forbidden { name, reason: error.cause }
                    }
                    Err(error) => return Err(error),
                }
            }
        });
    }
    Ok(outcomes)
}

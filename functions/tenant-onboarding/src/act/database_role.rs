//! The application's own database role: the master makes it, the application uses it.

use std::time::Duration;

use database::{DatabaseSecret, RoleSpec, connect, ensure_application_role, ensure_extensions};
use runtime::call;
use secrecy::{ExposeSecret, SecretString};
use store::TenantRecord;

use super::{Hands, Situation, data_outputs};
use crate::error::Error;
use crate::template::output::{DATABASE_MASTER_SECRET_ARN, DATABASE_SECRET_ARN};

/// How long opening the database may take: one budget for the network, TLS and the login
/// together, a third of the function's own 30 s, so that there is time left to say what happened.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

impl Hands {
    pub(super) async fn ensure_database_role(
        &self,
        record: &TenantRecord,
        situation: Situation<'_>,
    ) -> Result<String, Error> {
        let outputs = data_outputs(situation);
        let master = self.database_secret(outputs.get(DATABASE_MASTER_SECRET_ARN), record).await?;
        let application = self.database_secret(outputs.get(DATABASE_SECRET_ARN), record).await?;
        let names = record.tenant.names();
        let application = application.target();
        let spec = RoleSpec::for_login(&application)
            .map_err(|error| permanent(&error))?
            .owned_by(names.database_owner());
        let master = master.target().in_database(spec.database.clone());
        let mut connection = connect(&master, &self.trust, CONNECT_WITHIN)
            .await
            .map_err(|error| database(&error, error.is_transient()))?;
        let changes =
            ensure_application_role(&mut connection, &spec, &application, &self.trust).await;
        let changes = changes.map_err(|error| database(&error, error.is_transient()));
        let extensions = &situation.settings.database.extensions;
        let installed = match &changes {
            Ok(_) if !extensions.is_empty() => ensure_extensions(&mut connection, extensions)
                .await
                .map(|outcomes| outcomes.iter().map(ToString::to_string).collect())
                .map_err(|error| database(&error, error.is_transient())),
            _ => Ok(Vec::new()),
        };
        connection.close().await;
        let mut said: Vec<String> = changes?.iter().map(ToString::to_string).collect();
        said.extend(installed?);
        if said.is_empty() {
            return Ok(format!("the role {} is as it should be", application.username));
        }
        Ok(said.join("; "))
    }

    async fn database_secret(
        &self,
        arn: Option<&String>,
        record: &TenantRecord,
    ) -> Result<DatabaseSecret, Error> {
        let Some(arn) = arn else {
            return Err(Error::Deployment(format!(
                "the data stack of {} does not say which secret opens its database; it is from \
                 another version of Caretaker",
                record.tenant.names().base()
            )));
        };
        let answer = self
            .secrets
            .get_secret_value()
            .secret_id(arn)
            .send()
            .await
            .map_err(|error| call(format!("read the secret {arn}"), &error))?;
        let json = SecretString::from(answer.secret_string.unwrap_or_default());
        DatabaseSecret::parse(json.expose_secret()).map_err(|error| Error::Database {
            reason: format!("the secret {arn} does not open a database: {error}"),
            transient: false,
        })
    }
}

fn database(error: &dyn std::error::Error, transient: bool) -> Error {
    Error::Database { reason: runtime::chain(error), transient }
}

fn permanent(error: &dyn std::error::Error) -> Error {
    database(error, false)
}

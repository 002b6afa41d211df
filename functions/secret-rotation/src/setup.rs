//! From the environment to a function that is ready: wiring, catalogue, clients.

use std::path::PathBuf;

use aws_config::SdkConfig;
use database::Trust;
use domain::Catalogue;
use runtime::{Requeue, StartError};
use store::{Documents, Store};

use crate::SecretRotation;
use crate::observe::Observer;
use crate::wiring::Wiring;

/// The catalogue's name beside the binary, where `make package` puts it.
const CATALOGUE: &str = "caretaker.toml";

/// A client for every AWS service that the function calls.
#[derive(Debug, Clone)]
pub struct Clients {
    /// The table of all records.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Services, their tasks and deployments.
    pub ecs: aws_sdk_ecs::Client,
    /// Auth tokens and users of caches.
    pub elasticache: aws_sdk_elasticache::Client,
    /// Events for programs.
    pub events: aws_sdk_eventbridge::Client,
    /// Which database is whose.
    pub rds: aws_sdk_rds::Client,
    /// The secrets themselves.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// Words for people.
    pub sns: aws_sdk_sns::Client,
    /// The function's queue and its dead letters.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// All clients from one configuration, so that they share its connections.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            elasticache: aws_sdk_elasticache::Client::new(config),
            events: aws_sdk_eventbridge::Client::new(config),
            rds: aws_sdk_rds::Client::new(config),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
        }
    }
}

impl SecretRotation {
    /// The function for this wiring, with all clients from one configuration.
    ///
    /// # Errors
    /// When the catalogue cannot be read or does not know the environment.
    pub fn new(wiring: Wiring, config: &SdkConfig) -> Result<Self, StartError> {
        let path = wiring.catalogue.as_ref().map_or_else(beside_the_binary, PathBuf::from);
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| {
            StartError::new(
                "CatalogueMissing",
                format!(
                    "could not read the catalogue {name}: {error}; `make package` puts it \
                         beside the binary, and CARETAKER_CATALOGUE names another place"
                ),
            )
        })?;
        let catalogue = Catalogue::parse(&name, &text)
            .map_err(|error| StartError::new("CatalogueInvalid", error.to_string()))?;
        Self::with_catalogue(catalogue, wiring, Clients::new(config))
    }

    /// The function for this catalogue and wiring.
    ///
    /// # Errors
    /// When the catalogue is another product's or does not know the environment.
    pub fn with_catalogue(
        catalogue: Catalogue,
        wiring: Wiring,
        clients: Clients,
    ) -> Result<Self, StartError> {
        let environments: Vec<String> = catalogue.environments().map(ToString::to_string).collect();
        if catalogue.product != wiring.product
            || !environments.contains(&wiring.environment.to_string())
        {
            let message = format!(
                "the deployment is wired for {} in {}, but the catalogue is that of {} with the \
                 environments {}",
                wiring.product,
                wiring.environment,
                catalogue.product,
                environments.join(", ")
            );
            return Err(StartError::new("CatalogueDoesNotFit", message));
        }
        Ok(Self {
            store: Store::new(clients.dynamodb.clone(), wiring.table.clone()),
            documents: Documents::new(clients.dynamodb.clone(), wiring.table.clone()),
            observer: Observer { secrets: clients.secrets.clone(), rds: clients.rds.clone() },
            trust: Trust::from_setting(wiring.database_ca_file.as_ref()),
            requeue: Requeue::new(clients.sqs.clone(), wiring.queue_url.clone()),
            clients,
            catalogue,
            wiring,
        })
    }
}

fn beside_the_binary() -> PathBuf {
    let folder = std::env::var_os("LAMBDA_TASK_ROOT").map_or_else(PathBuf::new, PathBuf::from);
    folder.join(CATALOGUE)
}

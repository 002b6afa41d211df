//! From the environment to a function that is ready: wiring, catalogue, clients.

use aws_config::SdkConfig;
use database::Trust;
use domain::Catalogue;
use runtime::{Publisher, Queue, StartError, catalogue};
use store::{Documents, Store};

use crate::SecretRotation;
use crate::observe::Observer;
use crate::wiring::Wiring;

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
        let catalogue = catalogue::read(wiring.catalogue.as_ref())?;
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
        catalogue::check(&catalogue, &wiring.product, &wiring.environment)?;
        Ok(Self {
            store: Store::new(clients.dynamodb.clone(), wiring.table.clone()),
            documents: Documents::new(clients.dynamodb.clone(), wiring.table.clone()),
            observer: Observer { secrets: clients.secrets.clone(), rds: clients.rds.clone() },
            trust: Trust::from_setting(wiring.database_ca_file.as_ref()),
            queue: Queue::new(
                clients.sqs.clone(),
                &wiring.queue_url,
                &wiring.dead_letter_queue_url,
            ),
            publisher: Publisher::new(
                clients.events.clone(),
                clients.sns.clone(),
                &wiring.event_bus,
                &wiring.event_source,
            ),
            clients,
            catalogue,
            wiring,
        })
    }
}

//! From the environment to a function that is ready: wiring, catalogue, clients.

use aws_config::SdkConfig;
use database::Trust;
use domain::{Catalogue, TenantId};
use runtime::{Publisher, Queue, StartError, catalogue};
use store::{Store, TenantKey};

use crate::TenantOnboarding;
use crate::act::Hands;
use crate::observe::Observer;
use crate::wiring::Wiring;

/// A client for every AWS service that the function calls.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Stacks.
    pub cloudformation: aws_sdk_cloudformation::Client,
    /// The table of all records.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Services.
    pub ecs: aws_sdk_ecs::Client,
    /// Targets.
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    /// Events for programs.
    pub events: aws_sdk_eventbridge::Client,
    /// The secrets that open tenants' databases.
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
            cloudformation: aws_sdk_cloudformation::Client::new(config),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(config),
            events: aws_sdk_eventbridge::Client::new(config),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
        }
    }
}

impl TenantOnboarding {
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
            store: Store::new(clients.dynamodb, wiring.table.clone()),
            observer: Observer {
                cloudformation: clients.cloudformation.clone(),
                ecs: clients.ecs,
                elb: clients.elb,
            },
            hands: Hands {
                cloudformation: clients.cloudformation,
                secrets: clients.secrets,
                publisher: Publisher::new(
                    clients.events,
                    clients.sns,
                    &wiring.event_bus,
                    &wiring.event_source,
                ),
                trust: Trust::from_setting(wiring.database_ca_file.as_ref()),
            },
            queue: Queue::new(clients.sqs, &wiring.queue_url, &wiring.dead_letter_queue_url),
            catalogue,
            wiring,
        })
    }

    pub(crate) fn key(&self, tenant_id: &TenantId) -> TenantKey {
        TenantKey::new(
            self.wiring.product.clone(),
            self.wiring.environment.clone(),
            tenant_id.clone(),
        )
    }
}

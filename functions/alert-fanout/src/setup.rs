//! From the environment to a function that is ready: wiring, catalogue, clients.

use std::sync::Mutex;

use aws_config::SdkConfig;
use domain::Catalogue;
use runtime::{Queue, StartError, catalogue};
use store::Documents;

use crate::act::{Hands, Patience};
use crate::credentials::Credentials;
use crate::event::Context;
use crate::observe::Observer;
use crate::sinks::{Http, Place, Sinks};
use crate::wiring::Wiring;
use crate::{AlertFanout, builtin};

/// A client for every AWS service that the function calls.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Whether alarms still fire.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// Groups, silences, inhibitions and token buckets.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The sinks' credentials.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// Mail.
    pub ses: aws_sdk_sesv2::Client,
    /// Mail through a topic.
    pub sns: aws_sdk_sns::Client,
    /// The function's queue and its dead letters.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// All clients from one configuration, so that they share its connections.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            ses: aws_sdk_sesv2::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
        }
    }
}

impl AlertFanout {
    /// The function for this wiring, with all clients from one configuration.
    ///
    /// # Errors
    /// When the catalogue cannot be read or does not know the environment.
    pub fn new(wiring: Wiring, config: &SdkConfig) -> Result<Self, StartError> {
        let catalogue = catalogue::read(wiring.catalogue.as_ref())?;
        Self::with_catalogue(&catalogue, wiring, Clients::new(config), Patience::DEFAULT)
    }

    /// The function for this catalogue and wiring, with this patience for sinks.
    ///
    /// # Errors
    /// When the catalogue is another product's or does not know the environment.
    pub fn with_catalogue(
        catalogue: &Catalogue,
        wiring: Wiring,
        clients: Clients,
        patience: Patience,
    ) -> Result<Self, StartError> {
        catalogue::check(catalogue, &wiring.product, &wiring.environment)?;
        let refused =
            |error: &dyn std::error::Error, what: &str| StartError::new(what, error.to_string());
        let alerting = match &catalogue.alerting {
            Some(alerting) => alerting.clone(),
            None => builtin::alerting().map_err(|error| refused(&error, "RoutesInvalid"))?,
        };
        let context = Context::new(catalogue, &wiring.environment, &wiring.region)
            .with_links(&alerting.links);
        let documents = Documents::new(clients.dynamodb, wiring.table.clone());
        let place = Place {
            product: wiring.product.clone(),
            environment: wiring.environment.clone(),
            region: wiring.region.clone(),
            mail_topic_arn: wiring.alert_mail_topic_arn.clone(),
            endpoints: wiring.endpoints.clone(),
        };
        let credentials = Credentials::new(clients.secrets, wiring.prefix.clone());
        let http = Http::new().map_err(|error| refused(&error, "HttpClientFailed"))?;
        let hands = Hands {
            documents: documents.clone(),
            partition: wiring.partition(),
            queue: Queue::new(clients.sqs, &wiring.queue_url, &wiring.dead_letter_queue_url),
            sinks: Sinks::new(place, clients.sns, clients.ses, credentials, http),
            patience,
            instance: format!("{:032x}", fastrand::u128(..)),
            counted: tokio::sync::Mutex::default(),
            troubled: Mutex::default(),
        };
        let observer = Observer::new(documents, clients.cloudwatch, wiring.partition());
        Ok(Self { alerting, context, wiring, observer, hands })
    }
}

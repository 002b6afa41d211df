//! Where notifications go: one file for each kind of sink, behind one small interface.
//!
//! A call of [`Sinks::deliver`] is one attempt. When to try again, whom to tell instead and what is
//! remembered is decided by who calls; a sink only says, by the kind of its error, what it thinks of
//! trying again. Success is what the service's documentation calls success, never a status alone.

pub mod http;

mod email;
mod pagerduty;
mod preview;
mod slack;
mod sns;
mod teams;
#[cfg(test)]
mod testing;
mod webhook;

pub use http::{Address, Http, SetUpError};
pub use preview::{Preview, preview};

use domain::catalogue::alerting::{SecretRef, Sink};
use domain::{Environment, Product};

use crate::credentials::{Credential, Credentials};
use crate::notification::{Notification, Receipt, SinkError};

/// Whom a deployment speaks for, and where services are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The product whose alerts these are.
    pub product: Product,
    /// Its environment.
    pub environment: Environment,
    /// The AWS region, by which SES names its messages.
    pub region: String,
    /// The topic of an `sns` sink that names none.
    pub mail_topic_arn: Option<String>,
    /// Where services are.
    pub endpoints: Endpoints,
}

impl Place {
    /// The deployment as messages name it: `mate dev`.
    pub fn deployment(&self) -> String {
        format!("{} {}", self.product, self.environment)
    }
}

/// Base addresses of services that have the same for everyone, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Slack's Web API.
    pub slack: String,
    /// PagerDuty's Events API; accounts in its EU region have `https://events.eu.pagerduty.com`.
    pub pagerduty: String,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            slack: "https://slack.com/api".to_owned(),
            pagerduty: "https://events.pagerduty.com".to_owned(),
        }
    }
}

/// All sinks.
#[derive(Debug)]
pub struct Sinks {
    place: Place,
    sns: aws_sdk_sns::Client,
    ses: aws_sdk_sesv2::Client,
    credentials: Credentials,
    http: Http,
}

impl Sinks {
    /// Sinks over these clients.
    pub fn new(
        place: Place,
        sns: aws_sdk_sns::Client,
        ses: aws_sdk_sesv2::Client,
        credentials: Credentials,
        http: Http,
    ) -> Self {
        Self { place, sns, ses, credentials, http }
    }

    /// Tells `sink` of the notification, in one attempt; `receipt` is what it gave back when it was
    /// last told of the same group.
    ///
    /// A credential that is refused is read anew, and if it has changed, the attempt is made with
    /// the new one.
    ///
    /// # Errors
    /// Why the sink did not take it; no credential is in it.
    pub async fn deliver(
        &self,
        sink: &Sink,
        notification: &Notification,
        receipt: Option<&Receipt>,
    ) -> Result<Receipt, SinkError> {
        match sink {
            Sink::PagerDuty(sink) => self.page(sink, notification, receipt).await,
            Sink::Slack(sink) => self.post_to_slack(sink, notification, receipt).await,
            Sink::SlackWebhook(sink) => self.post_to_slack_webhook(sink, notification).await,
            Sink::Email(sink) => self.mail(sink, notification, receipt).await,
            Sink::Sns(sink) => self.publish(sink, notification).await,
            Sink::Teams(sink) => self.post_to_teams(sink, notification).await,
            Sink::Webhook(sink) => self.post_to_webhook(sink, notification).await,
        }
    }

    /// Makes the attempt with the credential as it is known, and once more with a newer one should
    /// it be refused.
    async fn with_credential<T>(
        &self,
        name: &str,
        wanted: &SecretRef,
        attempt: impl AsyncFn(Credential) -> Result<T, SinkError>,
    ) -> Result<T, SinkError> {
        let credential = self.credentials.get(name, wanted).await?;
        let refused = match attempt(credential.clone()).await {
            Err(refused @ SinkError::Unauthorized { .. }) => refused,
            done => return done,
        };
        match self.credentials.reread(name, wanted, &credential).await? {
            Some(newer) => attempt(newer).await,
            None => Err(refused),
        }
    }
}

/// The address that a secret holds.
fn address(name: &str, wanted: &SecretRef, credential: &Credential) -> Result<Address, SinkError> {
    Address::parse(credential.expose()).ok_or_else(|| SinkError::Refused {
        sink: name.to_owned(),
        reason: format!("the secret {wanted} holds no https address"),
    })
}

/// An address of one of the services' own.
fn endpoint(name: &str, base: &str, path: &str) -> Result<Address, SinkError> {
    Address::parse(&format!("{base}{path}")).ok_or_else(|| SinkError::Refused {
        sink: name.to_owned(),
        reason: format!("{base} is no https address; see the function's wiring"),
    })
}

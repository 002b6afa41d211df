//! Where things are: the environment variables that Terraform sets from the manifest.

use domain::{Environment, Product};
use runtime::{Wiring as Variables, WiringError};

use crate::sinks::Endpoints;

/// The wiring of this function. Each field is the variable `CARETAKER_<FIELD>`, but for the region.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// The product that this deployment serves.
    pub product: Product,
    /// The environment that it serves.
    pub environment: Environment,
    /// What the names of the suite's own things begin with: `caretaker-mate-dev`. Secrets of sinks
    /// lie under `{prefix}/alerting/`.
    pub prefix: String,
    /// The DynamoDB table.
    pub table: String,
    /// The function's own queue.
    pub queue_url: String,
    /// Where alerts go that nobody took, with the reason.
    pub dead_letter_queue_url: String,
    /// The topic of SNS sinks that name none.
    pub alert_mail_topic_arn: Option<String>,
    /// The region, `AWS_REGION`.
    pub region: String,
    /// Where Slack and PagerDuty are: `CARETAKER_SLACK_URL`, `CARETAKER_PAGERDUTY_URL`.
    pub endpoints: Endpoints,
    /// The catalogue's file, where it is not beside the binary.
    pub catalogue: Option<String>,
}

impl Wiring {
    /// Reads the wiring.
    ///
    /// # Errors
    /// All variables that are missing or malformed, at once.
    pub fn read(mut variables: Variables) -> Result<Self, WiringError> {
        let product: Option<Product> = variables.parsed("CARETAKER_PRODUCT");
        let environment: Option<Environment> = variables.parsed("CARETAKER_ENVIRONMENT");
        let [table, queue_url, dead_letter_queue_url, region] = [
            "CARETAKER_TABLE",
            "CARETAKER_QUEUE_URL",
            "CARETAKER_DEAD_LETTER_QUEUE_URL",
            "AWS_REGION",
        ]
        .map(|name| variables.required(name));
        let prefix = variables.optional("CARETAKER_PREFIX");
        let alert_mail_topic_arn = variables.optional("CARETAKER_ALERT_MAIL_TOPIC_ARN");
        let catalogue = variables.optional("CARETAKER_CATALOGUE");
        let usual = Endpoints::default();
        let endpoints = Endpoints {
            slack: variables.optional("CARETAKER_SLACK_URL").unwrap_or(usual.slack),
            pagerduty: variables.optional("CARETAKER_PAGERDUTY_URL").unwrap_or(usual.pagerduty),
        };
        let (product, environment) = variables.complete(product.zip(environment))?;
        let prefix = prefix.unwrap_or_else(|| format!("caretaker-{product}-{environment}"));
        Ok(Self {
            product,
            environment,
            prefix,
            table,
            queue_url,
            dead_letter_queue_url,
            alert_mail_topic_arn,
            region,
            endpoints,
            catalogue,
        })
    }

    /// The partition of this deployment's documents.
    pub fn partition(&self) -> String {
        format!("{}#{}", self.product, self.environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_missing_is_told_at_once_and_what_can_be_guessed_is() {
        let error = Wiring::read(Variables::from_pairs([("CARETAKER_PRODUCT", "mate")]));
        let words = error.unwrap_err().to_string();
        for name in ["CARETAKER_ENVIRONMENT", "CARETAKER_TABLE", "AWS_REGION"] {
            assert!(words.contains(name), "{words}");
        }
        let wiring = Wiring::read(Variables::from_pairs([
            ("CARETAKER_PRODUCT", "mate"),
            ("CARETAKER_ENVIRONMENT", "dev"),
            ("CARETAKER_TABLE", "records"),
            ("CARETAKER_QUEUE_URL", "http://127.0.0.1/q"),
            ("CARETAKER_DEAD_LETTER_QUEUE_URL", "http://127.0.0.1/d"),
            ("AWS_REGION", "eu-central-1"),
        ]))
        .unwrap();
        assert_eq!(wiring.prefix, "caretaker-mate-dev");
        assert_eq!(wiring.endpoints, Endpoints::default());
        assert_eq!(wiring.partition(), "mate#dev");
    }
}

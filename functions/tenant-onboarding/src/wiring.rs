//! Where things are: the environment variables that Terraform sets from the manifest.

use crate::template::parameter;
use domain::{Environment, Product};
use runtime::{Wiring as Variables, WiringError};

/// The wiring of this function. Each field is the variable `CARETAKER_<FIELD>`.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// The product that this deployment serves.
    pub product: Product,
    /// The environment that it serves.
    pub environment: Environment,
    /// The DynamoDB table of all records.
    pub table: String,
    /// The function's own queue.
    pub queue_url: String,
    /// Where messages go that cannot be done, with their reason.
    pub dead_letter_queue_url: String,
    /// The EventBridge bus on which Caretaker publishes.
    pub event_bus: String,
    /// The `source` of its events.
    pub event_source: String,
    /// The SNS topic for people.
    pub notification_topic_arn: String,
    /// The SNS topic for what a person has to look at.
    pub alarm_topic_arn: String,
    /// The role with which CloudFormation works.
    pub provisioning_role_arn: String,
    /// The domain under which tenants have their host names.
    pub domain: String,
    /// The environment's ECS cluster.
    pub cluster: String,
    /// A certificate authority to trust in place of RDS's own; the local cloud has one.
    pub database_ca_file: Option<String>,
    /// The catalogue's file, where it is not beside the binary.
    pub catalogue: Option<String>,
    /// The template parameters that say where the base infrastructure is, by parameter name.
    pub base: Vec<(&'static str, String)>,
}

/// Which variable fills which template parameter.
const BASE: [(&str, &str); 15] = [
    (parameter::CARETAKER_SECURITY_GROUP_ID, "CARETAKER_CARETAKER_SECURITY_GROUP_ID"),
    (parameter::CLUSTER_NAME, "CARETAKER_CLUSTER"),
    (parameter::DATABASE_SUBNET_IDS, "CARETAKER_DATABASE_SUBNET_IDS"),
    (parameter::FILE_SYSTEM_ID, "CARETAKER_FILE_SYSTEM_ID"),
    (parameter::FILE_SYSTEM_SECURITY_GROUP_ID, "CARETAKER_FILE_SYSTEM_SECURITY_GROUP_ID"),
    (parameter::HOSTED_ZONE_ID, "CARETAKER_HOSTED_ZONE_ID"),
    (parameter::IMAGE_REGISTRY, "CARETAKER_IMAGE_REGISTRY"),
    (parameter::KMS_KEY_ARN, "CARETAKER_KMS_KEY_ARN"),
    (parameter::LISTENER_ARN, "CARETAKER_LISTENER_ARN"),
    (parameter::LOAD_BALANCER_DNS_NAME, "CARETAKER_LOAD_BALANCER_DNS"),
    (parameter::LOAD_BALANCER_FULL_NAME, "CARETAKER_LOAD_BALANCER_NAME"),
    (parameter::LOAD_BALANCER_SECURITY_GROUP_ID, "CARETAKER_LOAD_BALANCER_SECURITY_GROUP_ID"),
    (parameter::LOAD_BALANCER_ZONE_ID, "CARETAKER_LOAD_BALANCER_ZONE_ID"),
    (parameter::PRIVATE_SUBNET_IDS, "CARETAKER_PRIVATE_SUBNET_IDS"),
    (parameter::VPC_ID, "CARETAKER_VPC_ID"),
];

impl Wiring {
    /// Reads the wiring.
    ///
    /// # Errors
    /// All variables that are missing or malformed, at once.
    pub fn read(mut variables: Variables) -> Result<Self, WiringError> {
        let product = variables.parsed("CARETAKER_PRODUCT");
        let environment = variables.parsed("CARETAKER_ENVIRONMENT");
        let mut base: Vec<(&'static str, String)> = BASE
            .into_iter()
            .map(|(parameter, variable)| (parameter, variables.required(variable)))
            .collect();
        let alarm_topic_arn = variables.required("CARETAKER_ALARM_TOPIC_ARN");
        base.push((parameter::ALARM_TOPIC_ARN, alarm_topic_arn.clone()));
        // Not every deployment has the function that rotates secrets: no value, no rotation.
        let rotation = variables.optional("CARETAKER_ROTATION_FUNCTION_ARN").unwrap_or_default();
        base.push((parameter::ROTATION_FUNCTION_ARN, rotation));
        let [table, queue_url, dead_letter_queue_url, event_bus, event_source] = [
            "CARETAKER_TABLE",
            "CARETAKER_QUEUE_URL",
            "CARETAKER_DEAD_LETTER_QUEUE_URL",
            "CARETAKER_EVENT_BUS",
            "CARETAKER_EVENT_SOURCE",
        ]
        .map(|name| variables.required(name));
        let notification_topic_arn = variables.required("CARETAKER_NOTIFICATION_TOPIC_ARN");
        let provisioning_role_arn = variables.required("CARETAKER_PROVISIONING_ROLE_ARN");
        let domain = variables.required("CARETAKER_DOMAIN");
        let cluster = variables.required("CARETAKER_CLUSTER");
        let database_ca_file = variables.optional("CARETAKER_DATABASE_CA_FILE");
        let catalogue = variables.optional("CARETAKER_CATALOGUE");
        let (product, environment) = variables.complete(product.zip(environment))?;
        Ok(Self {
            product,
            environment,
            table,
            queue_url,
            dead_letter_queue_url,
            event_bus,
            event_source,
            notification_topic_arn,
            alarm_topic_arn,
            provisioning_role_arn,
            domain,
            cluster,
            database_ca_file,
            catalogue,
            base,
        })
    }
}

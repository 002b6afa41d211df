//! Tenants, stacks and the answers of AWS's in words.

use std::path::PathBuf;

use aws_sdk_cloudformation::Client as CloudFormation;
use aws_sdk_cloudformation::operation::describe_stacks::DescribeStacksOutput;
use aws_sdk_cloudformation::types::{Output, Stack, StackStatus};
use aws_smithy_mocks::{Rule, mock};
use domain::{Catalogue, Tenant, Tier};
use jiff::Timestamp;
use store::{Failure, Status, TenantRecord};
use tenant_onboarding::template;
use tenant_onboarding::wiring::Wiring;

use crate::aws::xml_error;

pub(crate) const DATA_STACK: &str = "mate-demo-dev-data";
pub(crate) const APP_STACK: &str = "mate-demo-dev-app";

/// When all of it happens.
pub(crate) fn now() -> Timestamp {
    "2026-03-01T12:05:00Z".parse().unwrap()
}

/// When the attempt began.
pub(crate) fn began() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// The catalogue of mate as it ships.
pub(crate) fn catalogue() -> Catalogue {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/catalogues/mate.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    Catalogue::parse("mate.toml", &text).unwrap()
}

/// A wiring in which each variable has its own name as its value, as far as it may.
pub(crate) fn wiring() -> Wiring {
    let own = [
        "TABLE",
        "QUEUE_URL",
        "DEAD_LETTER_QUEUE_URL",
        "EVENT_BUS",
        "EVENT_SOURCE",
        "NOTIFICATION_TOPIC_ARN",
        "ALARM_TOPIC_ARN",
        "PROVISIONING_ROLE_ARN",
        "DOMAIN",
        "CLUSTER",
        "CARETAKER_SECURITY_GROUP_ID",
        "DATABASE_SUBNET_IDS",
        "FILE_SYSTEM_ID",
        "FILE_SYSTEM_SECURITY_GROUP_ID",
        "HOSTED_ZONE_ID",
        "IMAGE_REGISTRY",
        "KMS_KEY_ARN",
        "LISTENER_ARN",
        "LOAD_BALANCER_DNS",
        "LOAD_BALANCER_NAME",
        "LOAD_BALANCER_SECURITY_GROUP_ID",
        "LOAD_BALANCER_ZONE_ID",
        "PRIVATE_SUBNET_IDS",
        "VPC_ID",
    ];
    let own = own.map(|name| (format!("CARETAKER_{name}"), name.to_owned()));
    let words = [("PRODUCT", "mate"), ("ENVIRONMENT", "dev")];
    let words = words.map(|(name, value)| (format!("CARETAKER_{name}"), value.to_owned()));
    Wiring::read(runtime::Wiring::from_pairs(own.into_iter().chain(words))).unwrap()
}

/// Tenant `demo` on its way, as it was accepted five minutes ago.
pub(crate) fn onboarding() -> TenantRecord {
    let tenant = Tenant {
        product: "mate".parse().unwrap(),
        id: "demo".parse().unwrap(),
        environment: "dev".parse().unwrap(),
        tier: Tier::Trial,
        display_name: "Demo".to_owned(),
        admin_email: "admin@example.com".to_owned(),
        ownership: catalogue().ownership,
    };
    let record = TenantRecord::new(tenant, "request-1".to_owned(), 7, began());
    TenantRecord { version: 4, ..record }
}

pub(crate) trait Told {
    fn active(self) -> TenantRecord;
    fn failed(self) -> TenantRecord;
    fn announced(self) -> TenantRecord;
    fn with_role(self) -> TenantRecord;
}

impl Told for TenantRecord {
    fn active(self) -> TenantRecord {
        let url = Some("https://demo.example.com".to_owned());
        TenantRecord { status: Status::Active, active_at: Some(began()), url, ..self }
    }

    fn failed(self) -> TenantRecord {
        let failure = Failure {
            step: "data stack".to_owned(),
            resource: Some("Database (AWS::RDS::DBInstance)".to_owned()),
            reason: "quota exceeded".to_owned(),
            at: began(),
        };
        TenantRecord { status: Status::Failed, failure: Some(failure), ..self }
    }

    fn announced(self) -> TenantRecord {
        TenantRecord { announced: true, ..self }
    }

    fn with_role(self) -> TenantRecord {
        TenantRecord { database_role_at: Some(began()), ..self }
    }
}

/// CloudFormation has this stack in this state.
pub(crate) fn stack(name: &'static str, status: &'static str) -> Rule {
    stack_with(name, status, &[])
}

/// The same, with what the stack answers.
pub(crate) fn stack_with(
    name: &'static str,
    status: &'static str,
    outputs: &'static [(&'static str, &'static str)],
) -> Rule {
    mock!(CloudFormation::describe_stacks)
        .match_requests(move |request| request.stack_name() == Some(name))
        .then_output(move || {
            let output = |(key, value): &(&str, &str)| {
                Output::builder().output_key(*key).output_value(*value).build()
            };
            let stack = Stack::builder()
                .stack_name(name)
                .stack_status(StackStatus::from(status))
                .creation_time(aws_sdk_cloudformation::primitives::DateTime::from_secs(
                    began().as_second() + 60,
                ))
                .set_outputs(Some(outputs.iter().map(output).collect()))
                .build();
            DescribeStacksOutput::builder().stacks(stack).build()
        })
}

/// The app stack, whole, with its URL and its target group.
pub(crate) fn whole_app() -> Rule {
    const OUTPUTS: [(&str, &str); 2] = [
        (template::output::URL, "https://demo.example.com"),
        (template::output::TARGET_GROUP_ARN, "target-group"),
    ];
    stack_with(APP_STACK, "CREATE_COMPLETE", &OUTPUTS)
}

/// CloudFormation has no such stack.
pub(crate) fn no_stack(name: &'static str) -> Rule {
    mock!(CloudFormation::describe_stacks)
        .match_requests(move |request| request.stack_name() == Some(name))
        .then_http_response(move || {
            xml_error(400, "ValidationError", &format!("Stack with id {name} does not exist"))
        })
}

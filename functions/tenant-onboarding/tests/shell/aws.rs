//! Clients that answer by rules, and a list of the calls they made.

use std::sync::{Arc, Mutex};

use aws_smithy_mocks::Rule;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use runtime::test_client;
use serde_json::json;
use tenant_onboarding::Clients;

/// The operations that were called, of all services, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    /// By their names in AWS: `["GetItem", "DescribeStacks"]`.
    pub(crate) fn made(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map(|call| call.name().to_owned());
        self.0.lock().unwrap().push(operation.unwrap_or_default());
        Ok(())
    }
}

/// Clients that answer by the first of `rules` that fits, and panic where none does.
pub(crate) fn clients(rules: &[&Rule], calls: &Calls) -> Clients {
    Clients {
        cloudformation: test_client!(aws_sdk_cloudformation, rules, calls.clone()),
        dynamodb: test_client!(aws_sdk_dynamodb, rules, calls.clone()),
        ecs: test_client!(aws_sdk_ecs, rules, calls.clone()),
        elb: test_client!(aws_sdk_elasticloadbalancingv2, rules, calls.clone()),
        events: test_client!(aws_sdk_eventbridge, rules, calls.clone()),
        secrets: test_client!(aws_sdk_secretsmanager, rules, calls.clone()),
        sns: test_client!(aws_sdk_sns, rules, calls.clone()),
        sqs: test_client!(aws_sdk_sqs, rules, calls.clone()),
    }
}

/// The requests that a rule has answered.
#[derive(Debug)]
pub(crate) struct Sent<I>(Arc<Mutex<Vec<I>>>);

impl<I: Clone + Send + 'static> Sent<I> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// A matcher for the last rule of its operation: it takes every request and keeps it.
    pub(crate) fn keep(&self) -> impl Fn(&I) -> bool + Send + Sync + 'static + use<I> {
        let kept = Arc::clone(&self.0);
        move |request| {
            kept.lock().unwrap().push(request.clone());
            true
        }
    }

    pub(crate) fn all(&self) -> Vec<I> {
        self.0.lock().unwrap().clone()
    }

    /// The only one.
    pub(crate) fn one(&self) -> I {
        let mut all = self.all();
        assert_eq!(all.len(), 1, "requests");
        all.remove(0)
    }
}

/// An error as CloudFormation, SNS and ELB send it.
pub(crate) fn xml_error(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
         </Error><RequestId>r</RequestId></ErrorResponse>"
    );
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

/// An error as DynamoDB, ECS, EventBridge, Secrets Manager and SQS send it.
pub(crate) fn json_error(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = json!({ "__type": code, "message": message }).to_string();
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

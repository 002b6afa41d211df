//! What is made of AWS's answers: a missing stack, the one failure that is the cause, health.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_cloudformation::Client as CloudFormation;
use aws_sdk_cloudformation::operation::describe_stack_events::DescribeStackEventsOutput;
use aws_sdk_cloudformation::operation::describe_stacks::DescribeStacksOutput;
use aws_sdk_cloudformation::primitives::DateTime;
use aws_sdk_cloudformation::types::{
    ResourceStatus, Stack as CloudFormationStack, StackEvent, StackStatus, Tag,
};
use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::operation::describe_services::DescribeServicesOutput;
use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service};
use aws_sdk_elasticloadbalancingv2::Client as Elb;
use aws_sdk_elasticloadbalancingv2::operation::describe_target_health::DescribeTargetHealthOutput;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealth, TargetHealthDescription, TargetHealthStateEnum,
};
use aws_smithy_mocks::{Rule, mock};
use domain::catalogue::Settings;
use runtime::Classify;
use store::TenantRecord;
use tenant_onboarding::decide::{Cause, Observed, Rollout};
use tenant_onboarding::error::Error;
use tenant_onboarding::observe::Observer;

use crate::aws::{Calls, Sent, clients, xml_error};
use crate::fixtures::{
    APP_STACK, DATA_STACK, Told, catalogue, no_stack, onboarding, stack, whole_app,
};

fn settings() -> Settings {
    let tenant = onboarding().tenant;
    catalogue().settings(&tenant.environment, tenant.tier).unwrap().clone()
}

/// What is seen of a tenant where AWS answers by `rules`, and the calls that it took.
async fn seen_with(
    settings: &Settings,
    record: &TenantRecord,
    rules: &[&Rule],
) -> (Result<Observed, Error>, Vec<String>) {
    let calls = Calls::default();
    let clients = clients(rules, &calls);
    let observer =
        Observer { cloudformation: clients.cloudformation, ecs: clients.ecs, elb: clients.elb };
    let seen = observer.observe(record, settings, "mate-dev").await;
    (seen, calls.made())
}

async fn seen(record: &TenantRecord, rules: &[&Rule]) -> (Result<Observed, Error>, Vec<String>) {
    seen_with(&settings(), record, rules).await
}

fn stack_event(resource: &str, status: &str, reason: &str) -> StackEvent {
    StackEvent::builder()
        .logical_resource_id(resource)
        .resource_type("AWS::RDS::DBInstance")
        .resource_status(ResourceStatus::from(status))
        .resource_status_reason(reason)
        .build()
}

/// The stack's events in pages, newest first. The answer to a page that no call asks for is
/// never made.
fn events(pages: &'static [&'static [(&'static str, &'static str, &'static str)]]) -> Rule {
    mock!(CloudFormation::describe_stack_events).then_compute_output(|request| {
        let number: usize = request.next_token().map_or(0, |token| token.parse().unwrap());
        let event =
            |(resource, status, reason): &(&str, &str, &str)| stack_event(resource, status, reason);
        let next = (number + 1 < pages.len()).then(|| (number + 1).to_string());
        DescribeStackEventsOutput::builder()
            .set_stack_events(Some(pages[number].iter().map(event).collect()))
            .set_next_token(next)
            .build()
    })
}

/// What is found to have broken a data stack with these events, and how many pages were read.
async fn cause_in(
    pages: &'static [&'static [(&'static str, &'static str, &'static str)]],
) -> (Option<Cause>, usize) {
    let broken = stack(DATA_STACK, "ROLLBACK_COMPLETE");
    let events = events(pages);
    let (observed, _) = seen(&onboarding(), &[&broken, &events]).await;
    (observed.unwrap().data.unwrap().cause, events.num_calls())
}

fn cause(resource: &str, reason: &str) -> Cause {
    let resource = Some(format!("{resource} (AWS::RDS::DBInstance)"));
    Cause { resource, reason: reason.to_owned() }
}

#[tokio::test]
async fn a_stack_that_does_not_exist_is_none_and_the_app_stack_is_not_asked_for() {
    let (observed, calls) = seen(&onboarding(), &[&no_stack(DATA_STACK)]).await;
    assert_eq!(observed.unwrap(), Observed::default());
    assert_eq!(calls, ["DescribeStacks"]);
}

#[tokio::test]
async fn a_deleted_stack_is_none() {
    let (observed, _) = seen(&onboarding(), &[&stack(DATA_STACK, "DELETE_COMPLETE")]).await;
    assert_eq!(observed.unwrap(), Observed::default());
}

#[tokio::test]
async fn a_stack_tells_which_tier_it_was_made_for_and_when_it_was_last_updated() {
    let rule = mock!(CloudFormation::describe_stacks).then_output(|| {
        let stack = CloudFormationStack::builder()
            .stack_name(DATA_STACK)
            .stack_status(StackStatus::UpdateInProgress)
            .creation_time(DateTime::from_secs(0))
            .last_updated_time(DateTime::from_secs_and_nanos(60, 500_000_000))
            .tags(Tag::builder().key("Tenant").value("demo").build())
            .tags(Tag::builder().key("Tier").value("enterprise").build());
        DescribeStacksOutput::builder().stacks(stack.build()).build()
    });
    let data = seen(&onboarding(), &[&rule]).await.0.unwrap().data.unwrap();
    assert_eq!(data.tier.as_deref(), Some("enterprise"));
    assert_eq!(data.updated_at, Some("1970-01-01T00:01:00.5Z".parse().unwrap()));
}

#[tokio::test]
async fn of_a_tenant_on_whom_nothing_is_to_be_done_nothing_is_read() {
    for record in [onboarding().active(), onboarding().failed()] {
        let (observed, calls) = seen(&record, &[]).await;
        assert_eq!((observed.unwrap(), calls.len()), (Observed::default(), 0));
    }
}

#[tokio::test]
async fn behind_a_failed_attempt_both_stacks_are_looked_for() {
    let record = TenantRecord { cleaning_up: true, ..onboarding().failed() };
    let rules = [no_stack(DATA_STACK), stack(APP_STACK, "DELETE_IN_PROGRESS")];
    let (observed, calls) = seen(&record, &[&rules[0], &rules[1]]).await;
    assert_eq!(observed.unwrap().app.unwrap().status, "DELETE_IN_PROGRESS");
    assert_eq!(calls, ["DescribeStacks", "DescribeStacks"]);
}

#[tokio::test]
async fn the_first_failure_is_found_over_several_pages_and_its_echoes_are_not_it() {
    let (found, pages) = cause_in(&[
        &[
            (DATA_STACK, "ROLLBACK_COMPLETE", ""),
            ("Cache", "DELETE_FAILED", "later, while rolling back"),
            (DATA_STACK, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed: [Database]"),
        ],
        &[
            ("Bucket", "CREATE_FAILED", "Resource creation cancelled"),
            ("Cache", "CREATE_FAILED", "no capacity either"),
            ("Database", "CREATE_FAILED", "quota exceeded"),
        ],
        &[(DATA_STACK, "CREATE_IN_PROGRESS", "User Initiated")],
    ])
    .await;
    assert_eq!((found, pages), (Some(cause("Database", "quota exceeded")), 3));
}

#[tokio::test]
async fn a_reason_that_speaks_of_something_cancelled_is_a_cause_all_the_same() {
    let (found, _) = cause_in(&[&[
        ("Bucket", "UPDATE_FAILED", "Resource update cancelled"),
        ("Database", "CREATE_FAILED", "the instance was cancelled by its owner"),
        (DATA_STACK, "CREATE_IN_PROGRESS", "User Initiated"),
    ]])
    .await;
    assert_eq!(found, Some(cause("Database", "the instance was cancelled by its owner")));
}

#[tokio::test]
async fn the_failure_of_an_earlier_operation_is_not_the_cause() {
    let (found, pages) = cause_in(&[
        &[
            ("Database", "UPDATE_FAILED", "the newer"),
            (DATA_STACK, "UPDATE_IN_PROGRESS", "User Initiated"),
            ("Database", "CREATE_FAILED", "the older"),
        ],
        &[("Cache", "CREATE_FAILED", "older still")],
    ])
    .await;
    assert_eq!((found, pages), (Some(cause("Database", "the newer")), 1));
}

#[tokio::test]
async fn where_no_resource_failed_the_stacks_own_reason_is_the_cause() {
    let (found, _) = cause_in(&[&[
        (DATA_STACK, "ROLLBACK_COMPLETE", ""),
        (DATA_STACK, "CREATE_FAILED", "the role cannot be assumed"),
        (DATA_STACK, "CREATE_IN_PROGRESS", "User Initiated"),
    ]])
    .await;
    let reason = "the role cannot be assumed".to_owned();
    assert_eq!(found, Some(Cause { resource: None, reason }));
}

#[tokio::test]
async fn a_stack_without_end_of_events_is_given_up_after_twenty_pages() {
    let broken = stack(DATA_STACK, "ROLLBACK_COMPLETE");
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let endless = mock!(CloudFormation::describe_stack_events).then_compute_output(move |_| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        DescribeStackEventsOutput::builder()
            .stack_events(stack_event("Database", "CREATE_FAILED", &format!("page {number}")))
            .next_token(number.to_string())
            .build()
    });
    let (observed, _) = seen(&onboarding(), &[&broken, &endless]).await;
    assert_eq!(observed.unwrap().data.unwrap().cause, Some(cause("Database", "page 19")));
    assert_eq!(asked.load(Ordering::SeqCst), 20);
}

fn service(name: &str) -> Service {
    let newest = Deployment::builder()
        .status("PRIMARY")
        .rollout_state(DeploymentRolloutState::Completed)
        .build();
    let before = Deployment::builder()
        .status("ACTIVE")
        .rollout_state(DeploymentRolloutState::Failed)
        .build();
    Service::builder()
        .service_name(name)
        .status("ACTIVE")
        .running_count(2)
        .desired_count(2)
        .deployments(before)
        .deployments(newest)
        .build()
}

fn target(address: &str, state: TargetHealthStateEnum) -> TargetHealthDescription {
    TargetHealthDescription::builder()
        .target(TargetDescription::builder().id(address).port(8000).build())
        .target_health(TargetHealth::builder().state(state).description("in words").build())
        .build()
}

fn targets(of: &'static [(&'static str, TargetHealthStateEnum)]) -> Rule {
    mock!(Elb::describe_target_health)
        .match_requests(|request| request.target_group_arn() == Some("target-group"))
        .then_output(|| {
            let targets = of.iter().map(|(address, state)| target(address, state.clone()));
            DescribeTargetHealthOutput::builder()
                .set_target_health_descriptions(Some(targets.collect()))
                .build()
        })
}

/// All services that are asked for run.
fn services() -> (Rule, Sent<aws_sdk_ecs::operation::describe_services::DescribeServicesInput>) {
    let asked = Sent::new();
    let rule =
        mock!(Ecs::describe_services).match_requests(asked.keep()).then_compute_output(|request| {
            let services = request.services().iter().map(|name| service(name)).collect();
            DescribeServicesOutput::builder().set_services(Some(services)).build()
        });
    (rule, asked)
}

#[tokio::test]
async fn services_are_asked_for_ten_at_a_time() {
    let mut settings = settings();
    let template = settings.services.values().next().unwrap().clone();
    settings.services = (0..23).map(|number| (format!("s{number:02}"), template.clone())).collect();
    let (services, asked) = services();
    let data = stack(DATA_STACK, "CREATE_COMPLETE");
    let rules = [&data, &whole_app(), &services, &targets(&[])];
    let (observed, _) = seen_with(&settings, &onboarding(), &rules).await;
    let health = observed.unwrap().health.unwrap();
    assert_eq!((health.services.len(), health.missing.len()), (23, 0));
    let asked: Vec<usize> = asked.all().iter().map(|request| request.services().len()).collect();
    assert_eq!(asked, [10, 10, 3]);
}

#[tokio::test]
async fn the_newest_deployment_tells_how_a_service_is() {
    let (services, _) = services();
    let data = stack(DATA_STACK, "CREATE_COMPLETE");
    let rules = [&data, &whole_app(), &services, &targets(&[])];
    let health = seen(&onboarding(), &rules).await.0.unwrap().health.unwrap();
    assert!(health.services.iter().all(|service| service.rollout == Rollout::Completed));
}

#[tokio::test]
async fn a_service_that_is_not_there_or_inactive_is_missing() {
    let data = stack(DATA_STACK, "CREATE_COMPLETE");
    let gone = mock!(Ecs::describe_services).then_compute_output(|request| {
        let first = request.services().first().unwrap();
        let inactive = Service::builder().service_name(first).status("INACTIVE").build();
        DescribeServicesOutput::builder().services(inactive).build()
    });
    let rules = [&data, &whole_app(), &gone, &targets(&[])];
    let health = seen(&onboarding(), &rules).await.0.unwrap().health.unwrap();
    assert_eq!(health.missing.len(), settings().services.len());
}

#[tokio::test]
async fn targets_that_are_leaving_are_ignored() {
    let (services, _) = services();
    let data = stack(DATA_STACK, "CREATE_COMPLETE");
    let targets = targets(&[
        ("10.0.0.1", TargetHealthStateEnum::Draining),
        ("10.0.0.2", TargetHealthStateEnum::Healthy),
        ("10.0.0.3", TargetHealthStateEnum::UnhealthyDraining),
        ("10.0.0.4", TargetHealthStateEnum::Unhealthy),
    ]);
    let rules = [&data, &whole_app(), &services, &targets];
    let health = seen(&onboarding(), &rules).await.0.unwrap().health.unwrap();
    let left: Vec<(&str, bool)> =
        health.targets.iter().map(|target| (target.target.as_str(), target.healthy)).collect();
    assert_eq!(left, [("10.0.0.2:8000", true), ("10.0.0.4:8000", false)]);
}

#[tokio::test]
async fn a_denied_call_is_permanent_and_a_throttled_or_failed_one_passes() {
    let cases = [
        (403, "AccessDenied", "not yours", false),
        (400, "ValidationError", "the name is too long", false),
        // Only a missing stack is none: not what merely speaks of something that is missing.
        (403, "AccessDenied", "the role does not exist", false),
        (400, "Throttling", "Rate exceeded", true),
        (500, "InternalFailure", "not us", true),
        (503, "ServiceUnavailable", "not now", true),
    ];
    for (status, code, message, transient) in cases {
        let refused = mock!(CloudFormation::describe_stacks)
            .then_http_response(move || xml_error(status, code, message));
        let error = seen(&onboarding(), &[&refused]).await.0.unwrap_err();
        assert_eq!(error.is_transient(), transient, "{code}");
        let words = format!("could not describe the stack {DATA_STACK}: {code}: {message}");
        assert!(error.to_string().starts_with(&words), "{error}");
    }
}

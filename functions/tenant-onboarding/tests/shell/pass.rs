//! One pass: which calls it makes, what it leaves in the record, when it comes again.

use std::time::Duration;

use aws_sdk_cloudformation::Client as CloudFormation;
use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::operation::describe_services::DescribeServicesOutput;
use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service};
use aws_sdk_elasticloadbalancingv2::Client as Elb;
use aws_sdk_elasticloadbalancingv2::operation::describe_target_health::DescribeTargetHealthOutput;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealth, TargetHealthDescription, TargetHealthStateEnum,
};
use aws_sdk_sqs::operation::send_message::SendMessageInput;
use aws_smithy_mocks::{Rule, mock};
use serde_json::{Value, json};

use crate::aws::xml_error;
use crate::fixtures::{DATA_STACK, Told, no_stack, onboarding, stack, whole_app};
use crate::world::{
    World, Writes, bus, free, look, nothing_recorded, queues, recorded, stack_taken, taken, topics,
    visibility,
};

/// A nudge as it was sent, and that its delay is what is left of `delay` after the jitter.
fn nudged(sent: &SendMessageInput, waited: Option<u32>, delay: Duration) {
    assert_eq!(sent.queue_url(), Some("QUEUE_URL"));
    let body: Value = serde_json::from_str(sent.message_body().unwrap()).unwrap();
    assert_eq!(body, json!({ "caretaker": "look", "tenant": "demo", "waited": waited }));
    let seconds = u64::try_from(sent.delay_seconds().unwrap()).unwrap();
    let least = delay.as_secs().div_ceil(2);
    assert!((least..=delay.as_secs()).contains(&seconds), "{seconds} s");
}

#[tokio::test]
async fn a_pass_that_finds_all_done_makes_one_call_and_no_write() {
    for record in [onboarding().active().announced(), onboarding().failed().announced()] {
        let world = World::answering(&[&recorded(&record)]);
        assert_eq!(world.hears(&look(Some(3))).await, [""; 0]);
        assert_eq!(world.calls(), ["GetItem"]);
    }
}

#[tokio::test]
async fn a_look_at_a_tenant_that_nobody_asked_for_ends_there() {
    let world = World::answering(&[&nothing_recorded()]);
    assert_eq!(world.hears(&look(Some(0))).await, [""; 0]);
    assert_eq!(world.calls(), ["GetItem"]);
}

#[tokio::test]
async fn an_event_about_something_else_makes_no_call() {
    let event = json!({
        "id": "e", "source": "aws.cloudformation",
        "detail-type": "CloudFormation Stack Status Change",
        "detail": { "stack-id": "arn:aws:cloudformation:r:a:stack/other-demo-dev-data/u" },
    });
    let world = World::answering(&[]);
    assert_eq!(world.hears(&event.to_string()).await, [""; 0]);
    assert_eq!(world.calls(), [""; 0]);
}

#[tokio::test]
async fn waiting_writes_nothing_and_only_a_look_of_a_chain_goes_on() {
    let waiting = [recorded(&onboarding()), stack(DATA_STACK, "CREATE_IN_PROGRESS")];
    let alone = World::answering(&[&waiting[0], &waiting[1]]);
    assert_eq!(alone.hears(&look(None)).await, [""; 0]);
    assert_eq!(alone.calls(), ["GetItem", "DescribeStacks"]);
    let (queues, nudges) = queues();
    let chained = World::answering(&[&waiting[0], &waiting[1], &queues]);
    assert_eq!(chained.hears(&look(Some(2))).await, [""; 0]);
    assert_eq!(chained.calls(), ["GetItem", "DescribeStacks", "SendMessage"]);
    nudged(&nudges.one(), Some(3), Duration::from_mins(4));
}

#[tokio::test]
async fn a_tenant_in_other_hands_is_looked_at_again_in_a_moment_and_not_touched() {
    // Held by another pass; changed since it was read.
    let refusals = [
        taken(&[("lease_owner", "another pass"), ("lease_until", "4102444800000")]),
        taken(&[("version", "5")]),
    ];
    for refusal in refusals {
        for chain in [None, Some(4)] {
            let (queues, nudges) = queues();
            let rules = [recorded(&onboarding()), no_stack(DATA_STACK)];
            let world = World::answering(&[&rules[0], &rules[1], &refusal, &queues]);
            assert_eq!(world.hears(&look(chain)).await, [""; 0]);
            let calls = ["GetItem", "DescribeStacks", "UpdateItem", "SendMessage"];
            assert_eq!(world.calls(), calls);
            nudged(&nudges.one(), chain, Duration::from_secs(5));
        }
    }
}

#[tokio::test]
async fn a_pass_says_what_it_begins_does_it_and_ends_with_one_commit() {
    let ((writes, written), (queues, nudges)) = (Writes::taken(), queues());
    let rules =
        [recorded(&onboarding()), no_stack(DATA_STACK), free(), writes, stack_taken(), queues];
    let world = World::answering(&rules.iter().collect::<Vec<_>>());
    assert_eq!(world.hears(&look(Some(7))).await, [""; 0]);
    assert_eq!(
        world.calls(),
        [
            "GetItem",
            "DescribeStacks",
            "UpdateItem",
            "TransactWriteItems",
            "CreateStack",
            "TransactWriteItems",
            "SendMessage",
        ]
    );
    assert_eq!(
        written.journal(),
        [
            "data stack: create the data stack: begun".to_owned(),
            format!("data stack: create the data stack: CloudFormation creates {DATA_STACK}"),
        ]
    );
    // Something moved: the chain's patience begins anew.
    nudged(&nudges.one(), Some(0), Duration::from_secs(10));
}

/// CloudFormation refuses a new stack like this.
fn refusing(status: u16, code: &'static str) -> Rule {
    mock!(CloudFormation::create_stack)
        .then_http_response(move || xml_error(status, code, "in AWS's words"))
}

#[tokio::test]
async fn what_passes_by_itself_brings_the_message_back_soon() {
    let ((writes, written), (visibility, shown)) = (Writes::taken(), visibility());
    let rules = [
        recorded(&onboarding()),
        no_stack(DATA_STACK),
        free(),
        writes,
        refusing(400, "Throttling"),
        visibility,
    ];
    let world = World::answering(&rules.iter().collect::<Vec<_>>());
    assert_eq!(world.hears(&look(Some(0))).await, ["m-1"]);
    let shown = shown.one();
    assert_eq!(shown.receipt_handle(), Some("receipt of m-1"));
    assert_eq!(shown.visibility_timeout(), Some(2));
    assert_eq!(written.last("status").as_deref(), Some("onboarding"));
    let last = written.journal().pop().unwrap();
    assert!(last.contains("failed: could not create the stack mate-demo-dev-data"), "{last}");
}

#[tokio::test]
async fn a_message_that_cannot_be_shown_sooner_still_comes_again() {
    use aws_sdk_sqs::Client as Sqs;
    let hidden = mock!(Sqs::change_message_visibility)
        .then_http_response(|| crate::aws::json_error(403, "AccessDeniedException", "no"));
    let refused = mock!(CloudFormation::describe_stacks)
        .then_http_response(|| xml_error(400, "Throttling", "Rate exceeded"));
    let world = World::answering(&[&recorded(&onboarding()), &refused, &hidden]);
    assert_eq!(world.hears(&look(None)).await, ["m-1"]);
}

#[tokio::test]
async fn what_will_not_pass_ends_the_attempt_with_its_reason() {
    let ((writes, written), (queues, nudges)) = (Writes::taken(), queues());
    let rules = [
        recorded(&onboarding()),
        no_stack(DATA_STACK),
        free(),
        writes,
        refusing(403, "AccessDenied"),
        queues,
    ];
    let world = World::answering(&rules.iter().collect::<Vec<_>>());
    assert_eq!(world.hears(&look(Some(0))).await, [""; 0]);
    assert_eq!(written.last("status").as_deref(), Some("failed"));
    assert_eq!(written.last("cleaning_up").as_deref(), Some("true"));
    assert_eq!(written.last("announced").as_deref(), Some("false"));
    assert_eq!(written.last("failure.step").as_deref(), Some("data stack"));
    let reason = written.last("failure.reason").unwrap();
    assert!(
        reason.starts_with(
            "could not create the stack mate-demo-dev-data: AccessDenied: in AWS's words"
        ),
        "{reason}"
    );
    // It is told and cleaned up after in the next pass, which comes soon.
    nudged(&nudges.one(), Some(0), Duration::from_secs(10));
}

/// All services run, and one healthy target answers.
fn healthy() -> [Rule; 2] {
    let services = mock!(Ecs::describe_services).then_compute_output(|request| {
        let service = |name: &String| {
            let newest = Deployment::builder()
                .status("PRIMARY")
                .rollout_state(DeploymentRolloutState::Completed);
            Service::builder()
                .service_name(name)
                .status("ACTIVE")
                .deployments(newest.build())
                .build()
        };
        let services = request.services().iter().map(service).collect();
        DescribeServicesOutput::builder().set_services(Some(services)).build()
    });
    let targets = mock!(Elb::describe_target_health).then_output(|| {
        let health = TargetHealth::builder().state(TargetHealthStateEnum::Healthy).build();
        let target = TargetDescription::builder().id("10.0.0.1").port(8000).build();
        let described =
            TargetHealthDescription::builder().target(target).target_health(health).build();
        DescribeTargetHealthOutput::builder().target_health_descriptions(described).build()
    });
    [services, targets]
}

#[tokio::test]
async fn nobody_is_told_that_a_tenant_is_active_before_it_is_recorded() {
    let ((writes, written), (bus, _), (topics, _)) = (Writes::taken(), bus(), topics());
    let [services, targets] = healthy();
    let rules = [
        recorded(&onboarding().with_role()),
        stack(DATA_STACK, "CREATE_COMPLETE"),
        whole_app(),
        services,
        targets,
        free(),
        writes,
        bus,
        topics,
    ];
    let world = World::answering(&rules.iter().collect::<Vec<_>>());
    assert_eq!(world.hears(&look(Some(0))).await, [""; 0]);
    assert_eq!(
        world.calls()[5..],
        [
            "UpdateItem",
            // What is begun; that it is active; that it was told.
            "TransactWriteItems",
            "TransactWriteItems",
            "PutEvents",
            "Publish",
            "TransactWriteItems",
        ]
    );
    assert_eq!(written.last("status").as_deref(), Some("active"));
    assert_eq!(written.last("url").as_deref(), Some("https://demo.example.com"));
    assert_eq!(written.last("announced").as_deref(), Some("true"));
}

#[tokio::test]
async fn one_poisonous_record_does_not_fail_its_neighbours() {
    let ((bus, _), (topics, _), (queues, _)) = (bus(), topics(), queues());
    let healthy = recorded(&onboarding().active().announced());
    let mut acme = onboarding();
    acme.tenant.id = "acme".parse().unwrap();
    let world = World::answering(&[&healthy, &recorded(&acme), &bus, &topics, &queues]);
    let poison = json!({ "caretaker": "look", "tenant": "acme", "waited": null }).to_string();
    let messages = [
        ("fine", look(None)),
        // Nothing expects a look at this tenant's stacks: its pass panics.
        ("poison", poison),
        ("garbage", "{".to_owned()),
        ("fine too", look(Some(1))),
    ];
    let messages: Vec<_> = messages.iter().map(|(id, body)| (*id, body.as_str())).collect();
    assert_eq!(world.hears_all(&messages).await, ["poison"]);
}

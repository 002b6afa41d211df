//! Every verdict on a request, from the message to the record and the answer.

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::error::{
    ConditionalCheckFailedException, TransactionCanceledException,
};
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};
use aws_sdk_eventbridge::operation::put_events::PutEventsInput;
use aws_smithy_mocks::{Rule, mock};
use serde_dynamo::aws_sdk_dynamodb_1::to_item;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use store::{Idempotency, TenantRecord};

use crate::aws::Sent;
use crate::fixtures::{DATA_STACK, Told, no_stack, onboarding, stack};
use crate::world::{
    World, Writes, bus, free, nothing_recorded, queues, recorded, stack_taken, topics, visibility,
};

fn content(request_id: &str) -> Value {
    json!({
        "action": "onboard", "requestId": request_id, "tenantId": "demo", "displayName": "Demo",
        "tier": "trial", "environment": "dev", "adminEmail": "admin@example.com",
    })
}

fn request(request_id: &str) -> String {
    content(request_id).to_string()
}

/// The request's idempotency record as it stands once it was answered with this payload.
fn answered(request_id: &str, payload: &Value) -> HashMap<String, AttributeValue> {
    let known = Idempotency::new("onboard", request_id, payload, Duration::from_secs(1)).unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    HashMap::from([
        ("payload_hash".to_owned(), text(known.payload_hash())),
        ("state".to_owned(), text("COMPLETED")),
        ("answer".to_owned(), text(r#"{"tenant":"demo"}"#)),
    ])
}

/// The claim of a request is refused, as its idempotency record stands like this.
fn claimed(item: HashMap<String, AttributeValue>) -> Rule {
    mock!(DynamoDb::update_item).then_error(move || {
        let refused =
            ConditionalCheckFailedException::builder().set_item(Some(item.clone())).build();
        UpdateItemError::ConditionalCheckFailedException(refused)
    })
}

/// The creation of a tenant is refused: one item for each of its writes, `None` where it was not
/// at fault.
fn not_created(items: Vec<Option<HashMap<String, AttributeValue>>>) -> Rule {
    mock!(DynamoDb::transact_write_items).then_error(move || {
        let reason = |item: &Option<HashMap<String, AttributeValue>>| {
            let code = if item.is_some() { "ConditionalCheckFailed" } else { "None" };
            CancellationReason::builder().code(code).set_item(item.clone()).build()
        };
        let cancelled = TransactionCanceledException::builder()
            .set_cancellation_reasons(Some(items.iter().map(reason).collect()))
            .build();
        TransactWriteItemsError::TransactionCanceledException(cancelled)
    })
}

fn journal_line() -> Rule {
    mock!(DynamoDb::put_item).then_output(|| PutItemOutput::builder().build())
}

/// What was published, by its type and with its detail.
fn published(events: &Sent<PutEventsInput>) -> (String, Value) {
    let events = events.one();
    let [event] = events.entries() else { panic!("one event") };
    let detail = serde_json::from_str(event.detail().unwrap()).unwrap();
    (event.detail_type().unwrap().to_owned(), detail)
}

#[tokio::test]
async fn a_new_tenant_is_recorded_and_its_first_stack_begun_at_once() {
    let ((writes, written), (queues, _)) = (Writes::taken(), queues());
    let rules = [nothing_recorded(), free(), writes, no_stack(DATA_STACK), stack_taken(), queues];
    let world = World::answering(&rules.iter().collect::<Vec<_>>());
    assert_eq!(world.hears(&request("request-1")).await, [""; 0]);
    assert_eq!(
        world.calls(),
        [
            "GetItem",
            // The priority of its listener rule; the tenant with its request.
            "UpdateItem",
            "TransactWriteItems",
            "DescribeStacks",
            "UpdateItem",
            "TransactWriteItems",
            "CreateStack",
            "TransactWriteItems",
            "SendMessage",
        ]
    );
    assert_eq!(written.last("status").as_deref(), Some("onboarding"));
    assert_eq!(written.last("listener_priority").as_deref(), Some("1"));
    assert_eq!(written.journal()[0], "request: accept demo on tier trial: recorded");
}

#[tokio::test]
async fn a_repeated_request_is_known_as_one_and_changes_nothing() {
    let known = claimed(answered("request-1", &content("request-1")));
    let record = recorded(&onboarding().active().announced());
    let world = World::answering(&[&record, &known]);
    assert_eq!(world.hears(&request("request-1")).await, [""; 0]);
    assert_eq!(world.calls(), ["GetItem", "UpdateItem"]);
}

#[tokio::test]
async fn a_request_for_a_tenant_that_exists_is_answered_with_its_state() {
    let records = [onboarding(), onboarding().active().announced()];
    for (record, state) in records.iter().zip(["onboarding", "active"]) {
        let (bus, events) = bus();
        let world = World::answering(&[&recorded(record), &free(), &bus, &journal_line()]);
        assert_eq!(world.hears(&request("request-2")).await, [""; 0]);
        // Claimed, answered, in the journal, and the answer is known.
        assert_eq!(world.calls(), ["GetItem", "UpdateItem", "PutEvents", "PutItem", "UpdateItem"]);
        let (kind, detail) = published(&events);
        assert_eq!(kind, "TenantAlreadyExists");
        assert_eq!((&detail["state"], &detail["requestId"]), (&json!(state), &json!("request-2")));
    }
}

#[tokio::test]
async fn a_request_for_a_tenant_that_failed_begins_its_next_attempt() {
    let ((writes, written), (queues, _)) = (Writes::taken(), queues());
    let failed = recorded(&onboarding().with_role().failed().announced());
    let rules = [failed, free(), writes, no_stack(DATA_STACK), stack_taken(), queues];
    let world = World::answering(&rules.iter().collect::<Vec<_>>());
    assert_eq!(world.hears(&request("request-2")).await, [""; 0]);
    assert_eq!(written.last("status").as_deref(), Some("onboarding"));
    assert_eq!(written.last("attempt").as_deref(), Some("2"));
    assert_eq!(written.last("request_id").as_deref(), Some("request-2"));
    assert_eq!(written.last("failure.reason"), None);
    // Whose database it was cannot be known: the role is looked after anew.
    assert_eq!(written.last("database_role_at"), None);
    // The rule on the listener keeps its place.
    assert_eq!(written.last("listener_priority").as_deref(), Some("7"));
    assert_eq!(written.journal()[0], "request: begin attempt 2: recorded");
}

#[tokio::test]
async fn another_content_under_a_used_id_is_refused() {
    let mut other = content("request-1");
    other["tier"] = json!("enterprise");
    let used = claimed(answered("request-1", &other));
    let ((bus, events), (topics, _), (queues, letters)) = (bus(), topics(), queues());
    let record = recorded(&onboarding().active().announced());
    let world = World::answering(&[&record, &used, &journal_line(), &bus, &topics, &queues]);
    assert_eq!(world.hears(&request("request-1")).await, [""; 0]);
    let (kind, detail) = published(&events);
    assert_eq!((kind.as_str(), &detail["tenantId"]), ("TenantRequestRefused", &json!("demo")));
    assert_eq!(letters.one().message_body(), Some(request("request-1").as_str()));
}

#[tokio::test]
async fn a_request_that_another_attempt_is_taking_comes_again() {
    let mut item = answered("request-2", &content("request-2"));
    item.insert("state".to_owned(), AttributeValue::S("INPROGRESS".to_owned()));
    let until = AttributeValue::N("4102444800000".to_owned());
    item.insert("in_progress_until".to_owned(), until);
    let (visibility, shown) = visibility();
    let record = recorded(&onboarding().failed().announced());
    let world = World::answering(&[&record, &claimed(item), &visibility]);
    assert_eq!(world.hears(&request("request-2")).await, ["m-1"]);
    assert_eq!(shown.all().len(), 1);
}

#[tokio::test]
async fn a_retry_waits_for_the_pass_that_cleans_up() {
    // The claim is free, the lease is not.
    let claim = mock!(DynamoDb::update_item)
        .match_requests(|request| request.update_expression().unwrap().contains("#answer"))
        .then_output(|| {
            let fence = AttributeValue::N("1".to_owned());
            UpdateItemOutput::builder().attributes("fence", fence).build()
        });
    let held =
        crate::world::taken(&[("lease_owner", "another pass"), ("lease_until", "4102444800000")]);
    let (visibility, _) = visibility();
    let record = TenantRecord { cleaning_up: true, ..onboarding().failed() };
    let world = World::answering(&[&recorded(&record), &claim, &held, &visibility]);
    assert_eq!(world.hears(&request("request-2")).await, ["m-1"]);
    let calls = ["GetItem", "UpdateItem", "UpdateItem", "ChangeMessageVisibility"];
    assert_eq!(world.calls(), calls);
}

/// The tenant as it stands in the table since another message made it.
fn made_meanwhile(record: &TenantRecord) -> HashMap<String, AttributeValue> {
    to_item(record).unwrap()
}

#[tokio::test]
async fn a_request_that_loses_the_race_for_a_tenant_is_answered_with_its_state() {
    let (bus, events) = bus();
    let lost = not_created(vec![None, Some(made_meanwhile(&onboarding())), None]);
    let rules = [nothing_recorded(), free(), lost, bus, journal_line()];
    let world = World::answering(&rules.iter().collect::<Vec<_>>());
    assert_eq!(world.hears(&request("request-2")).await, [""; 0]);
    let (kind, detail) = published(&events);
    assert_eq!(kind, "TenantAlreadyExists");
    assert_eq!(
        (&detail["state"], &detail["requestId"]),
        (&json!("onboarding"), &json!("request-2"))
    );
}

#[tokio::test]
async fn a_message_that_is_delivered_twice_at_once_makes_one_tenant() {
    let known = Some(answered("request-1", &content("request-1")));
    let lost = not_created(vec![known, Some(made_meanwhile(&onboarding())), None]);
    let (queues, _) = queues();
    let rules = [nothing_recorded(), free(), lost, stack(DATA_STACK, "CREATE_IN_PROGRESS"), queues];
    let world = World::answering(&rules.iter().collect::<Vec<_>>());
    assert_eq!(world.hears(&request("request-1")).await, [""; 0]);
    let calls = ["GetItem", "UpdateItem", "TransactWriteItems", "DescribeStacks", "SendMessage"];
    assert_eq!(world.calls(), calls);
}

#[tokio::test]
async fn a_listener_without_a_free_priority_makes_no_tenant() {
    let last = mock!(DynamoDb::update_item).then_output(|| {
        let value = AttributeValue::N("50001".to_owned());
        UpdateItemOutput::builder().attributes("value", value).build()
    });
    let (queues, letters) = queues();
    let world = World::answering(&[&nothing_recorded(), &last, &queues]);
    assert_eq!(world.hears(&request("request-1")).await, [""; 0]);
    assert_eq!(world.calls(), ["GetItem", "UpdateItem", "SendMessage"]);
    // Trying again cannot help: it is with the dead letters, and says why.
    let letter = letters.one();
    assert_eq!(letter.queue_url(), Some("DEAD_LETTER_QUEUE_URL"));
    let reason = &letter.message_attributes().unwrap()["CaretakerReason"];
    assert!(reason.string_value().unwrap().contains("no rule priority left"), "{reason:?}");
}

/// A control plane's request for the tenant `demo`.
fn registration(detail_type: &str) -> String {
    json!({
        "id": "e", "source": "sbt.control.plane", "detail-type": detail_type,
        "detail": {
            "tenantRegistrationId": "registration-2", "tenantId": "9b2", "tenantName": "demo",
            "email": "admin@example.com", "tier": "trial", "registrationStatus": "In progress",
        },
    })
    .to_string()
}

#[tokio::test]
async fn what_a_control_plane_asked_for_is_recorded_with_the_way_it_asked() {
    for (asked, unprefixed) in
        [("sbt_aws_onboardingRequest", "false"), ("onboardingRequest", "true")]
    {
        let ((writes, written), (queues, _)) = (Writes::taken(), queues());
        let rules =
            [nothing_recorded(), free(), writes, no_stack(DATA_STACK), stack_taken(), queues];
        let world = World::answering(&rules.iter().collect::<Vec<_>>());
        assert_eq!(world.hears(&registration(asked)).await, [""; 0]);
        assert_eq!(written.last("registration_id").as_deref(), Some("registration-2"));
        assert_eq!(written.last("registration_unprefixed").as_deref(), Some(unprefixed));
    }
}

#[tokio::test]
async fn a_control_plane_that_asks_for_another_registrations_tenant_hears_that_it_failed() {
    let (bus, events) = bus();
    let record = recorded(&onboarding().active().announced());
    let world = World::answering(&[&record, &free(), &bus, &journal_line()]);
    assert_eq!(world.hears(&registration("onboardingRequest")).await, [""; 0]);
    let events = events.one();
    let types: Vec<_> = events.entries().iter().map(|e| e.detail_type().unwrap()).collect();
    assert_eq!(types, ["TenantAlreadyExists", "onboardingFailure"]);
    let answer = events.entries()[1].detail().unwrap();
    assert!(!answer.contains("https://"), "another registration's address is told: {answer}");
}

//! What becomes of a message that cannot be taken: it is told, alerted, and kept with its reason.

use aws_sdk_eventbridge::Client as EventBridge;
use aws_sdk_sns::Client as Sns;
use aws_smithy_mocks::mock;
use serde_json::{Value, json};

use crate::aws::{json_error, xml_error};
use crate::world::{World, bus, queues, topics, visibility};

#[tokio::test]
async fn a_refused_message_is_told_then_alerted_then_buried_with_its_reason() {
    let ((bus, events), (topics, alerts), (queues, letters)) = (bus(), topics(), queues());
    let world = World::answering(&[&bus, &topics, &queues]);
    assert_eq!(world.hears("{").await, [""; 0]);
    assert_eq!(world.calls(), ["PutEvents", "Publish", "SendMessage"]);
    let events = events.one();
    let event = &events.entries()[0];
    assert_eq!(event.detail_type(), Some("TenantRequestRefused"));
    assert_eq!(event.event_bus_name(), Some("EVENT_BUS"));
    let detail: Value = serde_json::from_str(event.detail().unwrap()).unwrap();
    assert_eq!(detail["messageId"], "m-1");
    let reason = detail["mistakes"][0].as_str().unwrap().to_owned();
    assert!(reason.starts_with("the message is no JSON"), "{reason}");
    let alert = alerts.one();
    assert_eq!(alert.topic_arn(), Some("ALARM_TOPIC_ARN"));
    assert!(alert.message().unwrap().contains(&reason));
    let letter = letters.one();
    assert_eq!(letter.queue_url(), Some("DEAD_LETTER_QUEUE_URL"));
    assert_eq!(letter.message_body(), Some("{"));
    let attribute = &letter.message_attributes().unwrap()["CaretakerReason"];
    assert_eq!(attribute.string_value(), Some(reason.as_str()));
}

#[tokio::test]
async fn a_message_that_could_not_be_told_or_alerted_stays_in_the_queue() {
    let ((bus, _), (visibility, _)) = (bus(), visibility());
    let deaf = mock!(EventBridge::put_events)
        .then_http_response(|| json_error(500, "InternalException", "not us"));
    let mute =
        mock!(Sns::publish).then_http_response(|| xml_error(400, "Throttled", "Rate exceeded"));
    let world = World::answering(&[&deaf, &visibility]);
    assert_eq!(world.hears("{").await, ["m-1"]);
    assert_eq!(world.calls(), ["PutEvents", "ChangeMessageVisibility"]);
    let world = World::answering(&[&bus, &mute, &visibility]);
    assert_eq!(world.hears("{").await, ["m-1"]);
    assert_eq!(world.calls()[..2], ["PutEvents", "Publish"]);
    assert!(!world.calls().contains(&"SendMessage".to_owned()));
}

#[tokio::test]
async fn a_refused_request_is_in_the_journal_of_the_tenant_that_it_names() {
    use aws_sdk_dynamodb::Client as DynamoDb;
    use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
    let sent = crate::aws::Sent::new();
    let line = mock!(DynamoDb::put_item)
        .match_requests(sent.keep())
        .then_output(|| PutItemOutput::builder().build());
    let ((bus, _), (topics, _), (queues, _)) = (bus(), topics(), queues());
    let world = World::answering(&[&line, &bus, &topics, &queues]);
    let body = json!({ "action": "onboard", "tenantId": "demo", "requestId": "r-1" }).to_string();
    assert_eq!(world.hears(&body).await, [""; 0]);
    assert_eq!(world.calls(), ["PutItem", "PutEvents", "Publish", "SendMessage"]);
    let item = sent.one().item.unwrap();
    assert_eq!(item["pk"].as_s().unwrap(), "TENANT#mate#dev#demo");
    let why = item["why"].as_s().unwrap();
    for field in ["displayName", "tier", "environment", "adminEmail"] {
        assert!(why.contains(&format!("{field}: is missing")), "{why}");
    }
    // Heard twice, it is the same line: the journal does not repeat it.
    assert_eq!(world.hears(&body).await, [""; 0]);
    let [first, second] = &sent.all()[..] else { panic!("two lines") };
    assert_eq!(first.item(), second.item());
}

#[tokio::test]
async fn a_message_with_ever_so_many_and_long_mistakes_can_still_be_told_of() {
    /// What one entry of `PutEvents`, one message of SNS takes (their API references).
    const TAKEN_BYTES_MAX: usize = 256 * 1024;
    let mut many = serde_json::Map::new();
    for number in 0..20_000 {
        many.insert(format!("field-{number}"), Value::Null);
    }
    let long = json!({ "action": "\u{1f600}".repeat(50_000) });
    let own = json!({ "caretaker": "x".repeat(250_000) });
    for body in [Value::Object(many), long, own] {
        let ((bus, events), (topics, alerts), (queues, letters)) = (bus(), topics(), queues());
        let world = World::answering(&[&bus, &topics, &queues]);
        assert_eq!(world.hears(&body.to_string()).await, [""; 0]);
        let detail = events.one().entries()[0].detail().unwrap().len();
        let alert = alerts.one().message().unwrap().len();
        assert!(detail < TAKEN_BYTES_MAX && alert < TAKEN_BYTES_MAX, "{detail} {alert}");
        assert_eq!(letters.one().message_body(), Some(body.to_string().as_str()));
    }
}

#[tokio::test]
async fn a_reason_holds_no_character_that_a_queue_refuses() {
    let ((bus, _), (topics, _), (queues, letters)) = (bus(), topics(), queues());
    let world = World::answering(&[&bus, &topics, &queues]);
    let body = json!({ "a\u{0}b\u{1b}[31m\u{fffe}": 1 }).to_string();
    assert_eq!(world.hears(&body).await, [""; 0]);
    let letter = letters.one();
    let reason = letter.message_attributes().unwrap()["CaretakerReason"].string_value().unwrap();
    // SQS API reference, SendMessage: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | …
    let refused =
        |c: char| (c.is_control() && !"\t\n\r".contains(c)) || "\u{fffe}\u{ffff}".contains(c);
    assert!(!reason.contains(refused), "{reason:?}");
}

#[tokio::test]
async fn a_control_plane_whose_request_is_refused_hears_that_it_failed() {
    let ((bus, events), (topics, _), (queues, _)) = (bus(), topics(), queues());
    let world = World::answering(&[&bus, &topics, &queues]);
    let body = json!({
        "id": "e", "source": "sbt.control.plane", "detail-type": "sbt_aws_onboardingRequest",
        "detail": { "tenantRegistrationId": "registration-1", "tenantName": "No Label" },
    });
    assert_eq!(world.hears(&body.to_string()).await, [""; 0]);
    let events = events.one();
    let types: Vec<_> = events.entries().iter().map(|e| e.detail_type().unwrap()).collect();
    assert_eq!(types, ["TenantRequestRefused", "sbt_aws_onboardingFailure"]);
    let answer: Value = serde_json::from_str(events.entries()[1].detail().unwrap()).unwrap();
    assert_eq!(answer["tenantRegistrationId"], "registration-1");
    assert_eq!(answer["jobOutput"]["tenantRegistrationData"]["registrationStatus"], "Failed");
}

use aws_sdk_eventbridge::operation::put_events::{PutEventsInput, PutEventsOutput};
use aws_sdk_eventbridge::types::PutEventsResultEntry;
use aws_sdk_sns::operation::publish::{PublishInput, PublishOutput};
use aws_smithy_mocks::{Rule, mock};
use events::published::TenantRequestRefused;
use events::saas_builder::Registration;

use super::*;
use crate::test_client;

const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:alarms";

fn publisher(rule: &Rule) -> Publisher {
    Publisher::new(
        test_client!(aws_sdk_eventbridge, [rule]),
        test_client!(aws_sdk_sns, [rule]),
        "caretaker-mate-dev",
        "caretaker",
    )
}

fn refused() -> Event {
    Event::TenantRequestRefused(TenantRequestRefused {
        message_id: "m-1".to_owned(),
        tenant_id: None,
        request_id: None,
        mistakes: vec!["tier: is missing".to_owned()],
    })
}

fn bus(matches: impl Fn(&PutEventsInput) -> bool + Send + Sync + 'static) -> Rule {
    mock!(aws_sdk_eventbridge::Client::put_events)
        .match_requests(matches)
        .then_output(|| PutEventsOutput::builder().build())
}

fn topic(matches: impl Fn(&PublishInput) -> bool + Send + Sync + 'static) -> Rule {
    mock!(aws_sdk_sns::Client::publish)
        .match_requests(matches)
        .then_output(|| PublishOutput::builder().build())
}

#[tokio::test]
async fn an_event_goes_to_the_bus_as_the_suites() {
    let rule = bus(|input| {
        let [entry] = input.entries() else { return false };
        entry.event_bus_name() == Some("caretaker-mate-dev")
            && entry.source() == Some("caretaker")
            && entry.detail_type() == Some("TenantRequestRefused")
            && entry.detail() == Some(&refused().detail().to_string())
    });
    publisher(&rule).publish(&refused()).await.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn a_control_plane_is_answered_in_the_same_call() {
    let rule = bus(|input| {
        let types: Vec<_> = input.entries().iter().filter_map(|it| it.detail_type()).collect();
        types == ["TenantRequestRefused", "sbt_aws_onboardingFailure"]
    });
    let registration = Registration::new("r-1", "sbt_aws_onboardingRequest");
    publisher(&rule).publish_with(&refused(), Some(&registration.failed())).await.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn an_entry_that_is_refused_by_a_call_that_succeeds_is_an_error() {
    let rule = mock!(aws_sdk_eventbridge::Client::put_events).then_output(|| {
        let taken = PutEventsResultEntry::builder().event_id("e").build();
        let entry = PutEventsResultEntry::builder()
            .error_code("InternalFailure")
            .error_message("not us")
            .build();
        PutEventsOutput::builder().failed_entry_count(1).entries(taken).entries(entry).build()
    });
    let error = publisher(&rule).publish(&refused()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not publish TenantRequestRefused on caretaker-mate-dev: InternalFailure: not us"
    );
    assert!(error.transient);
}

#[tokio::test]
async fn people_are_told_under_the_events_id() {
    let rule = topic(|input| {
        let id = input.message_attributes().and_then(|all| all.get(EVENT_ID_ATTRIBUTE));
        input.topic_arn() == Some(TOPIC)
            && input.subject() == Some("Refused")
            && input.message() == Some("It was refused.")
            && id.and_then(|id| id.string_value()) == Some(&refused().id())
    });
    let (publisher, event) = (publisher(&rule), refused());
    publisher.notify(TOPIC, "Refused", "It was refused.", Some(&event)).await.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn a_subject_is_never_longer_than_an_e_mails_may_be() {
    let rule = topic(|input| {
        input.subject() == Some(&"é".repeat(99)) && input.message_attributes().is_none()
    });
    publisher(&rule).notify(TOPIC, &"é".repeat(200), "…", None).await.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

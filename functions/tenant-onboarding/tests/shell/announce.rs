//! How the world hears of an end: to whom, in which words, and that a refused event is not told.

use aws_sdk_cloudformation::Client as CloudFormation;
use aws_sdk_cloudformation::operation::describe_stack_events::DescribeStackEventsOutput;
use aws_sdk_eventbridge::Client as EventBridge;
use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
use aws_sdk_eventbridge::types::PutEventsResultEntry;
use aws_smithy_mocks::mock;
use serde_json::Value;
use store::{Failure, TenantRecord};

use crate::fixtures::{APP_STACK, DATA_STACK, Told, began, no_stack, onboarding, stack};
use crate::world::{World, Writes, bus, free, look, recorded, topics, visibility};

#[tokio::test]
async fn an_active_tenant_is_told_of_once_to_programs_and_to_people() {
    let ((bus, events), (topics, letters), (writes, written)) = (bus(), topics(), Writes::taken());
    let world =
        World::answering(&[&recorded(&onboarding().active()), &free(), &writes, &bus, &topics]);
    assert_eq!(world.hears(&look(None)).await, [""; 0]);
    let events = events.one();
    assert_eq!(events.entries().len(), 1);
    assert_eq!(events.entries()[0].detail_type(), Some("TenantActivated"));
    assert_eq!(events.entries()[0].source(), Some("EVENT_SOURCE"));
    let letter = letters.one();
    assert_eq!(letter.topic_arn(), Some("NOTIFICATION_TOPIC_ARN"));
    assert_eq!(letter.message(), Some("Demo is active at https://demo.example.com."));
    assert_eq!(written.last("announced").as_deref(), Some("true"));
}

#[tokio::test]
async fn a_failed_tenant_is_told_of_with_its_reason_to_those_who_must_look() {
    let ((bus, events), (topics, letters), (writes, _)) = (bus(), topics(), Writes::taken());
    let world =
        World::answering(&[&recorded(&onboarding().failed()), &free(), &writes, &bus, &topics]);
    assert_eq!(world.hears(&look(None)).await, [""; 0]);
    let detail = events.one().entries()[0].detail().unwrap().to_owned();
    let detail: Value = serde_json::from_str(&detail).unwrap();
    assert_eq!(detail["resource"], "Database (AWS::RDS::DBInstance)");
    assert_eq!(detail["reason"], "quota exceeded");
    let letter = letters.one();
    assert_eq!(letter.topic_arn(), Some("ALARM_TOPIC_ARN"));
    assert!(letter.message().unwrap().contains("quota exceeded"));
}

#[tokio::test]
async fn a_stack_that_cloudformation_gave_up_on_calls_a_person_once() {
    let record = TenantRecord { cleaning_up: true, ..onboarding().failed().announced() };
    let without_events = mock!(CloudFormation::describe_stack_events)
        .then_output(|| DescribeStackEventsOutput::builder().build());
    let ((topics, letters), (writes, written)) = (topics(), Writes::taken());
    let rules = [
        recorded(&record),
        stack(DATA_STACK, "DELETE_FAILED"),
        without_events,
        no_stack(APP_STACK),
        free(),
        writes,
        topics,
    ];
    let world = World::answering(&rules.iter().collect::<Vec<_>>());
    assert_eq!(world.hears(&look(None)).await, [""; 0]);
    let letter = letters.one();
    assert_eq!(letter.topic_arn(), Some("ALARM_TOPIC_ARN"));
    assert!(letter.message().unwrap().contains(DATA_STACK), "{letter:?}");
    assert_eq!(written.last("cleaning_up").as_deref(), Some("false"));
}

#[tokio::test]
async fn a_subject_is_never_longer_than_an_e_mails_may_be() {
    let failure = Failure {
        step: "a step that has a very long name ".repeat(9),
        resource: None,
        reason: "none".to_owned(),
        at: began(),
    };
    let record = TenantRecord { failure: Some(failure), ..onboarding().failed() };
    let ((bus, _), (topics, letters), (writes, _)) = (bus(), topics(), Writes::taken());
    let world = World::answering(&[&recorded(&record), &free(), &writes, &bus, &topics]);
    assert_eq!(world.hears(&look(None)).await, [""; 0]);
    let subject = letters.one().subject().unwrap().to_owned();
    assert!(subject.starts_with("mate-demo-dev failed in step a step"), "{subject}");
    assert_eq!(subject.chars().count(), 99);
}

#[tokio::test]
async fn an_event_that_the_bus_took_the_call_for_and_refused_is_not_told() {
    let refusing = mock!(EventBridge::put_events).then_output(|| {
        let entry = PutEventsResultEntry::builder()
            .error_code("InternalFailure")
            .error_message("not us")
            .build();
        PutEventsOutput::builder().failed_entry_count(1).entries(entry).build()
    });
    let ((writes, written), (visibility, shown)) = (Writes::taken(), visibility());
    let record = recorded(&onboarding().active());
    let world = World::answering(&[&record, &free(), &writes, &refusing, &visibility]);
    assert_eq!(world.hears(&look(None)).await, ["m-1"]);
    assert_eq!(written.last("announced").as_deref(), Some("false"));
    let last = written.journal().pop().unwrap();
    let words = "failed: could not publish TenantActivated on EVENT_BUS: InternalFailure: not us";
    assert!(last.ends_with(words), "{last}");
    assert_eq!(shown.all().len(), 1);
}

#[tokio::test]
async fn a_control_plane_that_asked_gets_its_own_kind_of_answer_beside_the_event() {
    for (registration_unprefixed, answer) in
        [(false, "sbt_aws_onboardingSuccess"), (true, "onboardingSuccess")]
    {
        let record = TenantRecord {
            registration_id: Some("registration-1".to_owned()),
            registration_unprefixed,
            ..onboarding().active()
        };
        let ((bus, events), (topics, _), (writes, _)) = (bus(), topics(), Writes::taken());
        let world = World::answering(&[&recorded(&record), &free(), &writes, &bus, &topics]);
        assert_eq!(world.hears(&look(None)).await, [""; 0]);
        let events = events.one();
        let types: Vec<_> = events.entries().iter().map(|e| e.detail_type().unwrap()).collect();
        assert_eq!(types, ["TenantActivated", answer]);
        let answer: Value = serde_json::from_str(events.entries()[1].detail().unwrap()).unwrap();
        assert_eq!(answer["tenantRegistrationId"], "registration-1");
    }
}

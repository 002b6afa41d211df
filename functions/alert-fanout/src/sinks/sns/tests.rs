use aws_sdk_sns::operation::publish::PublishOutput;
use aws_sdk_sns::types::error::NotFoundException;
use aws_smithy_mocks::{Rule, mock};
use aws_smithy_types::error::ErrorMetadata;
use domain::catalogue::alerting::Sink;
use proptest::prelude::*;

use super::*;
use crate::sinks::testing::{secrets, sinks};
use crate::testing::notification;

async fn publish(topic_arn: Option<&str>, rule: &Rule) -> Result<Receipt, SinkError> {
    let sinks = sinks("http://127.0.0.1:9", &secrets(&[]), &[rule], &[]);
    let sink = Sink::Sns(Sns { topic_arn: topic_arn.map(str::to_owned) });
    sinks.deliver(&sink, &notification(), None).await
}

#[tokio::test]
async fn a_notification_is_published_as_text_with_what_subscriptions_filter_by() {
    for (topic, expected) in [
        (None, "arn:aws:sns:eu-central-1:123456789012:mail"),
        (
            Some("arn:aws:sns:eu-central-1:123456789012:own"),
            "arn:aws:sns:eu-central-1:123456789012:own",
        ),
    ] {
        let rule = mock!(aws_sdk_sns::Client::publish)
            .match_requests(move |request| {
                let attribute = |name| request.message_attributes()?.get(name)?.string_value();
                request.topic_arn() == Some(expected)
                    && request.subject()
                        == Some("[demo dev] Critical: CPU of mate-demo-dev-db over 90 %")
                    && request.message().unwrap().starts_with("Critical: CPU of mate-demo-dev-db")
                    && attribute("severity") == Some("critical")
                    && attribute("state") == Some("firing")
            })
            .then_output(|| PublishOutput::builder().message_id("m-1").build());
        assert_eq!(publish(topic, &rule).await.unwrap().key.as_deref(), Some("m-1"));
    }
}

#[tokio::test]
async fn throttling_is_a_limit_and_a_topic_that_is_not_there_a_refusal() {
    let limited = mock!(aws_sdk_sns::Client::publish)
        .then_error(|| PublishError::generic(ErrorMetadata::builder().code("Throttled").build()));
    let error = publish(None, &limited).await.unwrap_err();
    assert!(matches!(error, SinkError::Limited { .. }), "{error}");
    let missing = mock!(aws_sdk_sns::Client::publish)
        .then_error(|| PublishError::NotFoundException(NotFoundException::builder().build()));
    let error = publish(None, &missing).await.unwrap_err();
    assert!(matches!(error, SinkError::Refused { .. }), "{error}");
}

#[test]
fn what_is_not_ascii_is_left_to_the_body() {
    let mut told = notification();
    told.alerts[0].title = "Größe — über\n90 %…".to_owned();
    assert_eq!(subject(&told), "[demo dev] Critical: Gr??e - ?ber 90 %.");
}

proptest! {
    #[test]
    fn any_subject_is_taken(title in any::<String>(), label in any::<String>()) {
        let mut told = notification();
        told.alerts[0].title = title;
        told.alerts.push(told.alerts[0].clone());
        told.group_labels = vec![("alertname".to_owned(), label.clone()), ("tenant".to_owned(), label)];
        let subject = subject(&told);
        prop_assert!((1..100).contains(&subject.len()), "{subject}");
        prop_assert!(subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{subject}");
        prop_assert!(subject.starts_with(|first: char| first.is_ascii_graphic()));
    }
}

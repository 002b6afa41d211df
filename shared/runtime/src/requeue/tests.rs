use std::collections::HashMap;

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::operation::send_message::{SendMessageInput, SendMessageOutput};
use aws_smithy_mocks::{MockResponseInterceptor, Rule, RuleMode, create_mock_http_client, mock};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use super::*;

const QUEUE_URL: &str = "http://127.0.0.1/000000000000/caretaker";

/// A queue that answers by `rule`, sent to with the jitter of `seed`.
///
/// Built by hand rather than with `mock_client!`, which would have every crate of the workspace
/// compiled a second time with the SDK's `test-util` feature.
fn requeue(rule: &Rule, seed: u64) -> Requeue {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled())
        .http_client(create_mock_http_client())
        .interceptor(MockResponseInterceptor::new().rule_mode(RuleMode::MatchAny).with_rule(rule))
        .build();
    Requeue::new(Client::from_conf(config), QUEUE_URL).with_seed(seed)
}

fn accepts(matches: impl Fn(&SendMessageInput) -> bool + Send + Sync + 'static) -> Rule {
    mock!(Client::send_message)
        .match_requests(matches)
        .then_output(|| SendMessageOutput::builder().message_id("m-1").build())
}

#[tokio::test]
async fn a_message_goes_to_the_queue_with_its_delay_and_its_trace() {
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
    let rule = accepts(move |input| {
        let attributes = input.message_system_attributes().unwrap();
        let sent = &attributes[&MessageSystemAttributeNameForSends::AwsTraceHeader];
        input.queue_url() == Some(QUEUE_URL)
            && input.message_body() == Some(r#"{"tenant":"demo"}"#)
            && input.delay_seconds().is_some_and(|delay| (5..=10).contains(&delay))
            && sent.string_value() == Some(trace)
            && sent.data_type() == "String"
    });
    let delay = Duration::from_secs(10);
    let sent = requeue(&rule, 7).send(r#"{"tenant":"demo"}"#, delay, Some(trace)).await;
    assert_eq!(sent.unwrap(), "m-1");
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn without_a_trace_no_attribute_is_sent() {
    for trace in [None, Some("")] {
        let rule = accepts(|input| input.message_system_attributes().is_none_or(HashMap::is_empty));
        assert!(requeue(&rule, 7).send("{}", Duration::ZERO, trace).await.is_ok());
    }
}

#[test]
fn delays_are_full_seconds_between_half_and_whole_and_never_over_the_limit_of_sqs() {
    let rule = accepts(|_| true);
    // (asked for, least, most)
    let cases = [
        (Duration::ZERO, 0, 0),
        (Duration::from_millis(1), 1, 1),
        (Duration::from_secs(10), 5, 10),
        (Duration::from_mins(15), 450, 900),
        (Duration::from_hours(24), 450, 900),
        (Duration::MAX, 450, 900),
    ];
    for seed in 0..200 {
        for (delay, least, most) in cases {
            let seconds = requeue_seconds(&rule, seed, delay);
            assert!((least..=most).contains(&seconds), "{delay:?} became {seconds} s");
        }
    }
}

fn requeue_seconds(rule: &Rule, seed: u64, delay: Duration) -> i32 {
    requeue(rule, seed).delay_seconds(delay)
}

#[test]
fn the_jitter_spreads_and_is_the_same_for_the_same_seed() {
    let rule = accepts(|_| true);
    let delays = |seed: u64| -> Vec<i32> {
        let requeue = requeue(&rule, seed);
        (0..20).map(|_| requeue.delay_seconds(DELAY_MAX)).collect()
    };
    assert_eq!(delays(7), delays(7));
    assert_ne!(delays(7), delays(8));
    let mut distinct = delays(7);
    distinct.sort_unstable();
    distinct.dedup();
    assert!(distinct.len() > 10, "{distinct:?}");
}

#[tokio::test]
async fn a_refusal_says_what_was_tried_and_that_nothing_is_lost() {
    let rule = mock!(Client::send_message).then_http_response(|| {
        let body = r#"{"__type":"com.amazonaws.sqs#AccessDeniedException","message":"not yours"}"#;
        HttpResponse::new(StatusCode::try_from(403).unwrap(), SdkBody::from(body))
    });
    let error = requeue(&rule, 7).send("{}", Duration::ZERO, None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not re-queue to http://127.0.0.1/000000000000/caretaker with a delay of 0 s: \
         AccessDeniedException: not yours (sqs SendMessage). \
         Nothing is lost: the message in hand comes again, and the sweep takes up what is unfinished"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_throttled_queue_is_transient() {
    let rule = mock!(Client::send_message).then_http_response(|| {
        let body = r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow down"}"#;
        HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body))
    });
    let error = requeue(&rule, 7).send("{}", Duration::ZERO, None).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

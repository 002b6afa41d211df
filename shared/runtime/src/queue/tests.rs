use std::collections::HashMap;

use aws_sdk_sqs::operation::change_message_visibility::ChangeMessageVisibilityOutput;
use aws_sdk_sqs::operation::send_message::{SendMessageInput, SendMessageOutput};
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchInput, SendMessageBatchOutput};
use aws_sdk_sqs::types::BatchResultErrorEntry;
use aws_smithy_mocks::{Rule, mock};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use jiff::Timestamp;

use super::dead_letters::{REASON, REASON_BYTES_MAX};
use super::*;
use crate::batch::Record;
use crate::clock::Clock;
use crate::invocation::Invocation;
use crate::sdk::CallError;
use crate::test_client;

const QUEUE_URL: &str = "http://127.0.0.1/000000000000/caretaker";

const DEAD_LETTERS_URL: &str = "http://127.0.0.1/000000000000/caretaker-dead-letters";

/// A queue that answers by `rule`, sent to with the jitter of `seed`.
fn queue(rule: &Rule, seed: u64) -> Queue {
    Queue::new(test_client!(aws_sdk_sqs, [rule]), QUEUE_URL, DEAD_LETTERS_URL).with_seed(seed)
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
    let sent = queue(&rule, 7).requeue(r#"{"tenant":"demo"}"#, delay, Some(trace)).await;
    sent.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn without_a_trace_no_attribute_is_sent() {
    for trace in [None, Some("")] {
        let rule = accepts(|input| input.message_system_attributes().is_none_or(HashMap::is_empty));
        assert!(queue(&rule, 7).requeue("{}", Duration::ZERO, trace).await.is_ok());
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
    queue(rule, seed).with_jitter(delay)
}

#[test]
fn the_jitter_spreads_and_is_the_same_for_the_same_seed() {
    let rule = accepts(|_| true);
    let delays = |seed: u64| -> Vec<i32> {
        let queue = queue(&rule, seed);
        (0..20).map(|_| queue.with_jitter(DELAY_MAX)).collect()
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
    let error = queue(&rule, 7).requeue("{}", Duration::ZERO, None).await.unwrap_err();
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
    let error = queue(&rule, 7).requeue("{}", Duration::ZERO, None).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn what_must_not_come_too_soon_is_sent_with_its_whole_delay_rounded_up() {
    // (asked for, in seconds)
    let cases = [
        (Duration::ZERO, 0),
        (Duration::from_millis(20_001), 21),
        (Duration::from_mins(15), 900),
        (Duration::MAX, 900),
    ];
    for (delay, seconds) in cases {
        let rule = accepts(move |input| input.delay_seconds() == Some(seconds));
        queue(&rule, 7).send_after("{}", delay, None).await.unwrap();
        assert_eq!(rule.num_calls(), 1, "{delay:?}");
    }
}

fn with_plenty_of_time(clock: &Clock) -> Invocation {
    Invocation::for_tests(clock.clone(), Duration::from_secs(30))
}

fn bodies(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// A queue that takes all of a batch that fits.
fn accepts_batches(
    matches: impl Fn(&SendMessageBatchInput) -> bool + Send + Sync + 'static,
) -> Rule {
    mock!(Client::send_message_batch).match_requests(matches).then_output(taken)
}

fn taken() -> SendMessageBatchOutput {
    let output = SendMessageBatchOutput::builder();
    output.set_successful(Some(Vec::new())).set_failed(Some(Vec::new())).build().unwrap()
}

#[tokio::test]
async fn the_looks_of_a_sweep_are_spread_ten_to_a_call() {
    let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
    let invocation =
        Invocation { trace_header: Some("Root=1".to_owned()), ..with_plenty_of_time(&clock) };
    let rule = accepts_batches(|input| {
        input.queue_url() == Some(QUEUE_URL)
            && input.entries().iter().all(|entry| {
                let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
                let trace = entry.message_system_attributes().and_then(|all| all.get(&name));
                entry.delay_seconds().is_some_and(|delay| (30..=60).contains(&delay))
                    && trace.and_then(|trace| trace.string_value()) == Some("Root=1")
            })
    });
    let spread = Duration::from_mins(1);
    queue(&rule, 7).requeue_all(&bodies(23), spread, &invocation).await.unwrap();
    assert_eq!(rule.num_calls(), 3);
}

#[tokio::test]
async fn a_single_look_of_a_sweep_need_not_wait_and_none_needs_no_call() {
    let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
    let rule = accepts_batches(|input| input.entries()[0].delay_seconds() == Some(0));
    for count in [0, 1] {
        let (queue, invocation) = (queue(&rule, 7), with_plenty_of_time(&clock));
        let sent = queue.requeue_all(&bodies(count), Duration::from_mins(1), &invocation).await;
        sent.unwrap();
        assert_eq!(rule.num_calls(), count);
    }
}

#[tokio::test]
async fn a_sweep_sends_nothing_after_the_deadline() {
    let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
    let slow = clock.clone();
    // Work is begun for 20 of the 30 seconds: at 0, 8 and 16, but not at 24.
    let rule = accepts_batches(move |_| {
        slow.advance(Duration::from_secs(8));
        true
    });
    let invocation = with_plenty_of_time(&clock);
    queue(&rule, 7).requeue_all(&bodies(99), Duration::ZERO, &invocation).await.unwrap();
    assert_eq!(rule.num_calls(), 3);
}

#[tokio::test]
async fn a_look_that_is_refused_by_a_call_that_succeeds_is_an_error() {
    for sender_fault in [true, false] {
        let rule = mock!(Client::send_message_batch).then_output(move || {
            let refused = BatchResultErrorEntry::builder()
                .id("0")
                .code("InternalError")
                .message("not us")
                .sender_fault(sender_fault);
            let output = SendMessageBatchOutput::builder().set_successful(Some(Vec::new()));
            output.failed(refused.build().unwrap()).build().unwrap()
        });
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let queue = queue(&rule, 7);
        let invocation = with_plenty_of_time(&clock);
        let error = queue.requeue_all(&bodies(2), Duration::ZERO, &invocation).await.unwrap_err();
        let words = "could not queue looks at what is unfinished: InternalError: not us";
        assert_eq!(error.to_string(), words);
        assert_eq!(error.transient, !sender_fault);
    }
}

fn record(receive_count: u32) -> Record {
    let text = str::to_owned;
    Record {
        message_id: text("m-1"),
        receipt_handle: text("r-1"),
        body: text("{}"),
        receive_count,
        ..Record::default()
    }
}

#[tokio::test]
async fn a_message_comes_again_soon_at_first_and_ever_more_patiently() {
    for (received, seconds) in [(1, 2), (2, 8), (3, 32), (4, 128), (5, 180), (99, 180)] {
        let rule = mock!(Client::change_message_visibility)
            .match_requests(move |input| {
                input.queue_url() == Some(QUEUE_URL)
                    && input.receipt_handle() == Some("r-1")
                    && input.visibility_timeout() == Some(seconds)
            })
            .then_output(|| ChangeMessageVisibilityOutput::builder().build());
        queue(&rule, 7).show_again(&record(received)).await;
        assert_eq!(rule.num_calls(), 1, "received {received} times");
    }
}

/// A dead letter with this body and this reason.
fn dead_letter(body: &'static str, reason: impl Into<String>) -> Rule {
    let reason = reason.into();
    accepts(move |input| {
        let attributes = input.message_attributes().unwrap();
        input.queue_url() == Some(DEAD_LETTERS_URL)
            && input.message_body() == Some(body)
            && attributes[REASON].string_value() == Some(&reason)
    })
}

#[tokio::test]
async fn a_dead_letter_is_the_message_with_its_reason() {
    let rule = dead_letter("{}", "the tier is unknown");
    queue(&rule, 7).bury("it", "{}", "the tier is unknown").await.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn a_dead_letter_is_taken_whatever_its_body_and_reason_hold() {
    let rule = dead_letter(" ", "é".repeat(REASON_BYTES_MAX / 2));
    queue(&rule, 7).bury("it", "", &"é".repeat(REASON_BYTES_MAX)).await.unwrap();
    assert_eq!(rule.num_calls(), 1);

    let rule = dead_letter("a\tb\u{fffd}c", "x\ny\u{fffd}z \u{1f600}\u{fffd}");
    let sent = queue(&rule, 7).bury("it", "a\tb\0c", "x\ny\u{1b}z \u{1f600}\u{fffe}").await;
    sent.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

fn failed(transient: bool) -> Result<(), CallError> {
    Err(CallError { tried: "look".to_owned(), reason: "it is dark".to_owned(), transient })
}

#[tokio::test]
async fn a_message_that_was_done_is_done_with() {
    let rule = accepts(|_| true);
    queue(&rule, 7).settle(&record(1), Ok::<(), CallError>(())).await.unwrap();
    assert_eq!(rule.num_calls(), 0);
}

#[tokio::test]
async fn what_may_pass_comes_again_and_is_no_dead_letter() {
    let rule = mock!(Client::change_message_visibility)
        .then_output(|| ChangeMessageVisibilityOutput::builder().build());
    assert_eq!(queue(&rule, 7).settle(&record(1), failed(true)).await, failed(true));
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn what_does_not_pass_is_a_dead_letter_at_once() {
    let rule = dead_letter("{}", "could not look: it is dark");
    assert_eq!(queue(&rule, 7).settle(&record(1), failed(false)).await, Ok(()));
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn what_the_dead_letters_do_not_take_comes_again() {
    let rule = mock!(Client::send_message).then_http_response(|| {
        let body = r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow down"}"#;
        HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body))
    });
    let error = queue(&rule, 7).settle(&record(1), failed(false)).await.unwrap_err();
    assert!(error.tried.starts_with("put the message m-1 into"), "{error}");
    assert!(error.is_transient());
}

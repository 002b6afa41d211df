use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::clock::Clock;
use crate::error::tests::Sample;

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:caretaker-mate-dev";
const FIFO: &str = "arn:aws:sqs:us-east-1:000000000000:caretaker-mate-dev.fifo";

fn noon() -> Timestamp {
    "2026-01-02T12:00:00Z".parse().unwrap()
}

fn with_time_left(left: Duration) -> Invocation {
    Invocation::for_tests(Clock::fixed(noon()), left)
}

fn with_plenty_of_time() -> Invocation {
    with_time_left(Duration::from_mins(10))
}

/// Records named by (id, group) on the queue `arn`; the body of each is its id.
fn event(arn: &str, records: &[(&str, Option<&str>)]) -> SqsEvent {
    let records: Vec<_> = records
        .iter()
        .map(|(id, group)| {
            let mut attributes = json!({ "ApproximateReceiveCount": "2" });
            if let Some(group) = group {
                attributes["MessageGroupId"] = json!(group);
            }
            json!({ "messageId": id, "body": id, "attributes": attributes, "eventSourceARN": arn })
        })
        .collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

fn failures(response: &SqsBatchResponse) -> Vec<&str> {
    let mut ids: Vec<&str> = response
        .batch_item_failures
        .iter()
        .map(|failure| failure.item_identifier.as_str())
        .collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_panicking_record_fails_alone() {
    let done = RefCell::new(Vec::new());
    let records = [("a", None), ("poison", None), ("b", None), ("c", None)];
    let response =
        process(event(QUEUE, &records), &with_plenty_of_time(), async |record: Record| {
            assert_ne!(record.body, "poison", "this record is poisonous");
            tokio::task::yield_now().await;
            done.borrow_mut().push(record.body);
            Ok::<(), Sample>(())
        })
        .await;
    assert_eq!(failures(&response), ["poison"]);
    done.borrow_mut().sort();
    assert_eq!(done.into_inner(), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_failing_record_fails_alone() {
    let records = [("a", None), ("gone", None), ("throttled", None), ("b", None)];
    let response = process(
        event(QUEUE, &records),
        &with_plenty_of_time(),
        async |record: Record| match record.body.as_str() {
            "gone" => Err(Sample::Permanent(std::io::Error::other("gone"))),
            "throttled" => Err(Sample::Transient),
            _ => Ok(()),
        },
    )
    .await;
    assert_eq!(failures(&response), ["gone", "throttled"]);
}

#[tokio::test]
async fn a_hanging_record_is_given_up_when_the_answer_is_due_and_fails_alone() {
    // Work may be begun for one more millisecond; what is in hand then has until just before the
    // kill.
    let invocation = Invocation {
        deadline: crate::Deadline::new(
            noon() + crate::deadline::ANSWER_RESERVE + Duration::from_millis(1),
            Duration::ZERO,
        ),
        ..with_plenty_of_time()
    };
    let records = [("a", None), ("hangs", None), ("b", None)];
    let response = process(event(QUEUE, &records), &invocation, async |record: Record| {
        if record.body == "hangs" {
            std::future::pending::<()>().await;
        }
        Ok::<(), Sample>(())
    })
    .await;
    assert_eq!(failures(&response), ["hangs"]);
}

#[tokio::test]
async fn what_cannot_be_begun_before_the_deadline_is_left_for_another_delivery() {
    let invocation = with_time_left(crate::deadline::WORK_RESERVE + Duration::from_secs(1));
    let ids: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    let records: Vec<(&str, Option<&str>)> = ids.iter().map(|id| (id.as_str(), None)).collect();
    let begun = RefCell::new(BTreeSet::new());
    let response = process(event(QUEUE, &records), &invocation, async |record: Record| {
        begun.borrow_mut().insert(record.body);
        // The first records use up the time of all.
        invocation.clock.advance(Duration::from_secs(2));
        Ok::<(), Sample>(())
    })
    .await;
    let begun = begun.into_inner();
    assert!(!begun.is_empty() && begun.len() < 20, "begun: {begun:?}");
    let failed: BTreeSet<String> = failures(&response).into_iter().map(str::to_owned).collect();
    let left: BTreeSet<String> = ids.into_iter().filter(|id| !begun.contains(id)).collect();
    assert_eq!(failed, left);
}

#[tokio::test]
async fn no_more_records_than_allowed_are_in_work_at_once() {
    let ids: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    let records: Vec<(&str, Option<&str>)> = ids.iter().map(|id| (id.as_str(), None)).collect();
    let (now, most) = (Cell::new(0_usize), Cell::new(0_usize));
    let response = process(event(QUEUE, &records), &with_plenty_of_time(), async |_: Record| {
        now.set(now.get() + 1);
        most.set(most.get().max(now.get()));
        tokio::task::yield_now().await;
        now.set(now.get() - 1);
        Ok::<(), Sample>(())
    })
    .await;
    assert!(failures(&response).is_empty());
    assert_eq!(most.get(), RECORDS_AT_ONCE);
}

#[tokio::test]
async fn after_a_failure_the_rest_of_its_fifo_group_is_left_and_other_groups_go_on() {
    let records = [
        ("a1", Some("a")),
        ("b1", Some("b")),
        ("a2", Some("a")),
        ("a3", Some("a")),
        ("b2", Some("b")),
    ];
    let begun = RefCell::new(Vec::new());
    let response =
        process(event(FIFO, &records), &with_plenty_of_time(), async |record: Record| {
            begun.borrow_mut().push(record.body.clone());
            if record.body == "a2" { Err(Sample::Transient) } else { Ok(()) }
        })
        .await;
    assert_eq!(failures(&response), ["a2", "a3"]);
    assert!(!begun.borrow().contains(&"a3".to_owned()));
}

#[tokio::test]
async fn on_a_standard_queue_a_group_has_no_order_to_keep() {
    let records = [("a1", Some("a")), ("a2", Some("a"))];
    let response =
        process(event(QUEUE, &records), &with_plenty_of_time(), async |record: Record| {
            if record.body == "a1" { Err(Sample::Transient) } else { Ok(()) }
        })
        .await;
    assert_eq!(failures(&response), ["a1"]);
}

#[tokio::test]
async fn an_empty_batch_is_no_failure() {
    let response =
        process(event(QUEUE, &[]), &with_plenty_of_time(), async |_: Record| Ok::<(), Sample>(()))
            .await;
    assert_eq!(serde_json::to_value(&response).unwrap(), json!({ "batchItemFailures": [] }));
}

#[test]
fn a_message_is_read_with_what_sqs_says_about_it() {
    let event: SqsEvent = serde_json::from_value(json!({ "Records": [{
        "messageId": "m-1",
        "receiptHandle": "r-1",
        "body": "not JSON",
        "attributes": {
            "ApproximateReceiveCount": "3",
            "SentTimestamp": "1767355200000",
            "ApproximateFirstReceiveTimestamp": "1767355201500",
            "MessageGroupId": "demo",
            "MessageDeduplicationId": "d-1",
            "AWSTraceHeader": "Root=1-2-3",
        },
        "messageAttributes": {
            "origin": { "stringValue": "sweep", "dataType": "String" },
            "picture": { "binaryValue": "AAEC", "dataType": "Binary" },
        },
        "eventSourceARN": QUEUE,
    }]}))
    .unwrap();
    let record = Record::from(event.records.into_iter().next().unwrap());
    let expected = Record {
        message_id: "m-1".to_owned(),
        receipt_handle: "r-1".to_owned(),
        body: "not JSON".to_owned(),
        receive_count: 3,
        sent_at: Some(noon()),
        first_received_at: Some(noon() + Duration::from_millis(1_500)),
        group_id: Some("demo".to_owned()),
        deduplication_id: Some("d-1".to_owned()),
        trace_header: Some("Root=1-2-3".to_owned()),
        queue_arn: QUEUE.to_owned(),
        attributes: [("origin".to_owned(), "sweep".to_owned())].into(),
    };
    assert_eq!(record, expected);
}

#[test]
fn a_message_of_which_nothing_is_said_is_a_record_all_the_same() {
    let event: SqsEvent = serde_json::from_value(json!({ "Records": [{}, {
        "attributes": { "SentTimestamp": "yesterday", "ApproximateReceiveCount": "often" },
    }]}))
    .unwrap();
    for message in event.records {
        assert_eq!(Record::from(message), Record { receive_count: 1, ..Record::default() });
    }
}

/// What a record of the property below does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Done,
    Fails,
    Panics,
}

fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![Just(Fate::Done), Just(Fate::Fails), Just(Fate::Panics)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn exactly_the_records_that_were_not_done_are_reported(fates in prop::collection::vec(any_fate(), 0..30)) {
        let ids: Vec<String> = (0..fates.len()).map(|index| index.to_string()).collect();
        let records: Vec<(&str, Option<&str>)> = ids.iter().map(|id| (id.as_str(), None)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let response = runtime.block_on(process(
            event(QUEUE, &records),
            &with_plenty_of_time(),
            async |record: Record| match fates[record.body.parse::<usize>().unwrap()] {
                Fate::Done => Ok(()),
                Fate::Fails => Err(Sample::Transient),
                Fate::Panics => panic!("record {} panics", record.body),
            },
        ));
        let reported: BTreeSet<&str> = failures(&response).into_iter().collect();
        let not_done: BTreeSet<&str> = ids
            .iter()
            .zip(&fates)
            .filter(|(_, fate)| **fate != Fate::Done)
            .map(|(id, _)| id.as_str())
            .collect();
        prop_assert_eq!(reported.len(), response.batch_item_failures.len());
        prop_assert_eq!(reported, not_done);
    }
}

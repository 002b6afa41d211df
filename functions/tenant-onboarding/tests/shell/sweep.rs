//! The sweep: whom it nudges, and where it ends.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchInput, SendMessageBatchOutput};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use aws_smithy_mocks::{Rule, mock};
use runtime::Clock;
use serde_json::{Value, json};

use crate::aws::{Sent, json_error};
use crate::fixtures::now;
use crate::world::{World, visibility};

const SWEEP: &str = r#"{"caretaker":"sweep"}"#;

fn key(tenant: usize) -> HashMap<String, AttributeValue> {
    let partition = format!("TENANT#mate#dev#tenant-{tenant}");
    HashMap::from([("pk".to_owned(), AttributeValue::S(partition))])
}

/// The index answers with the tenants from `first` on, in pages of ten, until `end`.
fn unfinished(end: usize) -> Rule {
    mock!(DynamoDb::query)
        .match_requests(|request| request.index_name() == Some("gsi1"))
        .then_compute_output(move |request| {
            let first = request.exclusive_start_key().map_or(0, |key| {
                let partition = key["pk"].as_s().unwrap();
                partition.rsplit('-').next().unwrap().parse::<usize>().unwrap() + 1
            });
            let last = (first + 10).min(end);
            QueryOutput::builder()
                .set_items(Some((first..last).map(key).collect()))
                .set_last_evaluated_key((last < end).then(|| key(last - 1)))
                .build()
        })
}

fn taken() -> SendMessageBatchOutput {
    let output = SendMessageBatchOutput::builder();
    output.set_successful(Some(Vec::new())).set_failed(Some(Vec::new())).build().unwrap()
}

/// The queue takes the looks of a sweep.
fn queues() -> (Rule, Sent<SendMessageBatchInput>) {
    let sent = Sent::new();
    let rule = mock!(Sqs::send_message_batch).match_requests(sent.keep()).then_output(taken);
    (rule, sent)
}

fn nudged(sent: &Sent<SendMessageBatchInput>) -> Vec<SendMessageBatchRequestEntry> {
    sent.all().iter().flat_map(|batch| batch.entries().to_vec()).collect()
}

#[tokio::test]
async fn a_sweep_nudges_every_unfinished_tenant_of_every_page_once() {
    let (queues, nudges) = queues();
    let world = World::answering(&[&unfinished(23), &queues]);
    assert_eq!(world.hears(SWEEP).await, [""; 0]);
    let nudges = nudged(&nudges);
    for (number, nudge) in nudges.iter().enumerate() {
        let body: Value = serde_json::from_str(nudge.message_body()).unwrap();
        // Alone: a sweep begins no chain.
        let tenant = format!("tenant-{number}");
        assert_eq!(body, json!({ "caretaker": "look", "tenant": tenant, "waited": null }));
        assert!((30..=60).contains(&nudge.delay_seconds().unwrap()));
    }
    assert_eq!(nudges.len(), 23);
}

#[tokio::test]
async fn a_single_tenant_need_not_wait() {
    let (queues, nudges) = queues();
    let world = World::answering(&[&unfinished(1), &queues]);
    assert_eq!(world.hears(SWEEP).await, [""; 0]);
    let [nudge] = &nudged(&nudges)[..] else { panic!("one nudge") };
    assert_eq!(nudge.delay_seconds(), Some(0));
}

#[tokio::test]
async fn where_nothing_is_unfinished_nothing_is_nudged() {
    let world = World::answering(&[&unfinished(0)]);
    assert_eq!(world.hears(SWEEP).await, [""; 0]);
    assert_eq!(world.calls(), ["Query"]);
}

#[tokio::test]
async fn a_sweep_that_runs_out_of_time_leaves_the_rest_to_the_next() {
    let clock = Clock::fixed(now());
    let slow = clock.clone();
    // Work is begun for 20 of the 30 seconds: at 0, 8 and 16, but not at 24.
    let queues = mock!(Sqs::send_message_batch)
        .match_requests(move |_| {
            slow.advance(Duration::from_secs(8));
            true
        })
        .then_output(taken);
    let world = World::at(clock, &[&unfinished(45), &queues]);
    assert_eq!(world.hears(SWEEP).await, [""; 0]);
    assert_eq!(world.calls()[5..], ["SendMessageBatch"; 3]);
}

#[tokio::test]
async fn a_sweep_that_could_not_nudge_comes_again() {
    let refusing = mock!(Sqs::send_message_batch)
        .then_http_response(|| json_error(400, "RequestThrottled", "slow down"));
    let (visibility, shown) = visibility();
    let world = World::answering(&[&unfinished(2), &refusing, &visibility]);
    assert_eq!(world.hears(SWEEP).await, ["m-1"]);
    assert_eq!(shown.all().len(), 1);
}

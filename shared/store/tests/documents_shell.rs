//! What goes over the wire for documents and token buckets: which condition guards which write,
//! in how many calls, and what becomes of a batch that DynamoDB does not finish.

#![expect(clippy::unwrap_used, reason = "a test's helper that cannot go on fails the test")]

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemOutput;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use jiff::Timestamp;
use serde_json::json;
use store::{
    Create, Delete, DocumentKey, Documents, Rate, Replace, StoreError, Take, WriteOptions,
};

type Item = HashMap<String, AttributeValue>;

fn documents(rules: &[&Rule]) -> Documents {
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, rules, |config| {
        config.retry_config(RetryConfig::disabled())
    });
    Documents::new(client, "caretaker")
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn key(id: &str) -> DocumentKey {
    DocumentKey::new("rotation", "mate#dev", id)
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn item(id: &str) -> Item {
    [
        ("pk", text("DOCUMENT#rotation#mate#dev")),
        ("sk", text(id)),
        ("version", number(1)),
        ("value", text("a value")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// An update that is refused with the bucket as it stands, on the wire.
fn refused_at(full_at: i64, condition: &'static str) -> Rule {
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
        "Item": { "full_at": { "N": full_at.to_string() } },
    });
    mock!(Client::update_item)
        .match_requests(move |request| request.condition_expression() == Some(condition))
        .sequence()
        .http_status(400, Some(body.to_string()))
        .times(10)
        .build()
}

#[tokio::test]
async fn a_document_is_read_in_one_consistent_call() {
    let read = mock!(Client::get_item)
        .match_requests(|request| request.consistent_read() == Some(true))
        .then_output(|| GetItemOutput::builder().build());
    let found = documents(&[&read]).read::<String>(&key("a"), now()).await.unwrap();
    assert_eq!((found, read.num_calls()), (None, 1));
}

#[tokio::test]
async fn every_write_is_one_call_guarded_by_its_condition() {
    let all_old = Some(&ReturnValuesOnConditionCheckFailure::AllOld);
    let create = mock!(Client::put_item)
        .match_requests(move |request| {
            request.return_values_on_condition_check_failure() == all_old
                && request.condition_expression()
                    == Some("attribute_not_exists(#pk) OR #expires_at < :now")
        })
        .then_output(|| PutItemOutput::builder().build());
    let replace = mock!(Client::put_item)
        .match_requests(move |request| {
            request.return_values_on_condition_check_failure() == all_old
                && request.condition_expression()
                    == Some(
                        "#version = :expected AND \
                         (attribute_not_exists(#expires_at) OR #expires_at >= :now)",
                    )
        })
        .then_output(|| PutItemOutput::builder().build());
    let delete = mock!(Client::delete_item)
        .match_requests(move |request| {
            request.return_values_on_condition_check_failure() == all_old
                && request.condition_expression()
                    == Some("attribute_not_exists(#pk) OR #version = :expected")
        })
        .then_output(|| DeleteItemOutput::builder().build());
    let documents = documents(&[&create, &replace, &delete]);
    let (value, options) = ("a value".to_owned(), WriteOptions::default());
    let created = documents.create(&key("a"), &value, &options, now()).await.unwrap();
    let Create::Created(version) = created else { panic!("{created:?}") };
    let replaced = documents.replace(&key("a"), &value, version, &options, now()).await.unwrap();
    assert_eq!(replaced, Replace::Replaced(version + 1));
    let deleted = documents.delete::<String>(&key("a"), version + 1, now()).await.unwrap();
    assert_eq!(deleted, Delete::Deleted);
    assert_eq!((create.num_calls(), replace.num_calls(), delete.num_calls()), (1, 1, 1));
}

#[tokio::test]
async fn two_writes_without_a_name_are_never_taken_for_one() {
    let writes = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = std::sync::Arc::clone(&writes);
    let rule = mock!(Client::put_item)
        .match_requests(move |request| {
            kept.lock().unwrap().push(request.item().unwrap()["write"].clone());
            true
        })
        .then_output(|| PutItemOutput::builder().build());
    let documents = documents(&[&rule]);
    for _ in 0..2 {
        let _ = documents.create(&key("a"), &1, &WriteOptions::default(), now()).await.unwrap();
    }
    let writes = writes.lock().unwrap();
    assert_ne!(writes[0], writes[1]);
}

/// The keys of a batch.
fn asked(request: &BatchGetItemInput) -> &[Item] {
    request.request_items().unwrap()["caretaker"].keys()
}

fn answer(found: Vec<Item>, unprocessed: &[Item]) -> BatchGetItemOutput {
    let left = KeysAndAttributes::builder().set_keys(Some(unprocessed.to_vec())).build().unwrap();
    let left = (!unprocessed.is_empty()).then(|| HashMap::from([("caretaker".to_owned(), left)]));
    BatchGetItemOutput::builder().responses("caretaker", found).set_unprocessed_keys(left).build()
}

fn key_of(id: &str) -> Item {
    item(id).into_iter().filter(|(name, _)| name == "pk" || name == "sk").collect()
}

#[tokio::test]
async fn keys_that_dynamodb_left_unprocessed_are_asked_for_again_and_only_they() {
    let first = mock!(Client::batch_get_item)
        .match_requests(|request| asked(request).len() == 2)
        .then_output(|| answer(vec![item("a")], &[key_of("b")]));
    let second = mock!(Client::batch_get_item)
        .match_requests(|request| asked(request) == [key_of("b")])
        .then_output(|| answer(vec![item("b")], &[]));
    let found = documents(&[&first, &second])
        .read_many::<String>(&[key("a"), key("b")], now())
        .await
        .unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((first.num_calls(), second.num_calls()), (1, 1));
}

#[tokio::test]
async fn a_batch_that_is_never_processed_is_a_passing_error_after_a_few_attempts() {
    let rule = mock!(Client::batch_get_item)
        .match_requests(|_| true)
        .then_output(|| answer(Vec::new(), &[key_of("a")]));
    let error = documents(&[&rule]).read_many::<String>(&[key("a")], now()).await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(
        error.to_string(),
        "DynamoDB's BatchGetItem on DOCUMENT#rotation#mate#dev / a in table caretaker failed: all \
         1 keys of a batch were left unprocessed 4 times; trying again later may help"
    );
    assert_eq!(rule.num_calls(), 4);
}

const FULL: &str = "attribute_not_exists(#pk) OR #full_at <= :now";
const DRAWN: &str = "#full_at <= :latest";

fn rate() -> Rate {
    let one = NonZeroU32::new(1).unwrap();
    Rate { tokens: one, interval: Duration::from_secs(1), burst: NonZeroU32::new(2).unwrap() }
}

#[tokio::test]
async fn a_token_costs_one_call_from_a_full_bucket_and_two_from_one_in_use() {
    let full = mock!(Client::update_item)
        .match_requests(|request| request.condition_expression() == Some(FULL))
        .then_output(|| UpdateItemOutput::builder().build());
    assert_eq!(documents(&[&full]).take_token("b", &rate(), now()).await.unwrap(), Take::Taken);
    assert_eq!(full.num_calls(), 1);

    let in_use = refused_at(now().as_microsecond() + 1, FULL);
    let drawn = mock!(Client::update_item)
        .match_requests(|request| request.condition_expression() == Some(DRAWN))
        .then_output(|| UpdateItemOutput::builder().build());
    let documents = documents(&[&in_use, &drawn]);
    assert_eq!(documents.take_token("b", &rate(), now()).await.unwrap(), Take::Taken);
    assert_eq!((in_use.num_calls(), drawn.num_calls()), (1, 1));
}

#[tokio::test]
async fn who_comes_second_for_the_last_token_waits_for_the_next() {
    let in_use = refused_at(now().as_microsecond() + 1, FULL);
    let empty = refused_at(now().as_microsecond() + 2_000_000, DRAWN);
    let take = documents(&[&in_use, &empty]).take_token("b", &rate(), now()).await.unwrap();
    assert_eq!(take, Take::WaitUntil("2026-03-01T12:00:01Z".parse().unwrap()));
}

#[tokio::test]
async fn a_bucket_without_a_name_is_refused_before_it_costs_a_call() {
    let error = documents(&[]).take_token("", &rate(), now()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unwritable { .. }), "{error}");
}

//! What goes over the wire: which condition guards which write, and what each refusal means.
//!
//! That the conditions do what they are for is shown in `behaviour`, on a real DynamoDB API.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helper that cannot go on fails the test"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsInput, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use jiff::Timestamp;
use serde_json::json;
use store::{
    Acquire, Creation, Idempotency, JournalEntry, Lease, Store, StoreError, TenantRecord,
    UNFINISHED_TENANTS_MAX,
};

const TTL: Duration = Duration::from_mins(1);

fn store(rules: &[&Rule]) -> Store {
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, rules, |config| {
        config.retry_config(RetryConfig::disabled())
    });
    Store::new(client, "caretaker")
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn record() -> TenantRecord {
    let tenant = serde_json::from_value(json!({
        "product": "mate", "id": "demo", "environment": "dev", "tier": "trial",
        "display_name": "Demo GmbH", "admin_email": "admin@demo.example",
        "ownership": {
            "cost_center": "sales-7", "owner": "platform",
            "data_classification": "confidential", "compliance": "gdpr",
        },
    }));
    let record = TenantRecord::new(tenant.unwrap(), "r-1".to_owned(), 7, now());
    TenantRecord { version: 4, ..record }
}

fn line(what: &str) -> JournalEntry {
    JournalEntry {
        at: now(),
        function: "tenant-onboarding".to_owned(),
        pass: "pass-1".to_owned(),
        request_id: "r-1".to_owned(),
        step: "data stack".to_owned(),
        what: what.to_owned(),
        why: "there is none".to_owned(),
        outcome: "started".to_owned(),
    }
}

fn lease() -> Lease {
    Lease { key: record().key(), owner: "pass-1".to_owned(), fence: 3, until: now() }
}

fn request() -> Idempotency {
    Idempotency::new("onboarding", "r-1", &"payload", Duration::from_mins(1)).unwrap()
}

/// A rule that answers every transaction with success and keeps what was sent.
fn recorded() -> (Rule, Arc<Mutex<Vec<TransactWriteItemsInput>>>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&sent);
    let rule = mock!(Client::transact_write_items)
        .match_requests(move |request| {
            kept.lock().unwrap().push(request.clone());
            true
        })
        .then_output(|| TransactWriteItemsOutput::builder().build());
    (rule, sent)
}

/// A transaction that DynamoDB cancels for these reasons, one for each write, on the wire.
fn cancelled(codes: &[&str]) -> Rule {
    let reasons: Vec<_> = codes
        .iter()
        .map(|code| match *code {
            "None" => json!({ "Code": "None" }),
            code => json!({ "Code": code, "Message": format!("about {code}") }),
        })
        .collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": reasons,
    });
    mock!(Client::transact_write_items)
        .sequence()
        .http_status(400, Some(body.to_string()))
        .times(10)
        .build()
}

/// A refused read, on the wire.
fn refused(status: u16, code: &str, message: &str) -> Rule {
    let body = json!({ "__type": code, "message": message }).to_string();
    mock!(Client::get_item).sequence().http_status(status, Some(body)).times(10).build()
}

fn condition(write: &TransactWriteItem) -> &str {
    let put = write.put().and_then(|put| put.condition_expression());
    let update = write.update().and_then(|update| update.condition_expression());
    put.or(update).expect("every write has a condition")
}

#[tokio::test]
async fn a_record_is_read_in_one_consistent_call() {
    let read = mock!(Client::get_item)
        .match_requests(|request| request.consistent_read() == Some(true))
        .then_output(|| GetItemOutput::builder().build());
    assert_eq!(store(&[&read]).read(&record().key()).await.unwrap(), None);
    assert_eq!(read.num_calls(), 1);
}

#[tokio::test]
async fn a_creation_is_one_transaction_in_which_every_write_is_guarded() {
    let (rule, sent) = recorded();
    let creation = store(&[&rule]).create(&record(), &[line("x")], &request(), now()).await;
    assert!(matches!(creation, Ok(Creation::Created(_))), "{creation:?}");
    let sent = sent.lock().unwrap();
    let conditions: Vec<_> = sent[0].transact_items().iter().map(condition).collect();
    assert_eq!(
        conditions,
        [
            "attribute_not_exists(#pk) OR #expires_at < :now",
            "attribute_not_exists(#pk)",
            "attribute_not_exists(#pk)",
        ]
    );
}

#[tokio::test]
async fn a_commit_is_one_transaction_guarded_by_fencing_token_and_version() {
    let (rule, sent) = recorded();
    store(&[&rule]).commit(&lease(), &record(), &[line("x")], now()).await.unwrap();
    let sent = sent.lock().unwrap();
    let writes = sent[0].transact_items();
    let conditions: Vec<_> = writes.iter().map(condition).collect();
    assert_eq!(conditions, ["#fence = :fence AND #version = :seen", "attribute_not_exists(#pk)"]);
    let update = writes[0].update().unwrap();
    let values = update.expression_attribute_values().unwrap();
    let number = |text: &str| AttributeValue::N(text.to_owned());
    assert_eq!(
        (&values[":fence"], &values[":seen"], &values[":version"]),
        (&number("3"), &number("4"), &number("5"))
    );
    assert_eq!(
        update.return_values_on_condition_check_failure(),
        Some(&ReturnValuesOnConditionCheckFailure::AllOld)
    );
}

#[tokio::test]
async fn a_lease_is_given_only_on_the_version_seen_and_while_it_is_free() {
    let rule = mock!(Client::update_item)
        .match_requests(|request| {
            request.condition_expression()
                == Some(
                    "#version = :seen AND (attribute_not_exists(#until) OR #until < :now OR \
                     #owner = :owner)",
                )
        })
        .then_output(|| {
            let fence = AttributeValue::N("9".to_owned());
            UpdateItemOutput::builder().attributes("fence", fence).build()
        });
    let answer = store(&[&rule]).acquire(&record(), "pass-1", now(), TTL).await.unwrap();
    let Acquire::Taken(lease) = answer else { panic!("{answer:?}") };
    assert_eq!((lease.fence, lease.until), (9, "2026-03-01T12:01:00Z".parse().unwrap()));
}

#[tokio::test]
async fn a_lease_is_released_only_under_its_own_fencing_token() {
    let rule = mock!(Client::update_item)
        .match_requests(|request| request.condition_expression() == Some("#fence = :fence"))
        .then_output(|| UpdateItemOutput::builder().build());
    store(&[&rule]).release(&lease()).await.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn the_same_commit_has_the_same_token_and_any_other_has_another() {
    let (rule, sent) = recorded();
    let store = store(&[&rule]);
    let later = now() + jiff::SignedDuration::from_secs(1);
    let other_record = TenantRecord { attempt: 2, ..record() };
    let newer = Lease { fence: 4, ..lease() };
    store.commit(&lease(), &record(), &[line("x")], now()).await.unwrap();
    store.commit(&lease(), &record(), &[line("x")], now()).await.unwrap();
    store.commit(&lease(), &record(), &[line("y")], now()).await.unwrap();
    store.commit(&lease(), &record(), &[line("x")], later).await.unwrap();
    store.commit(&lease(), &other_record, &[line("x")], now()).await.unwrap();
    store.commit(&newer, &record(), &[line("x")], now()).await.unwrap();
    store.checkpoint(&lease(), &record(), &[line("x")], now()).await.unwrap();
    let sent = sent.lock().unwrap();
    let mut tokens: Vec<_> = sent.iter().map(|s| s.client_request_token().unwrap()).collect();
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(tokens[0].len(), 36);
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 6);
}

#[tokio::test]
async fn a_cancelled_commit_is_stale_transient_or_permanent_by_its_reasons() {
    #[derive(Debug, PartialEq)]
    enum Meaning {
        Stale,
        Transient,
        Permanent,
    }
    use Meaning::{Permanent, Stale, Transient};
    let cases = [
        (["ConditionalCheckFailed", "None"], Stale),
        (["ConditionalCheckFailed", "ConditionalCheckFailed"], Stale),
        (["TransactionConflict", "None"], Transient),
        (["None", "ProvisionedThroughputExceeded"], Transient),
        (["ThrottlingError", "ThrottlingError"], Transient),
        // Of a condition that was looked at beside a conflict nothing is certain: try again.
        (["TransactionConflict", "ConditionalCheckFailed"], Transient),
        (["None", "ConditionalCheckFailed"], Permanent),
        (["ValidationError", "None"], Permanent),
        (["ItemCollectionSizeLimitExceeded", "TransactionConflict"], Permanent),
    ];
    for (codes, expected) in cases {
        let rule = cancelled(&codes);
        let commit = store(&[&rule]).commit(&lease(), &record(), &[line("x")], now()).await;
        let meaning = match commit.unwrap_err() {
            StoreError::Stale(_) => Stale,
            error if error.is_transient() => Transient,
            _ => Permanent,
        };
        assert_eq!(meaning, expected, "{codes:?}");
    }
}

#[tokio::test]
async fn a_cancelled_creation_says_which_write_was_refused_and_why() {
    let rule = cancelled(&["None", "TransactionConflict", "None"]);
    let error = store(&[&rule]).create(&record(), &[line("x")], &request(), now()).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "DynamoDB's TransactWriteItems on TENANT#mate#dev#demo / RECORD in table caretaker \
         failed: cancelled (item 1: TransactionConflict: about TransactionConflict); trying \
         again later may help"
    );
}

#[tokio::test]
async fn a_refused_call_says_what_was_tried_on_what_and_whether_to_try_again() {
    let cases = [
        (400, "ProvisionedThroughputExceededException", true),
        (400, "ThrottlingException", true),
        (400, "RequestLimitExceeded", true),
        (500, "InternalServerError", true),
        (503, "SomethingNew", true),
        (400, "AccessDeniedException", false),
        (400, "ResourceNotFoundException", false),
        (400, "ValidationException", false),
    ];
    for (status, code, is_transient) in cases {
        let rule = refused(status, code, "in AWS's words");
        let error = store(&[&rule]).read(&record().key()).await.unwrap_err();
        assert_eq!(error.is_transient(), is_transient, "{code}");
        let expected = format!(
            "DynamoDB's GetItem on TENANT#mate#dev#demo / RECORD in table caretaker failed: \
             {code}: in AWS's words (HTTP {status}); "
        );
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named_without_its_content() {
    let read = mock!(Client::get_item).then_output(|| {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        GetItemOutput::builder()
            .item("pk", text("TENANT#mate#dev#demo"))
            .item("sk", text("RECORD"))
            .item("request_id", text("a private word"))
            .build()
    });
    let error = store(&[&read]).read(&record().key()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the item TENANT#mate#dev#demo / RECORD in table caretaker cannot be read: missing field \
         `tenant`; was it written by a newer version, or by hand?"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_sweep_follows_the_pages_leaves_out_what_is_no_tenant_and_ends_at_its_limit() {
    let page = |tenants: std::ops::Range<usize>| {
        let key = |tenant: String| {
            std::collections::HashMap::from([("pk".to_owned(), AttributeValue::S(tenant))])
        };
        let items = tenants.map(|n| key(format!("TENANT#mate#dev#t{n}"))).collect();
        QueryOutput::builder()
            .set_items(Some(items))
            .items(key("no tenant".to_owned()))
            .set_last_evaluated_key(Some(key("next".to_owned())))
            .build()
    };
    let first = mock!(Client::query)
        .match_requests(|request| request.exclusive_start_key().is_none())
        .then_output(move || page(0..600));
    let second = mock!(Client::query)
        .match_requests(|request| {
            request.exclusive_start_key().is_some() && request.limit() == Some(400)
        })
        .then_output(move || page(600..1_000));
    let (product, environment) = ("mate".parse().unwrap(), "dev".parse().unwrap());
    let tenants = store(&[&first, &second]).unfinished(&product, &environment).await.unwrap();
    assert_eq!(tenants.len(), UNFINISHED_TENANTS_MAX);
    assert_eq!((first.num_calls(), second.num_calls()), (1, 1));
}

//! How a pass ends: all of it or nothing, once.

use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::types::AttributeValue;
use store::{
    Acquire, COMMIT_LINES_MAX, Failure, JOURNAL_TEXT_BYTES_MAX, JournalEntry, Status, Store,
    StoreError, TenantRecord,
};

use crate::support::{
    self, DynamoDb, TABLE, TTL, created, decisions, entry, instant, lease, record,
};

#[tokio::test]
async fn a_commit_writes_record_and_journal_and_releases_the_lease() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let pass = lease(&store, &seen, "pass-1", 1).await;
    let failed = TenantRecord {
        status: Status::Failed,
        failure: Some(Failure {
            step: "data stack".to_owned(),
            resource: None,
            reason: "no capacity".to_owned(),
            at: instant(2),
        }),
        ..seen
    };
    let committed = store.commit(&pass, &failed, &[entry(2, "fail")], instant(2)).await.unwrap();
    assert_eq!(committed, TenantRecord { version: 2, updated_at: instant(2), ..failed });
    assert_eq!(store.read(&committed.key()).await.unwrap(), Some(committed.clone()));
    assert_eq!(decisions(&store, &committed.key()).await, ["requested", "fail"]);
    let next = store.acquire(&committed, "pass-2", instant(2), TTL).await.unwrap();
    assert!(matches!(next, Acquire::Taken(_)), "{next:?}");
}

#[tokio::test]
async fn what_is_no_longer_so_is_taken_out_of_the_record() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let pass = lease(&store, &seen, "pass-1", 1).await;
    let up = TenantRecord { url: Some("https://demo".to_owned()), ..seen };
    let up = store.checkpoint(&pass, &up, &[], instant(2)).await.unwrap();
    store.commit(&pass, &TenantRecord { url: None, ..up }, &[], instant(3)).await.unwrap();
    let now = store.read(&record("demo").key()).await.unwrap().unwrap();
    assert_eq!(now.url, None);
}

#[tokio::test]
async fn a_checkpoint_keeps_the_lease_and_its_lines_stay_apart_from_the_commits() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let pass = lease(&store, &seen, "pass-1", 1).await;
    let next = store.checkpoint(&pass, &seen, &[entry(2, "one")], instant(2)).await.unwrap();
    let other = store.acquire(&next, "pass-2", instant(2), TTL).await.unwrap();
    assert!(matches!(other, Acquire::Held { .. }), "{other:?}");
    // The same instant and the same place in the list as the checkpoint's line.
    store.commit(&pass, &next, &[entry(2, "two")], instant(2)).await.unwrap();
    assert_eq!(decisions(&store, &seen.key()).await, ["requested", "one", "two"]);
}

#[tokio::test]
async fn a_pass_that_writes_on_from_a_record_it_has_overtaken_itself_is_refused() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let pass = lease(&store, &seen, "pass-1", 1).await;
    store.checkpoint(&pass, &seen, &[], instant(2)).await.unwrap();
    let error = store.commit(&pass, &seen, &[], instant(3)).await.unwrap_err();
    assert!(error.to_string().contains("its record was written meanwhile"), "{error}");
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_retried_and_happens_once() {
    let dynamodb = DynamoDb::start().await;
    let seen = created(&dynamodb.store(), "demo").await;
    let (port, left) = crate::lossy::start(dynamodb.port(), "TransactWriteItems", 1);
    let store = Store::new(support::client(port), TABLE);
    let pass = lease(&store, &seen, "pass-1", 1).await;
    let committed = store.commit(&pass, &seen, &[entry(2, "once")], instant(2)).await.unwrap();
    assert_eq!(left.load(Ordering::SeqCst), 0, "an answer should have been lost");
    assert_eq!(committed.version, 2);
    assert_eq!(store.read(&seen.key()).await.unwrap(), Some(committed));
    assert_eq!(decisions(&store, &seen.key()).await, ["requested", "once"]);
}

#[tokio::test]
async fn a_commit_all_of_whose_answers_were_lost_can_be_sent_again() {
    let dynamodb = DynamoDb::start().await;
    let seen = created(&dynamodb.store(), "demo").await;
    // As many as the client attempts.
    let (port, left) = crate::lossy::start(dynamodb.port(), "TransactWriteItems", 3);
    let store = Store::new(support::client(port), TABLE);
    let pass = lease(&store, &seen, "pass-1", 1).await;
    let lines = [entry(2, "once")];
    let error = store.commit(&pass, &seen, &lines, instant(2)).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(left.load(Ordering::SeqCst), 0);
    let committed = store.commit(&pass, &seen, &lines, instant(2)).await.unwrap();
    assert_eq!(committed.version, 2);
    assert_eq!(decisions(&store, &seen.key()).await, ["requested", "once"]);
}

#[tokio::test]
async fn what_newer_code_has_added_to_a_record_is_neither_read_nor_lost() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let client = dynamodb.client();
    client
        .update_item()
        .table_name(TABLE)
        .key("pk", AttributeValue::S("TENANT#mate#dev#demo".to_owned()))
        .key("sk", AttributeValue::S("RECORD".to_owned()))
        .update_expression("SET suspended_by = :who")
        .expression_attribute_values(":who", AttributeValue::S("billing".to_owned()))
        .send()
        .await
        .unwrap();
    assert_eq!(store.read(&seen.key()).await.unwrap(), Some(seen.clone()));
    let pass = lease(&store, &seen, "pass-1", 1).await;
    store.commit(&pass, &seen, &[], instant(2)).await.unwrap();
    let item = client
        .get_item()
        .table_name(TABLE)
        .key("pk", AttributeValue::S("TENANT#mate#dev#demo".to_owned()))
        .key("sk", AttributeValue::S("RECORD".to_owned()))
        .send()
        .await
        .unwrap()
        .item
        .unwrap();
    assert_eq!(item["suspended_by"], AttributeValue::S("billing".to_owned()));
}

#[tokio::test]
async fn a_commit_takes_as_many_lines_as_it_says_and_refuses_more_without_a_call() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let pass = lease(&store, &seen, "pass-1", 1).await;
    // The longest of lines: what is over their bound is cut.
    let long = "x".repeat(JOURNAL_TEXT_BYTES_MAX + 1);
    let longest = JournalEntry {
        at: instant(2),
        function: long.clone(),
        pass: long.clone(),
        request_id: long.clone(),
        step: long.clone(),
        what: long.clone(),
        why: long.clone(),
        outcome: long,
    };
    let mut lines = vec![longest; COMMIT_LINES_MAX];
    let next = store.checkpoint(&pass, &seen, &lines, instant(2)).await.unwrap();
    lines.push(entry(2, "one too many"));
    let error = store.commit(&pass, &next, &lines, instant(2)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the record of tenant mate/dev/demo cannot be written: 99 journal lines are more than \
         the 98 that one transaction takes; write some of them in a checkpoint before"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_lease_on_one_tenant_writes_no_other() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let [demo, other] = [created(&store, "demo").await, created(&store, "other").await];
    let pass = lease(&store, &demo, "pass-1", 1).await;
    let refused = store.commit(&pass, &other, &[], instant(2)).await;
    assert!(matches!(refused, Err(StoreError::Unwritable { .. })), "{refused:?}");
    assert_eq!(store.read(&other.key()).await.unwrap(), Some(other));
}

#[tokio::test]
async fn racing_passes_that_each_read_lease_and_commit_lose_none_of_their_lines() {
    const PASSES: u64 = 6;
    // A pass loses only to one that is at work, and that takes three calls.
    const ATTEMPTS_MAX: u32 = 500;
    let dynamodb = DynamoDb::start().await;
    let key = created(&dynamodb.store(), "demo").await.key();
    let mut passes = tokio::task::JoinSet::new();
    for number in 0..PASSES {
        let (store, key) = (dynamodb.store(), key.clone());
        passes.spawn(async move {
            let owner = format!("pass-{number}");
            for _ in 0..ATTEMPTS_MAX {
                let seen = store.read(&key).await.unwrap().unwrap();
                let Acquire::Taken(pass) =
                    store.acquire(&seen, &owner, instant(1), TTL).await.unwrap()
                else {
                    tokio::task::yield_now().await;
                    continue;
                };
                return store.commit(&pass, &seen, &[entry(1, &owner)], instant(1)).await.unwrap();
            }
            panic!("{owner} never got the lease");
        });
    }
    let mut versions: Vec<_> = passes.join_all().await.iter().map(|r| r.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..2 + PASSES).collect::<Vec<_>>());
    assert_eq!(decisions(&dynamodb.store(), &key).await.len(), 1 + 6);
}

//! The journal is whole, in order, and never rewritten.

use store::JOURNAL_PAGE_LINES;

use crate::support::{DynamoDb, created, decisions, entry, instant, lease};

#[tokio::test]
async fn three_hundred_lines_come_in_pages_and_in_order() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let mut record = created(&store, "demo").await;
    let key = record.key();
    let pass = lease(&store, &record, "pass-1", 0).await;
    let mut expected = vec!["requested".to_owned()];
    for round in 1..=6 {
        let whats: Vec<_> = (0..50).map(|line| format!("{round}.{line}")).collect();
        let lines: Vec<_> = whats.iter().map(|what| entry(round, what)).collect();
        record = store.checkpoint(&pass, &record, &lines, instant(round)).await.unwrap();
        expected.extend(whats);
    }
    let first = store.journal(&key, None).await.unwrap();
    assert_eq!(first.items.len(), usize::try_from(JOURNAL_PAGE_LINES).unwrap());
    assert!(first.next.is_some());
    assert_eq!(decisions(&store, &key).await, expected);
}

#[tokio::test]
async fn a_line_without_a_commit_is_appended_once_however_often_it_is_sent() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let key = created(&store, "demo").await.key();
    let lines = [entry(5, "refuse the request")];
    store.append(&key, &lines).await.unwrap();
    store.append(&key, &lines).await.unwrap();
    assert_eq!(decisions(&store, &key).await, ["requested", "refuse the request"]);
}

#[tokio::test]
async fn different_lines_of_the_same_instant_are_all_kept() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let record = created(&store, "demo").await;
    let pass = lease(&store, &record, "pass-1", 0).await;
    store.append(&record.key(), &[entry(5, "refuse r-2")]).await.unwrap();
    store.append(&record.key(), &[entry(5, "refuse r-3")]).await.unwrap();
    store.commit(&pass, &record, &[entry(5, "create")], instant(5)).await.unwrap();
    let mut whats = decisions(&store, &record.key()).await;
    whats.sort();
    assert_eq!(whats, ["create", "refuse r-2", "refuse r-3", "requested"]);
}

#[tokio::test]
async fn a_journal_holds_no_other_tenants_lines() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let [demo, demo2] = [created(&store, "demo").await, created(&store, "demo2").await];
    store.append(&demo2.key(), &[entry(5, "only of demo2")]).await.unwrap();
    assert_eq!(decisions(&store, &demo.key()).await, ["requested"]);
}

#[tokio::test]
async fn numbers_are_drawn_once_each_also_at_once() {
    let dynamodb = DynamoDb::start().await;
    let mut draws = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = dynamodb.store();
        draws.spawn(async move { store.next_number("listener-priority").await.unwrap() });
    }
    let mut numbers = draws.join_all().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    assert_eq!(dynamodb.store().next_number("another").await.unwrap(), 1);
}

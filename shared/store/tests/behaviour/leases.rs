//! One pass per tenant at a time.

use store::{Acquire, Status, StoreError, TenantRecord};

use crate::support::{DynamoDb, TTL, created, decisions, entry, instant, lease};

#[tokio::test]
async fn of_many_racing_passes_exactly_one_gets_the_lease() {
    let dynamodb = DynamoDb::start().await;
    let seen = created(&dynamodb.store(), "demo").await;
    let mut passes = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (store, seen) = (dynamodb.store(), seen.clone());
        passes.spawn(async move {
            store.acquire(&seen, &format!("pass-{number}"), instant(1), TTL).await.unwrap()
        });
    }
    let answers = passes.join_all().await;
    let taken: Vec<_> = answers
        .iter()
        .filter_map(|answer| match answer {
            Acquire::Taken(lease) => Some(lease),
            _ => None,
        })
        .collect();
    assert_eq!(taken.len(), 1, "{answers:?}");
    for answer in &answers {
        if let Acquire::Held { until, owner } = answer {
            assert_eq!((until, owner), (&taken[0].until, &taken[0].owner));
        }
    }
    assert!(!answers.contains(&Acquire::Changed), "{answers:?}");
}

#[tokio::test]
async fn a_lease_is_refused_on_a_record_that_was_written_since_it_was_seen() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let pass = lease(&store, &seen, "pass-1", 1).await;
    store.commit(&pass, &seen, &[], instant(2)).await.unwrap();
    let late = store.acquire(&seen, "pass-2", instant(3), TTL).await.unwrap();
    assert_eq!(late, Acquire::Changed);
}

#[tokio::test]
async fn a_lease_is_refused_on_a_record_that_is_not_there() {
    let dynamodb = DynamoDb::start().await;
    let seen = TenantRecord { version: 1, ..crate::support::record("demo") };
    let answer = dynamodb.store().acquire(&seen, "pass-1", instant(0), TTL).await.unwrap();
    assert_eq!(answer, Acquire::Changed);
}

#[tokio::test]
async fn an_expired_lease_is_taken_over_and_not_a_moment_before() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let first = lease(&store, &seen, "pass-1", 0).await;
    let early = store.acquire(&seen, "pass-2", first.until, TTL).await.unwrap();
    assert_eq!(early, Acquire::Held { until: first.until, owner: "pass-1".to_owned() });
    let second = lease(&store, &seen, "pass-2", 61).await;
    assert!(second.fence > first.fence, "{second:?} should be newer than {first:?}");
}

#[tokio::test]
async fn a_stale_fencing_token_is_refused_and_nothing_is_written() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let paused = lease(&store, &seen, "pass-1", 0).await;
    let successor = lease(&store, &seen, "pass-2", 61).await;
    let wrong = TenantRecord { status: Status::Failed, ..seen.clone() };

    for attempt in ["while its successor works", "after its successor has finished"] {
        let refused = store.commit(&paused, &wrong, &[entry(62, "wrong")], instant(62)).await;
        let Err(StoreError::Stale(stale)) = &refused else { panic!("{attempt}: {refused:?}") };
        assert_eq!((stale.fence, stale.current_fence), (1, Some(2)), "{attempt}");
        assert!(store.checkpoint(&paused, &wrong, &[], instant(62)).await.is_err(), "{attempt}");
        if stale.current_owner.is_some() {
            store.commit(&successor, &seen, &[entry(63, "right")], instant(63)).await.unwrap();
        }
    }
    let now = store.read(&seen.key()).await.unwrap().unwrap();
    assert_eq!((now.status, now.version), (Status::Onboarding, 2));
    assert_eq!(decisions(&store, &seen.key()).await, ["requested", "right"]);
}

#[tokio::test]
async fn a_refused_pass_is_told_who_took_over() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let paused = lease(&store, &seen, "pass-1", 0).await;
    let _successor = lease(&store, &seen, "pass-2", 61).await;
    let error = store.commit(&paused, &seen, &[], instant(62)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the lease on tenant mate/dev/demo with fencing token 1 is stale: pass-2 holds the lease \
         with token 2; nothing was written; read the record again and begin a new pass"
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_stale_lease_cannot_release_its_successors() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let paused = lease(&store, &seen, "pass-1", 0).await;
    let successor = lease(&store, &seen, "pass-2", 61).await;
    let refused = store.release(&paused).await;
    assert!(matches!(refused, Err(StoreError::Stale(_))), "{refused:?}");
    let third = store.acquire(&seen, "pass-3", instant(62), TTL).await.unwrap();
    assert_eq!(third, Acquire::Held { until: successor.until, owner: "pass-2".to_owned() });
}

#[tokio::test]
async fn a_released_lease_is_free_at_once_and_leaves_the_record_as_it_was() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let first = lease(&store, &seen, "pass-1", 0).await;
    store.release(&first).await.unwrap();
    store.release(&first).await.unwrap();
    assert_eq!(store.read(&seen.key()).await.unwrap(), Some(seen.clone()));
    let second = lease(&store, &seen, "pass-2", 0).await;
    assert_eq!(second.fence, first.fence + 1);
}

#[tokio::test]
async fn a_pass_whose_answer_was_lost_asks_again_and_gets_a_newer_token() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let seen = created(&store, "demo").await;
    let lost = lease(&store, &seen, "pass-1", 0).await;
    let again = lease(&store, &seen, "pass-1", 0).await;
    assert_eq!(again.fence, lost.fence + 1);
    store.commit(&again, &seen, &[], instant(1)).await.unwrap();
}

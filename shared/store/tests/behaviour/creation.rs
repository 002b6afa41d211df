//! A request for a tenant: new, repeated, for one that exists, or under a used id.

use store::{Creation, Status, TenantRecord};

use crate::support::{DynamoDb, created, decisions, entry, instant, lease, record, request};

#[tokio::test]
async fn a_tenant_nobody_asked_for_has_no_record() {
    let dynamodb = DynamoDb::start().await;
    assert_eq!(dynamodb.store().read(&record("demo").key()).await.unwrap(), None);
}

#[tokio::test]
async fn a_new_tenant_is_recorded_with_its_journal_and_read_back_as_it_was_written() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let wanted =
        TenantRecord { registration_id: Some("registration-1".to_owned()), ..record("demo") };
    let entries = [entry(0, "accept the request"), entry(0, "choose a listener priority")];
    let creation =
        store.create(&wanted, &entries, &request("r-1", &wanted), instant(1)).await.unwrap();
    let expected = TenantRecord { version: 1, updated_at: instant(1), ..wanted.clone() };
    assert_eq!(creation, Creation::Created(expected.clone()));
    assert_eq!(store.read(&wanted.key()).await.unwrap(), Some(expected));
    let page = store.journal(&wanted.key(), None).await.unwrap();
    assert_eq!(page.items, entries);
}

#[tokio::test]
async fn the_same_request_again_answers_with_the_tenant_as_it_stands_and_writes_nothing() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let first = created(&store, "demo").await;
    let pass = lease(&store, &first, "pass-1", 1).await;
    let active = TenantRecord { status: Status::Active, ..first };
    let active = store.commit(&pass, &active, &[], instant(2)).await.unwrap();

    let again = record("demo");
    let request = request("request-of-demo", &again);
    let creation = store.create(&again, &[entry(3, "again")], &request, instant(3)).await.unwrap();
    assert_eq!(creation, Creation::Repeated(active));
    assert_eq!(decisions(&store, &again.key()).await, ["requested"]);
}

#[tokio::test]
async fn another_request_for_a_tenant_that_exists_answers_with_its_state() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let first = created(&store, "demo").await;
    let other = record("demo");
    let entries = [entry(1, "again")];
    let creation =
        store.create(&other, &entries, &request("r-2", &other), instant(1)).await.unwrap();
    assert_eq!(creation, Creation::AlreadyExists(first));
    assert_eq!(decisions(&store, &other.key()).await, ["requested"]);
}

#[tokio::test]
async fn a_used_request_id_with_another_content_is_a_conflict_and_makes_no_tenant() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    created(&store, "demo").await;
    let other = record("other");
    let request = request("request-of-demo", &other);
    let creation = store.create(&other, &[], &request, instant(1)).await.unwrap();
    let Creation::Conflict(conflict) = creation else { panic!("{creation:?}") };
    assert_eq!(
        conflict.to_string(),
        "onboarding \"request-of-demo\" was asked for before with another content, and nothing \
         was done; send a changed request under an id of its own"
    );
    assert_eq!(store.read(&other.key()).await.unwrap(), None);
}

#[tokio::test]
async fn a_request_id_can_be_used_again_once_it_has_expired_though_ttl_has_not_deleted_it() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    created(&store, "demo").await;
    let other = record("other");
    let request = request("request-of-demo", &other);
    let a_day = 24 * 60 * 60;
    let at_the_end = store.create(&other, &[], &request, instant(a_day)).await.unwrap();
    assert!(matches!(at_the_end, Creation::Conflict(_)), "{at_the_end:?}");
    let after = store.create(&other, &[], &request, instant(a_day + 1)).await.unwrap();
    assert!(matches!(after, Creation::Created(_)), "{after:?}");
}

#[tokio::test]
async fn of_two_requests_for_one_tenant_at_once_exactly_one_makes_it() {
    let dynamodb = DynamoDb::start().await;
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = dynamodb.store();
        requests.spawn(async move {
            let record = record("demo");
            let request = request(&format!("r-{number}"), &record);
            let entries = [entry(number, &format!("requested by r-{number}"))];
            store.create(&record, &entries, &request, instant(number)).await.unwrap()
        });
    }
    let creations = requests.join_all().await;
    let made = creations.iter().filter(|c| matches!(c, Creation::Created(_))).count();
    let there = creations.iter().filter(|c| matches!(c, Creation::AlreadyExists(_))).count();
    assert_eq!((made, there), (1, 7), "{creations:?}");
    assert_eq!(decisions(&dynamodb.store(), &record("demo").key()).await.len(), 1);
}

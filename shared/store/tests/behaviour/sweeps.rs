//! A sweep finds what is unfinished, and nothing else.

use store::{Status, TenantKey, TenantRecord};

use crate::support::{DynamoDb, created, instant, lease};

async fn unfinished(dynamodb: &DynamoDb) -> Vec<String> {
    let (product, environment) = ("mate".parse().unwrap(), "dev".parse().unwrap());
    let tenants = dynamodb.store().unfinished(&product, &environment).await.unwrap();
    tenants.into_iter().map(|TenantKey { tenant, .. }| tenant.to_string()).collect()
}

#[tokio::test]
async fn a_tenant_is_unfinished_until_it_has_arrived_and_that_was_announced() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    let mut record = created(&store, "demo").await;
    assert_eq!(unfinished(&dynamodb).await, ["demo"]);
    let steps = [
        (Status::Onboarding, true, true),
        (Status::Active, false, true),
        (Status::Active, true, false),
        (Status::Offboarding, true, true),
        (Status::Offboarded, true, false),
        (Status::Failed, false, true),
        (Status::Failed, true, false),
    ];
    for (at, (status, announced, expected)) in (1..).zip(steps) {
        let pass = lease(&store, &record, "pass-1", at).await;
        let next = TenantRecord { status, announced, ..record };
        record = store.commit(&pass, &next, &[], instant(at)).await.unwrap();
        assert_eq!(!unfinished(&dynamodb).await.is_empty(), expected, "{status}, {announced}");
    }
}

#[tokio::test]
async fn the_tenant_that_was_left_alone_the_longest_comes_first() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    for (at, tenant) in [(30, "late"), (10, "early"), (20, "middle")] {
        let record = created(&store, tenant).await;
        let pass = lease(&store, &record, "pass-1", at).await;
        store.commit(&pass, &record, &[], instant(at)).await.unwrap();
    }
    assert_eq!(unfinished(&dynamodb).await, ["early", "middle", "late"]);
}

#[tokio::test]
async fn another_environments_tenants_are_left_out() {
    let dynamodb = DynamoDb::start().await;
    let store = dynamodb.store();
    created(&store, "demo").await;
    let prod = store.unfinished(&"mate".parse().unwrap(), &"prod".parse().unwrap()).await;
    assert_eq!(prod.unwrap(), []);
}

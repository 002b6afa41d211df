//! A DynamoDB with an empty table, and the tenants the tests speak of.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::{Acquire, Creation, Idempotency, JournalEntry, Lease, Store, TenantKey, TenantRecord};

pub(crate) const TABLE: &str = "caretaker";
/// How long leases hold in these tests.
pub(crate) const TTL: Duration = Duration::from_mins(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// A DynamoDB of the test's own, which ends with it.
pub(crate) struct DynamoDb {
    server: Child,
    port: u16,
}

impl DynamoDb {
    /// Starts the server, and makes the table as `infra/manifest.yaml` has it.
    pub(crate) async fn start() -> Self {
        let mut server = Command::new(python())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/behaviour/dynamodb.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the Python interpreter starts");
        let mut line = String::new();
        let output = server.stdout.as_mut().expect("standard output is a pipe");
        BufReader::new(output).read_line(&mut line).expect("the server prints its port");
        let port = line.trim().parse().expect(
            "the server prints its port; its error is above (is MiniStack installed? run `make \
             setup`)",
        );
        let this = Self { server, port };
        this.create_table().await;
        this
    }

    /// A store over a client of its own, as each function has one.
    pub(crate) fn store(&self) -> Store {
        Store::new(self.client(), TABLE)
    }

    pub(crate) fn client(&self) -> Client {
        client(self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    async fn create_table(&self) {
        let text = |name: &str| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .unwrap()
        };
        let keys = |partition: &str, sort: &str| {
            [(partition, KeyType::Hash), (sort, KeyType::Range)].map(|(name, kind)| {
                KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
            })
        };
        let index = GlobalSecondaryIndex::builder()
            .index_name("gsi1")
            .set_key_schema(Some(keys("gsi1pk", "gsi1sk").to_vec()))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .unwrap();
        self.client()
            .create_table()
            .table_name(TABLE)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(["pk", "sk", "gsi1pk", "gsi1sk"].map(text).to_vec()))
            .set_key_schema(Some(keys("pk", "sk").to_vec()))
            .global_secondary_indexes(index)
            .send()
            .await
            .expect("the table is made");
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        // It also ends by itself when this process does, as its standard input closes.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A client of the DynamoDB at this port.
pub(crate) fn client(port: u16) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::for_tests())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(3)
                .with_initial_backoff(Duration::from_millis(1)),
        )
        .build();
    Client::from_conf(config)
}

/// The interpreter that has `ministack`: `CARETAKER_PYTHON`, else the one that set-up makes.
fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("CARETAKER_PYTHON") {
        return python.into();
    }
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/python");
    assert!(python.exists(), "{} is missing: run `make setup` first", python.display());
    python
}

/// Noon of the first of March 2026, and this many seconds.
pub(crate) fn instant(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_secs(seconds)
}

/// The record of a tenant of `mate` in `dev` that was just asked for.
pub(crate) fn record(tenant: &str) -> TenantRecord {
    let tenant = serde_json::from_value(json!({
        "product": "mate",
        "id": tenant,
        "environment": "dev",
        "tier": "trial",
        "display_name": "Demo GmbH",
        "admin_email": "admin@demo.example",
        "ownership": {
            "cost_center": "sales-7",
            "owner": "platform",
            "data_classification": "confidential",
            "compliance": "gdpr",
        },
    }));
    TenantRecord::new(tenant.unwrap(), "request-1".to_owned(), 7, instant(0))
}

/// A journal line, this many seconds after noon.
pub(crate) fn entry(seconds: i64, what: &str) -> JournalEntry {
    JournalEntry {
        at: instant(seconds),
        function: "tenant-onboarding".to_owned(),
        pass: "pass-1".to_owned(),
        request_id: "request-1".to_owned(),
        step: "data stack".to_owned(),
        what: what.to_owned(),
        why: "there is none".to_owned(),
        outcome: "started".to_owned(),
    }
}

/// The request `key` for this tenant.
pub(crate) fn request(key: &str, record: &TenantRecord) -> Idempotency {
    Idempotency::new("onboarding", key, &record.tenant, DAY).unwrap()
}

/// A tenant that was just recorded, with one journal line, `requested`.
pub(crate) async fn created(store: &Store, tenant: &str) -> TenantRecord {
    let record = record(tenant);
    let request = request(&format!("request-of-{tenant}"), &record);
    let entries = [entry(0, "requested")];
    match store.create(&record, &entries, &request, instant(0)).await.unwrap() {
        Creation::Created(record) => record,
        other => panic!("{tenant} should be new: {other:?}"),
    }
}

/// The lease on a tenant that nobody else holds.
pub(crate) async fn lease(store: &Store, seen: &TenantRecord, owner: &str, at: i64) -> Lease {
    match store.acquire(seen, owner, instant(at), TTL).await.unwrap() {
        Acquire::Taken(lease) => lease,
        other => panic!("the lease should be free: {other:?}"),
    }
}

/// What the whole journal says was decided, in order, read page by page.
pub(crate) async fn decisions(store: &Store, key: &TenantKey) -> Vec<String> {
    let mut decisions = Vec::new();
    let mut after = None;
    loop {
        let page = store.journal(key, after).await.unwrap();
        decisions.extend(page.items.into_iter().map(|entry| entry.what));
        after = page.next;
        if after.is_none() {
            return decisions;
        }
    }
}

//! A document is there once, is overwritten by nobody who has not seen it, and is found again.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use store::{
    Create, Delete, Document, DocumentKey, Documents, Due, Listed, PageToken, Replace, WriteOptions,
};

use crate::support::{self, DynamoDb, TABLE, instant};

const PARTITION: &str = "mate#dev";

/// A value with all that a function's own type may hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Progress {
    state: State,
    services: std::collections::BTreeMap<String, Option<u64>>,
    share: f64,
    at: jiff::Timestamp,
    notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum State {
    Rotating,
    RolledOut { tasks: u32 },
}

fn progress(tasks: u32) -> Progress {
    Progress {
        state: State::RolledOut { tasks },
        services: [("web".to_owned(), Some(u64::MAX)), ("worker".to_owned(), None)].into(),
        share: 0.1,
        at: instant(0),
        notes: vec![String::new()],
    }
}

fn key(id: &str) -> DocumentKey {
    DocumentKey::new("rotation", PARTITION, id)
}

fn no_options() -> WriteOptions {
    WriteOptions::default()
}

async fn start() -> (DynamoDb, Documents) {
    let dynamodb = DynamoDb::start().await;
    let documents = Documents::new(dynamodb.client(), TABLE);
    (dynamodb, documents)
}

/// Makes a document that is not there yet; gives its version.
async fn created(documents: &Documents, id: &str, tasks: u32, options: &WriteOptions) -> u64 {
    match documents.create(&key(id), &progress(tasks), options, instant(0)).await.unwrap() {
        Create::Created(version) => version,
        Create::Exists(document) => panic!("{id} should be new: {document:?}"),
    }
}

async fn read(documents: &Documents, id: &str, at: i64) -> Option<Document<Progress>> {
    documents.read(&key(id), instant(at)).await.unwrap()
}

#[tokio::test]
async fn a_document_is_read_as_it_was_written() {
    let (_dynamodb, documents) = start().await;
    assert_eq!(read(&documents, "a", 0).await, None);
    let version = created(&documents, "a", 3, &no_options()).await;
    assert_eq!(read(&documents, "a", 0).await, Some(Document { value: progress(3), version }));
    let rotating = Progress { state: State::Rotating, ..progress(0) };
    let replaced =
        documents.replace(&key("a"), &rotating, version, &no_options(), instant(1)).await.unwrap();
    assert_eq!(replaced, Replace::Replaced(version + 1));
    let document = Document { value: rotating, version: version + 1 };
    assert_eq!(read(&documents, "a", 1).await, Some(document));
}

#[tokio::test]
async fn of_two_that_make_the_same_document_in_the_same_words_one_has_it() {
    let (_dynamodb, documents) = start().await;
    let (value, options, key) = (progress(1), no_options(), key("a"));
    let (one, other) = tokio::join!(
        documents.create(&key, &value, &options, instant(0)),
        documents.create(&key, &value, &options, instant(0)),
    );
    let made = [one.unwrap(), other.unwrap()];
    assert_eq!(made.iter().filter(|made| matches!(made, Create::Created(_))).count(), 1);
}

#[tokio::test]
async fn who_has_not_seen_the_latest_version_is_shown_it_and_writes_nothing() {
    let (_dynamodb, documents) = start().await;
    let first = created(&documents, "a", 1, &no_options()).await;
    let replace = async |tasks, expected| {
        documents
            .replace(&key("a"), &progress(tasks), expected, &no_options(), instant(1))
            .await
            .unwrap()
    };
    assert_eq!(replace(2, first).await, Replace::Replaced(first + 1));
    let latest = Document { value: progress(2), version: first + 1 };
    assert_eq!(replace(3, first).await, Replace::Changed(Some(latest.clone())));
    assert_eq!(replace(3, first + 7).await, Replace::Changed(Some(latest.clone())));
    let delete = documents.delete(&key("a"), first, instant(1)).await.unwrap();
    assert_eq!(delete, Delete::Changed(latest.clone()));
    assert_eq!(read(&documents, "a", 1).await, Some(latest));
}

#[tokio::test]
async fn a_document_that_is_gone_is_replaced_by_nobody_and_may_be_deleted_again() {
    let (_dynamodb, documents) = start().await;
    let first = created(&documents, "a", 1, &no_options()).await;
    for _ in 0..2 {
        let deleted: Delete<Progress> =
            documents.delete(&key("a"), first, instant(1)).await.unwrap();
        assert_eq!(deleted, Delete::Deleted);
    }
    let replaced =
        documents.replace(&key("a"), &progress(2), first, &no_options(), instant(1)).await.unwrap();
    assert_eq!(replaced, Replace::Changed(None));
    assert_eq!(read(&documents, "a", 1).await, None);
}

#[tokio::test]
async fn who_saw_a_document_that_was_deleted_cannot_overwrite_its_successor() {
    let (_dynamodb, documents) = start().await;
    let first = created(&documents, "a", 1, &no_options()).await;
    let _: Delete<Progress> = documents.delete(&key("a"), first, instant(1)).await.unwrap();
    let again = documents.create(&key("a"), &progress(2), &no_options(), instant(2)).await.unwrap();
    assert!(matches!(again, Create::Created(_)), "{again:?}");
    let late =
        documents.replace(&key("a"), &progress(3), first, &no_options(), instant(3)).await.unwrap();
    assert!(
        matches!(&late, Replace::Changed(Some(found)) if found.value == progress(2)),
        "{late:?}"
    );
}

#[tokio::test]
async fn an_expired_document_counts_as_absent_everywhere() {
    let (_dynamodb, documents) = start().await;
    let until = |seconds| WriteOptions { expires_at: Some(instant(seconds)), ..no_options() };
    let first = created(&documents, "a", 1, &until(10)).await;
    assert!(read(&documents, "a", 10).await.is_some());
    assert_eq!(read(&documents, "a", 11).await, None);
    let many = documents.read_many::<Progress>(&[key("a")], instant(11)).await.unwrap();
    assert!(many.is_empty(), "{many:?}");
    let page = documents.list::<Progress>("rotation", PARTITION, None, instant(11)).await.unwrap();
    assert_eq!(page.items, []);
    let replaced = documents
        .replace(&key("a"), &progress(2), first, &no_options(), instant(11))
        .await
        .unwrap();
    assert_eq!(replaced, Replace::Changed(None));
    let deleted: Delete<Progress> = documents.delete(&key("a"), 1, instant(11)).await.unwrap();
    assert_eq!(deleted, Delete::Deleted);
    let again = documents.create(&key("a"), &progress(3), &until(30), instant(11)).await.unwrap();
    assert!(matches!(again, Create::Created(version) if version > first), "{again:?}");
    assert_eq!(read(&documents, "a", 12).await.unwrap().value, progress(3));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_without_a_second_write() {
    let (dynamodb, _) = start().await;
    let (port, left) = crate::lossy::start(dynamodb.port(), "PutItem", 1);
    let documents = Documents::new(support::client(port), TABLE);
    let version = created(&documents, "a", 1, &no_options()).await;
    assert_eq!(left.load(Ordering::SeqCst), 0, "an answer should have been lost");
    let (port, left) = crate::lossy::start(dynamodb.port(), "PutItem", 1);
    let documents = Documents::new(support::client(port), TABLE);
    let replaced = documents
        .replace(&key("a"), &progress(2), version, &no_options(), instant(1))
        .await
        .unwrap();
    assert_eq!(left.load(Ordering::SeqCst), 0, "an answer should have been lost");
    assert_eq!(replaced, Replace::Replaced(version + 1));
}

#[tokio::test]
async fn a_caller_that_names_its_write_may_repeat_it_and_nobody_else_may() {
    let (_dynamodb, documents) = start().await;
    let named = |name: &str| WriteOptions { write_id: Some(name.to_owned()), ..no_options() };
    let version = created(&documents, "a", 1, &named("message-1")).await;
    let create = async |tasks, name| {
        documents.create(&key("a"), &progress(tasks), &named(name), instant(0)).await.unwrap()
    };
    assert_eq!(create(1, "message-1").await, Create::Created(version));
    let there = Create::Exists(Document { value: progress(1), version });
    assert_eq!(create(1, "message-2").await, there);
    // Other content is another write, whoever it is by.
    assert_eq!(create(2, "message-1").await, there);
    let replace = async |tasks, name| {
        documents
            .replace(&key("a"), &progress(tasks), version, &named(name), instant(1))
            .await
            .unwrap()
    };
    assert_eq!(replace(2, "message-1").await, Replace::Replaced(version + 1));
    assert_eq!(replace(2, "message-1").await, Replace::Replaced(version + 1));
    for (tasks, name) in [(2, "message-2"), (3, "message-1")] {
        assert!(matches!(replace(tasks, name).await, Replace::Changed(Some(_))), "{name}");
    }
}

#[tokio::test]
async fn what_is_due_is_found_by_its_time_and_what_is_done_is_not() {
    let (_dynamodb, documents) = start().await;
    let due_at = |seconds| WriteOptions { due_at: Some(instant(seconds)), ..no_options() };
    for (id, seconds) in [("late", 30), ("arn:b#1", 10), ("middle", 20)] {
        created(&documents, id, 1, &due_at(seconds)).await;
    }
    let done = created(&documents, "done", 1, &due_at(1)).await;
    created(&documents, "never", 1, &no_options()).await;
    let other = DocumentKey::new("alert-group", PARTITION, "other");
    let _ = documents.create(&other, &1, &due_at(1), instant(0)).await.unwrap();
    let replaced = documents
        .replace(&key("done"), &progress(2), done, &no_options(), instant(1))
        .await
        .unwrap();
    assert_eq!(replaced, Replace::Replaced(done + 1));
    let due = documents.due("rotation", PARTITION, instant(20)).await.unwrap();
    let expected = [("arn:b#1", 10), ("middle", 20)];
    assert_eq!(
        due,
        expected.map(|(id, seconds)| Due { id: id.to_owned(), due_at: instant(seconds) })
    );
    assert_eq!(documents.due("rotation", "mate#prod", instant(99)).await.unwrap(), []);
}

#[tokio::test]
async fn all_documents_of_a_kind_are_listed_page_by_page_and_no_others() {
    let (_dynamodb, documents) = start().await;
    let ids: Vec<String> = (0..250).map(|number| format!("{number:03}")).collect();
    for id in &ids {
        created(&documents, id, 1, &no_options()).await;
    }
    let other = DocumentKey::new("rotation", "mate#prod", "other");
    let _ = documents.create(&other, &progress(1), &no_options(), instant(0)).await.unwrap();
    let (mut listed, mut pages, mut after) = (Vec::new(), 0, None::<PageToken>);
    loop {
        let page =
            documents.list::<Progress>("rotation", PARTITION, after, instant(1)).await.unwrap();
        listed.extend(page.items.into_iter().map(|Listed { id, .. }| id));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, ids);
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn many_are_read_at_once_whichever_of_them_are_there() {
    let (_dynamodb, documents) = start().await;
    for number in (0..240).step_by(2) {
        created(&documents, &format!("{number}"), number, &no_options()).await;
    }
    // Each is asked for twice.
    let keys: Vec<DocumentKey> =
        (0..240).chain(0..240).map(|number| key(&number.to_string())).collect();
    let found = documents.read_many::<Progress>(&keys, instant(1)).await.unwrap();
    let ids: BTreeSet<u32> = found.keys().map(|key| key.id.parse().unwrap()).collect();
    assert_eq!(ids, (0..240).step_by(2).collect());
    assert_eq!(found[&key("8")].value, progress(8));
    assert!(documents.read_many::<Progress>(&[], instant(1)).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_item_that_is_no_document_is_named_without_its_content() {
    let (dynamodb, documents) = start().await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    dynamodb
        .client()
        .put_item()
        .table_name(TABLE)
        .item("pk", text("DOCUMENT#rotation#mate#dev"))
        .item("sk", text("a"))
        .item("version", AttributeValue::N("1".to_owned()))
        .item("value", text("a private word"))
        .send()
        .await
        .unwrap();
    let error = documents.read::<Progress>(&key("a"), instant(0)).await.unwrap_err();
    let words = error.to_string();
    assert!(words.contains("DOCUMENT#rotation#mate#dev / a in table caretaker"), "{words}");
    assert!(!words.contains("private") && !error.is_transient(), "{words}");
}

#[tokio::test]
async fn no_change_is_lost_however_many_change_the_same_document() {
    const WRITERS: u32 = 6;
    const CHANGES: u32 = 5;
    let (dynamodb, documents) = start().await;
    let _ = documents.create(&key("a"), &0_u32, &no_options(), instant(0)).await.unwrap();
    let writers = (0..WRITERS).map(|_| {
        let documents = Documents::new(dynamodb.client(), TABLE);
        tokio::spawn(async move {
            for _ in 0..CHANGES {
                let mut seen = documents.read::<u32>(&key("a"), instant(0)).await.unwrap().unwrap();
                // Each refusal is another's success, so this ends with the last change of all.
                loop {
                    let next = seen.value + 1;
                    let replaced = documents
                        .replace(&key("a"), &next, seen.version, &no_options(), instant(0))
                        .await
                        .unwrap();
                    match replaced {
                        Replace::Replaced(_) => break,
                        Replace::Changed(current) => seen = current.unwrap(),
                    }
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let last = documents.read::<u32>(&key("a"), instant(0)).await.unwrap().unwrap();
    assert_eq!(last.value, WRITERS * CHANGES);
}

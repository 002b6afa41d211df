//! Writing a document: make it, replace it, delete it, each only if it is as the writer believes.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value;

use super::{Document, DocumentKey, Documents, VALUE};
use crate::StoreError;
use crate::canonical::digest;
use crate::layout::{self, EXPIRES_AT, INDEX_PK, INDEX_SK, Item, PK, VERSION};
use crate::store::text;

/// The attribute that says which write the document comes from.
const WRITE: &str = "write";

/// What else is written with a document. Every write says all of it anew: what is `None` here is
/// no longer there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// When it counts as absent and may be deleted by DynamoDB, to the second; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// When somebody has to look at it next, as [`Documents::due`] finds it; `None` for a
    /// document that nobody has to look at.
    pub due_at: Option<Timestamp>,
    /// The caller's own name of this write, such as the id of the message and the delivery that
    /// it works on: the same content under the same name again is this very write, and succeeds.
    /// It must be of one caller alone, or two that race for the same document both win. `None`
    /// makes a name at each call, by which the SDK's own repetitions are known.
    pub write_id: Option<String>,
}

/// What came of making a document.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "another may have made the document"]
pub enum Create<T> {
    /// It is this caller's, in this version.
    Created(u64),
    /// There is one already.
    Exists(Document<T>),
}

/// What came of replacing a document.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "another may have changed the document"]
pub enum Replace<T> {
    /// The new value stands, in this version.
    Replaced(u64),
    /// It is not in the version that was expected, and nothing was written: the document as it
    /// stands, `None` where it is gone or has expired.
    Changed(Option<Document<T>>),
}

/// What came of deleting a document.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "another may have changed the document"]
pub enum Delete<T> {
    /// It is gone, by this call or before.
    Deleted,
    /// It is not in the version that was expected, and was left: the document as it stands.
    Changed(Document<T>),
}

/// A put that DynamoDB decided on.
enum Put {
    Done,
    /// Its condition was not met; the item as it stands.
    Refused(Option<Item>),
}

impl Documents {
    /// Makes a document, unless there is one that has not expired.
    pub async fn create<T: Serialize + DeserializeOwned>(
        &self,
        key: &DocumentKey,
        value: &T,
        options: &WriteOptions,
        now: Timestamp,
    ) -> Result<Create<T>, StoreError> {
        let version = u64::try_from(now.as_microsecond()).unwrap_or(1);
        let write = write_id(key, version, value, options)?;
        let put = self
            .put(item(key, version, &write, value, options)?)
            .condition_expression("attribute_not_exists(#pk) OR #expires_at < :now")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#expires_at", EXPIRES_AT)
            .expression_attribute_values(":now", layout::number(now.as_second()));
        let found = match self.send(key, put).await? {
            Put::Done => return Ok(Create::Created(version)),
            Put::Refused(found) => found,
        };
        if is_write(found.as_ref(), &write) {
            return Ok(Create::Created(version));
        }
        match self.found(key, found, now)? {
            Some(document) => Ok(Create::Exists(document)),
            // The condition was met by everything that is absent.
            None => Err(self.store.unreadable(
                &key.item_key()?,
                "a document that has expired was held to be there".to_owned(),
            )),
        }
    }

    /// Replaces a document, provided that it is in `expected_version` and has not expired.
    pub async fn replace<T: Serialize + DeserializeOwned>(
        &self,
        key: &DocumentKey,
        value: &T,
        expected_version: u64,
        options: &WriteOptions,
        now: Timestamp,
    ) -> Result<Replace<T>, StoreError> {
        let version = expected_version.saturating_add(1);
        let write = write_id(key, version, value, options)?;
        let put = self
            .put(item(key, version, &write, value, options)?)
            .condition_expression(
                "#version = :expected AND \
                 (attribute_not_exists(#expires_at) OR #expires_at >= :now)",
            )
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_names("#expires_at", EXPIRES_AT)
            .expression_attribute_values(":expected", layout::number(expected_version))
            .expression_attribute_values(":now", layout::number(now.as_second()));
        match self.send(key, put).await? {
            Put::Done => Ok(Replace::Replaced(version)),
            Put::Refused(found) if is_write(found.as_ref(), &write) => {
                Ok(Replace::Replaced(version))
            }
            Put::Refused(None) => Ok(Replace::Changed(None)),
            Put::Refused(found) => Ok(Replace::Changed(self.found(key, found, now)?)),
        }
    }

    /// Deletes a document, provided that it is in `expected_version`. One that is gone or has
    /// expired is what was wanted.
    pub async fn delete<T: DeserializeOwned>(
        &self,
        key: &DocumentKey,
        expected_version: u64,
        now: Timestamp,
    ) -> Result<Delete<T>, StoreError> {
        let item_key = key.item_key()?;
        let sent = self
            .store
            .client
            .delete_item()
            .table_name(&self.store.table)
            .set_key(Some(item_key.clone()))
            .condition_expression("attribute_not_exists(#pk) OR #version = :expected")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":expected", layout::number(expected_version))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else { return Ok(Delete::Deleted) };
        let Some(DeleteItemError::ConditionalCheckFailedException(failed)) =
            error.as_service_error()
        else {
            return Err(self.store.failed("DeleteItem", &item_key, &error));
        };
        match self.found(key, failed.item().cloned(), now)? {
            Some(document) => Ok(Delete::Changed(document)),
            None => Ok(Delete::Deleted),
        }
    }

    fn put(&self, item: Item) -> PutItemFluentBuilder {
        self.store
            .client
            .put_item()
            .table_name(&self.store.table)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    async fn send(&self, key: &DocumentKey, put: PutItemFluentBuilder) -> Result<Put, StoreError> {
        let Err(error) = put.send().await else { return Ok(Put::Done) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Put::Refused(failed.item().cloned().filter(|item| !item.is_empty())))
            }
            _ => Err(self.store.failed("PutItem", &key.item_key()?, &error)),
        }
    }

    /// The document that stood in the way of a write.
    fn found<T: DeserializeOwned>(
        &self,
        key: &DocumentKey,
        item: Option<Item>,
        now: Timestamp,
    ) -> Result<Option<Document<T>>, StoreError> {
        let Some(mut item) = item else {
            let reason = "a refused condition came without its item".to_owned();
            return Err(self.store.unreadable(&key.item_key()?, reason));
        };
        // Errors name the item by its key, which a refusal may leave out.
        item.extend(key.item_key()?);
        self.living(item, now)
    }
}

/// A document as an item.
fn item(
    key: &DocumentKey,
    version: u64,
    write: &str,
    value: &impl Serialize,
    options: &WriteOptions,
) -> Result<Item, StoreError> {
    let mut item = key.item_key()?;
    let value = to_attribute_value(value).map_err(|error| unwritable(key, &error))?;
    item.insert(VALUE.to_owned(), value);
    item.insert(VERSION.to_owned(), layout::number(version));
    item.insert(WRITE.to_owned(), text(write));
    if let Some(expiry) = options.expires_at {
        item.insert(EXPIRES_AT.to_owned(), layout::number(expiry.as_second()));
    }
    if let Some(due) = options.due_at {
        let sort = format!("{}#{}", layout::sortable(due), key.id);
        item.insert(INDEX_PK.to_owned(), text(layout::due_partition(key.kind, &key.partition)));
        item.insert(INDEX_SK.to_owned(), text(sort));
    }
    Ok(item)
}

/// The name of a write: of its caller and all that it writes. Of the content alone it may not be,
/// for then two callers that claim the same document in the same words would both hear that they
/// have it.
fn write_id(
    key: &DocumentKey,
    version: u64,
    value: &impl Serialize,
    options: &WriteOptions,
) -> Result<String, StoreError> {
    match &options.write_id {
        None => Ok(format!("{:032x}", fastrand::u128(..))),
        Some(name) => digest(&(name, version, value, options.expires_at, options.due_at))
            .map_err(|error| unwritable(key, &error)),
    }
}

/// Whether the item that stood in the way is this very write, whose answer was lost.
fn is_write(item: Option<&Item>, write: &str) -> bool {
    item.and_then(|item| layout::read_text(item, WRITE)) == Some(write)
}

fn unwritable(key: &DocumentKey, error: &impl ToString) -> StoreError {
    StoreError::Unwritable { what: format!("the document {key}"), reason: error.to_string() }
}

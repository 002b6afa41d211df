//! The table itself: reading a record, drawing a number, and what all other calls share.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};

use crate::error::service_error;
use crate::layout::{self, Item};
use crate::{StoreError, TenantKey, TenantRecord};

/// The table in which Caretaker keeps what it cannot observe: records, journal, leases and
/// idempotency records.
///
/// Cloning is cheap. No method reads a clock: `now` is always an argument.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) table: String,
}

impl Store {
    /// The store in this table. Retries and timeouts are those of the client.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The table's name, for people.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// What is recorded of a tenant, `None` for one that nobody asked for. A strongly consistent
    /// read: it sees every write that was acknowledged before.
    pub async fn read(&self, key: &TenantKey) -> Result<Option<TenantRecord>, StoreError> {
        let item_key = layout::record_key(key);
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(item_key.clone()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| self.failed("GetItem", &item_key, &error))?;
        answer.item.map(|item| self.parse(item)).transpose()
    }

    /// The next number of a counter, from 1. Two callers never get the same; a number whose
    /// answer was lost is left out.
    pub async fn next_number(&self, counter: &str) -> Result<u32, StoreError> {
        const VALUE: &str = "value";
        let item_key = layout::counter_key(counter);
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key.clone()))
            .update_expression("ADD #value :one")
            .expression_attribute_names("#value", VALUE)
            .expression_attribute_values(":one", layout::number(1))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(|error| self.failed("UpdateItem", &item_key, &error))?;
        let attributes = answer.attributes.unwrap_or_default();
        layout::read_number(&attributes, VALUE).ok_or_else(|| {
            self.unreadable(&item_key, format!("{VALUE} is no number from 0 to {}", u32::MAX))
        })
    }

    /// A call that failed, in words.
    pub(crate) fn failed<E>(
        &self,
        operation: &'static str,
        key: &Item,
        error: &SdkError<E>,
    ) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        service_error(operation, &self.table, layout::key_in_words(key), error)
    }

    /// An item that is not what this code reads, in words.
    pub(crate) fn unreadable(&self, key: &Item, reason: String) -> StoreError {
        StoreError::Unreadable { table: self.table.clone(), key: layout::key_in_words(key), reason }
    }

    /// An item of the table as a value; attributes that the type does not have are ignored.
    pub(crate) fn parse<T: DeserializeOwned>(&self, item: Item) -> Result<T, StoreError> {
        let key = layout::key_in_words(&item);
        from_item(item).map_err(|error| StoreError::Unreadable {
            table: self.table.clone(),
            key,
            reason: error.to_string(),
        })
    }
}

/// A value as an item, without keys.
pub(crate) fn as_item(what: &str, value: &impl Serialize) -> Result<Item, StoreError> {
    to_item(value).map_err(|error| StoreError::Unwritable {
        what: what.to_owned(),
        reason: error.to_string(),
    })
}

/// An item's text attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

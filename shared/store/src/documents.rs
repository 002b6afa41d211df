//! What functions remember beside tenants: the progress of a rotation, an alert's group, a sink's
//! ledger. Each is a document: a value of its function's own type under a key.
//!
//! The guard of a document is its version. Who writes names the version that the new value was
//! decided from, and is refused with the current document where another was faster. So no lease
//! is needed around work that can be done twice: the loser decides again from what the winner
//! left.

mod batch;
mod key;
mod listing;
mod write;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_dynamo::aws_sdk_dynamodb_1::from_attribute_value;

pub use key::{DOCUMENT_ID_BYTES_MAX, DocumentKey};
pub use listing::{DOCUMENT_PAGE_ITEMS, DUE_DOCUMENTS_MAX, Due, Listed};
pub use write::{Create, Delete, Replace, WriteOptions};

use crate::layout::{self, EXPIRES_AT, Item, VERSION};
use crate::{Store, StoreError};

/// The attribute with the document itself.
const VALUE: &str = "value";

/// The documents of a table.
///
/// Cloning is cheap. No method reads a clock: `now` is always an argument. An expired document
/// counts as absent everywhere but in [`Documents::due`], although DynamoDB deletes it only some
/// time later.
#[derive(Debug, Clone)]
pub struct Documents {
    pub(crate) store: Store,
}

/// A document as it stands in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<T> {
    /// What it says.
    pub value: T,
    /// Which writing of it this is: it grows with each. It begins with the microsecond of the
    /// creation and not with one, so that who saw a document before it expired or was deleted
    /// cannot overwrite its successor of the same key.
    pub version: u64,
}

impl Documents {
    /// The documents in this table. Retries and timeouts are those of the client.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { store: Store::new(client, table) }
    }

    /// The document under this key, `None` where there is none. A strongly consistent read: it
    /// sees every write that was acknowledged before.
    pub async fn read<T: DeserializeOwned>(
        &self,
        key: &DocumentKey,
        now: Timestamp,
    ) -> Result<Option<Document<T>>, StoreError> {
        let item_key = key.item_key()?;
        let answer = self
            .store
            .client
            .get_item()
            .table_name(&self.store.table)
            .set_key(Some(item_key.clone()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| self.store.failed("GetItem", &item_key, &error))?;
        match answer.item {
            Some(item) => self.living(item, now),
            None => Ok(None),
        }
    }

    /// An item as a document, `None` for one that has expired.
    fn living<T: DeserializeOwned>(
        &self,
        mut item: Item,
        now: Timestamp,
    ) -> Result<Option<Document<T>>, StoreError> {
        if is_expired(&item, now) {
            return Ok(None);
        }
        let unreadable = |item: &Item, reason: String| self.store.unreadable(item, reason);
        let version = layout::read_number(&item, VERSION)
            .ok_or_else(|| unreadable(&item, format!("{VERSION} is no version")))?;
        let value = item
            .remove(VALUE)
            .ok_or_else(|| unreadable(&item, format!("it has no attribute {VALUE}")))?;
        let value = from_attribute_value(value)
            .map_err(|error| unreadable(&item, format!("{VALUE}: {error}")))?;
        Ok(Some(Document { value, version }))
    }
}

impl From<&Store> for Documents {
    /// The documents in the table of this store.
    fn from(store: &Store) -> Self {
        Self { store: store.clone() }
    }
}

/// Whether an item's time is over. The same question as the conditions ask, in whole seconds.
fn is_expired(item: &Item, now: Timestamp) -> bool {
    layout::read_number::<i64>(item, EXPIRES_AT).is_some_and(|expiry| expiry < now.as_second())
}

//! Many documents in few calls.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::{Document, DocumentKey, Documents};
use crate::StoreError;
use crate::layout::{self, Item, PK, SK};

/// How many items one `BatchGetItem` takes (its reference).
const BATCH_ITEMS_MAX: usize = 100;

/// How often in a row DynamoDB may leave everything of a batch unprocessed. It does so where a
/// partition is throttled; some 750 ms of patience ride out a short one, and the rest is the
/// caller's to try again.
const FRUITLESS_BATCHES_MAX: u32 = 4;

/// How long to wait after the first fruitless batch; after each further one twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(50);

impl Documents {
    /// The documents under these keys, without those that are not there. Strongly consistent,
    /// each for itself: documents that are written together may be seen apart.
    pub async fn read_many<T: DeserializeOwned>(
        &self,
        keys: &[DocumentKey],
        now: Timestamp,
    ) -> Result<HashMap<DocumentKey, Document<T>>, StoreError> {
        // A key that is asked for twice in one batch is an error of DynamoDB's.
        let wanted: BTreeSet<&DocumentKey> = keys.iter().collect();
        let mut names = HashMap::new();
        let mut left = Vec::new();
        for key in wanted {
            let item_key = key.item_key()?;
            names.insert(name_of(&item_key), key);
            left.push(item_key);
        }
        let mut documents = HashMap::new();
        let mut fruitless = 0;
        while !left.is_empty() {
            let batch = left.split_off(left.len().saturating_sub(BATCH_ITEMS_MAX));
            let asked = batch.len();
            let (items, unprocessed) = self.read_batch(batch).await?;
            fruitless = if unprocessed.len() < asked { 0 } else { fruitless + 1 };
            if fruitless >= FRUITLESS_BATCHES_MAX {
                return Err(self.throttled(&unprocessed));
            }
            if fruitless > 0 {
                tokio::time::sleep(wait_after(fruitless)).await;
            }
            left.extend(unprocessed);
            for item in items {
                // What was not asked for is not answered.
                let Some(key) = names.get(&name_of(&item)) else { continue };
                if let Some(document) = self.living(item, now)? {
                    documents.insert(DocumentKey::clone(key), document);
                }
            }
        }
        Ok(documents)
    }

    /// The items of one batch that were found, and the keys that DynamoDB did not look at.
    async fn read_batch(&self, batch: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), StoreError> {
        let first = batch.first().cloned().unwrap_or_default();
        let table = &self.store.table;
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(batch))
            .consistent_read(true)
            .build()
            .map_err(|error| self.store.unreadable(&first, error.to_string()))?;
        let answer = self
            .store
            .client
            .batch_get_item()
            .request_items(table, wanted)
            .send()
            .await
            .map_err(|error| self.store.failed("BatchGetItem", &first, &error))?;
        let items = answer.responses.and_then(|mut tables| tables.remove(table));
        let unprocessed = answer.unprocessed_keys.and_then(|mut tables| tables.remove(table));
        Ok((items.unwrap_or_default(), unprocessed.map(|keys| keys.keys).unwrap_or_default()))
    }

    fn throttled(&self, unprocessed: &[Item]) -> StoreError {
        StoreError::Service {
            operation: "BatchGetItem",
            table: self.store.table.clone(),
            key: unprocessed.first().map(layout::key_in_words).unwrap_or_default(),
            reason: format!(
                "all {} keys of a batch were left unprocessed {FRUITLESS_BATCHES_MAX} times",
                unprocessed.len()
            ),
            transient: true,
        }
    }
}

/// By what an answered item is known as the one that was asked for.
fn name_of(item: &Item) -> (String, String) {
    let text = |attribute| layout::read_text(item, attribute).unwrap_or_default().to_owned();
    (text(PK), text(SK))
}

/// How long to wait after so many fruitless batches, between half and all of it: callers that
/// were throttled together must not come back together.
fn wait_after(fruitless: u32) -> Duration {
    let longest = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(fruitless.saturating_sub(1)));
    longest.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
}

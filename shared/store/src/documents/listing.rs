//! Finding documents without knowing their ids: all of a kind, or those that are due.

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::{Document, Documents, key};
use crate::StoreError;
use crate::layout::{self, INDEX, INDEX_PK, INDEX_SK, Item, PK, SK};
use crate::page::{Page, PageToken};
use crate::store::text;

/// How many documents one page of a listing holds at most. DynamoDB ends a page at a megabyte by
/// itself.
pub const DOCUMENT_PAGE_ITEMS: i32 = 100;

/// How many documents one sweep is told of; what is left over is the next sweep's, longest due
/// first. Ten times what a sweep can put on a queue in a few seconds.
pub const DUE_DOCUMENTS_MAX: usize = 1_000;

/// A document of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// Its id.
    pub id: String,
    /// The document.
    pub document: Document<T>,
}

/// A document that somebody has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its id.
    pub id: String,
    /// Since when.
    pub due_at: Timestamp,
}

impl Documents {
    /// A page of the documents of a kind, in the order of their ids; `after` continues an earlier
    /// page. Strongly consistent.
    pub async fn list<T: DeserializeOwned>(
        &self,
        kind: &'static str,
        partition: &str,
        after: Option<PageToken>,
        now: Timestamp,
    ) -> Result<Page<Listed<T>>, StoreError> {
        let partition = key::partition(kind, partition)?;
        let answer = self
            .store
            .client
            .query()
            .table_name(&self.store.table)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(&partition))
            .consistent_read(true)
            .limit(DOCUMENT_PAGE_ITEMS)
            .set_exclusive_start_key(after.map(PageToken::into_key))
            .send()
            .await
            .map_err(|error| {
                let all = layout::key(partition, "all".to_owned());
                self.store.failed("Query", &all, &error)
            })?;
        let mut items = Vec::new();
        for item in answer.items.unwrap_or_default() {
            let id = layout::read_text(&item, SK).unwrap_or_default().to_owned();
            if let Some(document) = self.living(item, now)? {
                items.push(Listed { id, document });
            }
        }
        Ok(Page { items, next: PageToken::from_key(answer.last_evaluated_key) })
    }

    /// The documents of a kind whose time to be looked at has come by `until`, those first that
    /// have waited longest; at most [`DUE_DOCUMENTS_MAX`].
    ///
    /// The index follows the table within a second or so: one that was just written may be missing
    /// or still be there, or have expired. For a sweep none of it matters, as each pass reads the
    /// document itself.
    pub async fn due(
        &self,
        kind: &'static str,
        partition: &str,
        until: Timestamp,
    ) -> Result<Vec<Due>, StoreError> {
        key::partition(kind, partition)?;
        let partition = layout::due_partition(kind, partition);
        // '$' is the character after '#': all ids of this very instant are before it.
        let until = format!("{}$", layout::sortable(until));
        let mut due = Vec::new();
        let mut start = None;
        loop {
            let left = DUE_DOCUMENTS_MAX.saturating_sub(due.len());
            let answer = self
                .store
                .client
                .query()
                .table_name(&self.store.table)
                .index_name(INDEX)
                .key_condition_expression("#partition = :partition AND #due < :until")
                .expression_attribute_names("#partition", INDEX_PK)
                .expression_attribute_names("#due", INDEX_SK)
                .expression_attribute_values(":partition", text(&partition))
                .expression_attribute_values(":until", text(&until))
                .limit(i32::try_from(left).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| {
                    let index = layout::key(partition.clone(), INDEX.to_owned());
                    self.store.failed("Query", &index, &error)
                })?;
            due.extend(answer.items().iter().filter_map(due_of));
            start = PageToken::from_key(answer.last_evaluated_key).map(PageToken::into_key);
            if start.is_none() || due.len() >= DUE_DOCUMENTS_MAX {
                return Ok(due);
            }
        }
    }
}

/// Which document an item of the index is. One that cannot be told is logged and left out: it
/// must not keep the sweep from all the others.
fn due_of(item: &Item) -> Option<Due> {
    let sort = layout::read_text(item, INDEX_SK).unwrap_or_default();
    let due = sort
        .split_once('#')
        .and_then(|(at, id)| Some(Due { id: id.to_owned(), due_at: at.parse().ok()? }));
    if due.is_none() {
        tracing::warn!(item = sort, "an item of the index of what is due is no document: {sort:?}");
    }
    due
}

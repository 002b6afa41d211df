//! The journal: every decision about a tenant, when, what, why and with which result.
//!
//! It is how a person learns afterwards what happened at three in the morning, so a line is never
//! changed and never expires, and it is written in the same transaction as the change it tells
//! of: there is no change without its line, and no line of a change that did not happen.

use std::fmt;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Put};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical::digest;
use crate::layout::{self, Item, JOURNAL_PREFIX, PK, SK};
use crate::page::{Page, PageToken};
use crate::store::{as_item, text};
use crate::{Store, StoreError, TenantKey};

/// How many lines one page holds: with lines of usual length some 50 KB, well under the
/// megabyte at which DynamoDB ends a page by itself.
pub const JOURNAL_PAGE_LINES: i32 = 100;

/// The longest text of one line; a longer one is cut. Without a bound, one error that quotes a
/// whole document would exceed what DynamoDB takes and cost the commit it belongs to: a full
/// commit of lines of seven such texts stays under the 4 MB of a transaction.
pub const JOURNAL_TEXT_BYTES_MAX: usize = 4 * 1024;

/// One line of a tenant's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When.
    pub at: Timestamp,
    /// Which function: `tenant-onboarding`.
    pub function: String,
    /// Which pass of it, by the id that its logs carry.
    pub pass: String,
    /// The request that it was about.
    pub request_id: String,
    /// At which step: `data stack`.
    pub step: String,
    /// What was decided: `create the stack mate-demo-dev-data`.
    pub what: String,
    /// Why: `there is none`.
    pub why: String,
    /// With which result: `started`.
    pub outcome: String,
}

impl fmt::Display for JournalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, step, what, why, outcome, .. } = self;
        write!(f, "{at:.3}  {step}: {what}, because {why}: {outcome}")
    }
}

impl Store {
    /// Writes lines that belong to no change of the record and need no lease, such as a refused
    /// request for a tenant that exists. Idempotent: a line that is there already is left as it
    /// is.
    pub async fn append(
        &self,
        key: &TenantKey,
        entries: &[JournalEntry],
    ) -> Result<(), StoreError> {
        for (number, entry) in entries.iter().enumerate() {
            let content = digest(entry).map_err(|error| StoreError::Unwritable {
                what: format!("a journal line of tenant {key}"),
                reason: error.to_string(),
            })?;
            // Version 0 is no commit's: such a line can never take a commit's key. The digest
            // keeps two passes apart that write in the same instant.
            let sort = format!("{}#{content}", sort_key(entry.at, 0, number));
            let item_key = layout::key(key.partition(), sort);
            let sent = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(line(entry, item_key.clone())?))
                .condition_expression(ABSENT)
                .expression_attribute_names("#pk", PK)
                .send()
                .await;
            if let Err(error) = sent {
                let is_there = error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception);
                if !is_there {
                    return Err(self.failed("PutItem", &item_key, &error));
                }
            }
        }
        Ok(())
    }

    /// A page of a tenant's journal, the oldest line first; `after` continues an earlier page.
    pub async fn journal(
        &self,
        key: &TenantKey,
        after: Option<PageToken>,
    ) -> Result<Page<JournalEntry>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :journal)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(key.partition()))
            .expression_attribute_values(":journal", text(JOURNAL_PREFIX))
            .consistent_read(true)
            .limit(JOURNAL_PAGE_LINES)
            .set_exclusive_start_key(after.map(PageToken::into_key))
            .send()
            .await
            .map_err(|error| {
                let journal = layout::key(key.partition(), JOURNAL_PREFIX.to_owned());
                self.failed("Query", &journal, &error)
            })?;
        let items = answer.items.unwrap_or_default();
        let entries = items.into_iter().map(|item| self.parse(item)).collect::<Result<_, _>>()?;
        Ok(Page { items: entries, next: PageToken::from_key(answer.last_evaluated_key) })
    }
}

/// The condition under which a line is written: no line is ever overwritten.
pub(crate) const ABSENT: &str = "attribute_not_exists(#pk)";

/// The lines of a commit as writes of its transaction. `version` is the one that the commit
/// gives the record: it is used once, so no two commits share a line's key.
pub(crate) fn puts(
    table: &str,
    key: &TenantKey,
    version: u64,
    entries: &[JournalEntry],
) -> Result<Vec<Put>, StoreError> {
    let put = |(number, entry): (usize, &JournalEntry)| {
        let item_key = layout::key(key.partition(), sort_key(entry.at, version, number));
        Put::builder()
            .table_name(table)
            .set_item(Some(line(entry, item_key)?))
            .condition_expression(ABSENT)
            .expression_attribute_names("#pk", PK)
            .build()
            .map_err(|error| StoreError::Unwritable {
                what: format!("a journal line of tenant {key}"),
                reason: error.to_string(),
            })
    };
    entries.iter().enumerate().map(put).collect()
}

/// The sort key of a line: by time, then by commit, then by its place in the commit.
fn sort_key(at: Timestamp, version: u64, number: usize) -> String {
    format!("{JOURNAL_PREFIX}{}#{version:010}#{number:03}", layout::sortable(at))
}

fn line(entry: &JournalEntry, item_key: Item) -> Result<Item, StoreError> {
    let mut item = as_item("a journal line", entry)?;
    for value in item.values_mut() {
        if let AttributeValue::S(text) = value {
            cut(text);
        }
    }
    item.extend(item_key);
    Ok(item)
}

/// Cuts a text to the longest that a line holds, and shows that it was cut.
fn cut(text: &mut String) {
    const MARK: &str = "…";
    if text.len() > JOURNAL_TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(JOURNAL_TEXT_BYTES_MAX - MARK.len()));
        text.push_str(MARK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_line_reads_as_a_sentence() {
        assert_eq!(
            testing::entry(0, "create the stack mate-demo-dev-data").to_string(),
            "2026-03-01T12:00:00.000Z  data stack: create the stack mate-demo-dev-data, because \
             there is none: started"
        );
    }

    #[test]
    fn lines_sort_by_time_then_commit_then_place() {
        let (early, late) = (testing::instant(9), testing::instant(10));
        let keys = [
            sort_key(early, 9, 0),
            sort_key(early, 9, 1),
            sort_key(early, 10, 0),
            sort_key(late, 2, 0),
        ];
        assert!(keys.is_sorted(), "{keys:?}");
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_at_a_character_and_marked() {
        let mut short = "a reason".to_owned();
        cut(&mut short);
        assert_eq!(short, "a reason");
        let mut long = "ü".repeat(JOURNAL_TEXT_BYTES_MAX);
        cut(&mut long);
        assert!(long.len() <= JOURNAL_TEXT_BYTES_MAX, "{} bytes", long.len());
        assert!(long.ends_with("ü…"));
    }
}

//! How a pass ends: the record, its journal lines and the end of the lease in one transaction.
//!
//! Either all of it happens or nothing does. A pass that dies before has changed nothing here,
//! and the next one finds out by observing how far the actions got.

use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, Update};
use jiff::Timestamp;
use serde::Serialize;

use crate::layout::{self, FENCE, INDEX_PK, INDEX_SK, LEASE_OWNER, LEASE_UNTIL};
use crate::lease::stale;
use crate::store::as_item;
use crate::transaction::{self, Transaction};
use crate::unfinished::index_keys;
use crate::{JournalEntry, Lease, Store, StoreError, TenantKey, TenantRecord, journal};

/// How many journal lines one transaction takes: DynamoDB has 100 items per transaction, of which
/// up to two are the record and the idempotency record.
pub const COMMIT_LINES_MAX: usize = 98;

/// Where in the transaction the tenant's record is.
const RECORD_WRITE: usize = 0;

/// What becomes of the lease at a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum AfterCommit {
    Release,
    Keep,
}

impl Store {
    /// Ends a pass: writes the record, appends the journal lines (at most [`COMMIT_LINES_MAX`])
    /// and releases the lease, all or nothing. Answers with the record as it now stands.
    ///
    /// Refused with [`StoreError::Stale`] where the lease has passed to another pass, or the
    /// record is not the one that the lease was taken on. A commit whose answer was lost can be
    /// sent again with the same arguments within ten minutes and has happened once. A lease that
    /// has run out but that nobody took over is still good.
    pub async fn commit(
        &self,
        lease: &Lease,
        record: &TenantRecord,
        entries: &[JournalEntry],
        now: Timestamp,
    ) -> Result<TenantRecord, StoreError> {
        self.write(lease, record, entries, now, AfterCommit::Release).await
    }

    /// Like [`Store::commit`], but the pass goes on under its lease. What it writes next must be
    /// the record that this answers with.
    pub async fn checkpoint(
        &self,
        lease: &Lease,
        record: &TenantRecord,
        entries: &[JournalEntry],
        now: Timestamp,
    ) -> Result<TenantRecord, StoreError> {
        self.write(lease, record, entries, now, AfterCommit::Keep).await
    }

    async fn write(
        &self,
        lease: &Lease,
        record: &TenantRecord,
        entries: &[JournalEntry],
        now: Timestamp,
        after: AfterCommit,
    ) -> Result<TenantRecord, StoreError> {
        check(lease, record, entries)?;
        let next = TenantRecord {
            version: record.version.saturating_add(1),
            updated_at: now,
            ..record.clone()
        };
        let mut writes = vec![transaction::update(self.update(lease, record, &next, after)?)];
        let lines = journal::puts(&self.table, &lease.key, next.version, entries)?;
        writes.extend(lines.into_iter().map(transaction::put));
        let content = (lease.fence, after, &next, entries);
        let subject = layout::record_key(&lease.key);
        match self.transact(&subject, writes, &content).await? {
            Transaction::Done => Ok(next),
            Transaction::Refused(refusal) if refusal.of(RECORD_WRITE) => {
                Err(stale(lease, refusal.item(RECORD_WRITE)).into())
            }
            // A line's key holds the version, which is used once: only a hand can have taken it.
            Transaction::Refused(refusal) => Err(refusal.into_error(self, &subject)),
        }
    }

    /// The update that makes `seen` into `next`. It sets what this code knows attribute by
    /// attribute, so that what newer code has added to the item stays there.
    fn update(
        &self,
        lease: &Lease,
        seen: &TenantRecord,
        next: &TenantRecord,
        after: AfterCommit,
    ) -> Result<Update, StoreError> {
        let mut set = as_item("a tenant's record", next)?;
        let mut remove = Vec::new();
        match index_keys(next) {
            Some(keys) => set.extend(keys.map(|(name, value)| (name.to_owned(), value))),
            None => remove.extend([INDEX_PK, INDEX_SK]),
        }
        if after == AfterCommit::Release {
            remove.extend([LEASE_OWNER, LEASE_UNTIL]);
        }
        let mut assignments: Vec<_> = set.keys().map(|name| format!("#{name} = :{name}")).collect();
        // One order, so that the same commit is the same request.
        assignments.sort();
        let mut expression = format!("SET {}", assignments.join(", "));
        if !remove.is_empty() {
            expression.push_str(" REMOVE #");
            expression.push_str(&remove.join(", #"));
        }
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(layout::record_key(&lease.key)))
            .update_expression(expression)
            .condition_expression("#fence = :fence AND #version = :seen")
            .expression_attribute_names("#fence", FENCE)
            .expression_attribute_values(":fence", layout::number(lease.fence))
            .expression_attribute_values(":seen", layout::number(seen.version))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for name in remove {
            update = update.expression_attribute_names(format!("#{name}"), name);
        }
        for (name, value) in set {
            update = update
                .expression_attribute_names(format!("#{name}"), &name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        update.build().map_err(|error| unwritable(&lease.key, error.to_string()))
    }
}

/// Refuses what can only be a mistake in the caller, before it costs a call.
fn check(lease: &Lease, record: &TenantRecord, entries: &[JournalEntry]) -> Result<(), StoreError> {
    if record.key() != lease.key {
        let reason = format!("the lease is on tenant {}", lease.key);
        return Err(unwritable(&record.key(), reason));
    }
    check_count(&lease.key, entries)
}

/// Refuses more journal lines than one transaction takes.
pub(crate) fn check_count(key: &TenantKey, entries: &[JournalEntry]) -> Result<(), StoreError> {
    if entries.len() <= COMMIT_LINES_MAX {
        return Ok(());
    }
    let reason = format!(
        "{} journal lines are more than the {COMMIT_LINES_MAX} that one transaction takes; write \
         some of them in a checkpoint before",
        entries.len()
    );
    Err(unwritable(key, reason))
}

/// A record that cannot be written, in words.
pub(crate) fn unwritable(key: &TenantKey, reason: String) -> StoreError {
    StoreError::Unwritable { what: format!("the record of tenant {key}"), reason }
}

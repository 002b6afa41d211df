//! The first write about a tenant: the request is known, the record is there and the journal
//! tells of it, or none of the three.

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use serde_json::json;

use crate::commit::{check_count, unwritable};
use crate::idempotency::{Idempotency, IdempotencyConflict};
use crate::layout::{self, PK};
use crate::store::as_item;
use crate::transaction::{self, Refusal, Transaction};
use crate::unfinished::index_keys;
use crate::{JournalEntry, Store, StoreError, TenantKey, TenantRecord, journal};

/// Where in the transaction the idempotency record is.
const IDEMPOTENCY_WRITE: usize = 0;
/// Where in the transaction the tenant's record is.
const RECORD_WRITE: usize = 1;

/// What came of recording a request for a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a request may have been refused"]
pub enum Creation {
    /// The tenant is new: its record as it now stands.
    Created(TenantRecord),
    /// The same request came before: the tenant that it made, as it stands today.
    Repeated(TenantRecord),
    /// Another request made this tenant; it, as it stands today.
    AlreadyExists(TenantRecord),
    /// The request's id was used before for another content.
    Conflict(IdempotencyConflict),
}

impl Store {
    /// Records a tenant that was just asked for, with its journal lines (at most
    /// [`COMMIT_LINES_MAX`](crate::COMMIT_LINES_MAX)), unless there is one or the request is a
    /// repetition.
    pub async fn create(
        &self,
        record: &TenantRecord,
        entries: &[JournalEntry],
        idempotency: &Idempotency,
        now: Timestamp,
    ) -> Result<Creation, StoreError> {
        let key = record.key();
        check_count(&key, entries)?;
        let first = TenantRecord { version: 1, updated_at: now, ..record.clone() };
        // The answer to a repetition is which tenant the request made. Its state is read anew:
        // what it was at first helps nobody.
        let answer = json!({ "tenant": key.to_string() });
        let mut writes = vec![
            transaction::put(idempotency.completed(&self.table, &answer, now)?),
            transaction::put(self.first_put(&first)?),
        ];
        let lines = journal::puts(&self.table, &key, first.version, entries)?;
        writes.extend(lines.into_iter().map(transaction::put));
        let content = (&first, entries, idempotency.key(), idempotency.payload_hash());
        let subject = layout::record_key(&key);
        match self.transact(&subject, writes, &content).await? {
            Transaction::Done => Ok(Creation::Created(first)),
            // The request comes first: a repetition is one also where the tenant is there, as it
            // should be.
            Transaction::Refused(refusal) if refusal.of(IDEMPOTENCY_WRITE) => {
                if !refusal.item(IDEMPOTENCY_WRITE).is_some_and(|item| idempotency.is_same(item)) {
                    return Ok(Creation::Conflict(idempotency.conflict()));
                }
                self.current(&key, idempotency, &refusal).await.map(Creation::Repeated)
            }
            Transaction::Refused(refusal) if refusal.of(RECORD_WRITE) => {
                self.current(&key, idempotency, &refusal).await.map(Creation::AlreadyExists)
            }
            Transaction::Refused(refusal) => Err(refusal.into_error(self, &subject)),
        }
    }

    fn first_put(&self, record: &TenantRecord) -> Result<Put, StoreError> {
        let mut item = as_item("a tenant's record", record)?;
        item.extend(layout::record_key(&record.key()));
        item.extend(
            index_keys(record).into_iter().flatten().map(|(name, value)| (name.to_owned(), value)),
        );
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| unwritable(&record.key(), error.to_string()))
    }

    /// The tenant as it stands: from the refusal where it holds it, else read.
    async fn current(
        &self,
        key: &TenantKey,
        idempotency: &Idempotency,
        refusal: &Refusal,
    ) -> Result<TenantRecord, StoreError> {
        if let Some(item) = refusal.item(RECORD_WRITE) {
            return self.parse(item.clone());
        }
        self.read(key).await?.ok_or_else(|| StoreError::Missing {
            what: format!("{} {:?}", idempotency.scope(), idempotency.key()),
            key: key.clone(),
            table: self.table.clone(),
        })
    }
}

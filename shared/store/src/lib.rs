//! What Caretaker remembers: tenant records, journal, lease and idempotency in one DynamoDB
//! table.
//!
//! A pass of a reconciler [reads](Store::read) the record, observes, and decides. If there is
//! nothing to do, it has cost one call here and written nothing. Otherwise it
//! [takes the lease](Store::acquire) on the very record it has decided from, acts, and
//! [commits](Store::commit) record, journal lines and the end of the lease in one transaction:
//!
//! ```no_run
//! use std::time::Duration;
//! use store::{Acquire, JournalEntry, Status, Store, StoreError, TenantKey};
//!
//! # async fn pass(store: &Store, key: &TenantKey, now: jiff::Timestamp) -> Result<(), StoreError> {
//! let Some(record) = store.read(key).await? else { return Ok(()) };
//! // … observe, decide …
//! let ttl = Duration::from_mins(1);
//! if let Acquire::Taken(lease) = store.acquire(&record, "message-1/invocation-1", now, ttl).await? {
//!     // … act …
//!     let next = store::TenantRecord { status: Status::Active, ..record };
//!     let line = JournalEntry {
//!         at: now,
//!         function: "tenant-onboarding".to_owned(),
//!         pass: "message-1/invocation-1".to_owned(),
//!         request_id: next.request_id.clone(),
//!         step: "healthy".to_owned(),
//!         what: "call the tenant active".to_owned(),
//!         why: "its application answers".to_owned(),
//!         outcome: "done".to_owned(),
//!     };
//!     store.commit(&lease, &next, &[line], now).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Functions that remember something other than a tenant keep [`Documents`] of their own types in
//! the same table, and rate limits that all their instances share in
//! [token buckets](Documents::take_token).
//!
//! Every write is conditional; the README lists which write is guarded by what.

mod bucket;
mod canonical;
mod claim;
mod commit;
mod create;
mod documents;
mod error;
mod idempotency;
mod journal;
mod key;
mod layout;
mod lease;
mod page;
mod record;
mod store;
#[cfg(test)]
mod testing;
mod transaction;
mod unfinished;

pub use bucket::{Rate, Take};
pub use claim::{Begin, Claim};
pub use commit::COMMIT_LINES_MAX;
pub use create::Creation;
pub use documents::{
    Create, DOCUMENT_ID_BYTES_MAX, DOCUMENT_PAGE_ITEMS, DUE_DOCUMENTS_MAX, Delete, Document,
    DocumentKey, Documents, Due, Listed, Replace, WriteOptions,
};
pub use error::{StaleClaim, StaleLease, StoreError};
pub use idempotency::{IDEMPOTENCY_KEY_BYTES_MAX, Idempotency, IdempotencyConflict};
pub use journal::{JOURNAL_PAGE_LINES, JOURNAL_TEXT_BYTES_MAX, JournalEntry};
pub use key::TenantKey;
pub use lease::{Acquire, Lease};
pub use page::{Page, PageToken};
pub use record::{Failure, Status, TenantRecord};
pub use store::Store;
pub use unfinished::UNFINISHED_TENANTS_MAX;

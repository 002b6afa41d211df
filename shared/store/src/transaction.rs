//! Several writes that happen together or not at all, and why they did not.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, Put, TransactWriteItem, Update};
use serde::Serialize;

use crate::canonical::digest;
use crate::error::{CONDITION_FAILED, NO_REASON};
use crate::layout::Item;
use crate::{Store, StoreError, error, layout};

/// How many characters of a digest make a client request token; DynamoDB takes at most 36.
const TOKEN_LENGTH: usize = 36;

/// What came of a transaction that DynamoDB decided on.
pub(crate) enum Transaction {
    /// All of it was written.
    Done,
    /// Nothing was written, as at least one condition was not met.
    Refused(Refusal),
}

/// Why a transaction was refused, item by item in the order of its writes.
pub(crate) struct Refusal {
    reasons: Vec<CancellationReason>,
    request_id: Option<String>,
}

impl Refusal {
    /// Whether the condition of this write was not met.
    pub(crate) fn of(&self, write: usize) -> bool {
        self.reasons.get(write).is_some_and(is_condition)
    }

    /// The item as it stood, where the write asked for it.
    pub(crate) fn item(&self, write: usize) -> Option<&Item> {
        self.reasons.get(write)?.item()
    }

    /// The refusal as an error, where no condition that the caller reckons with explains it.
    pub(crate) fn into_error(self, store: &Store, subject: &Item) -> StoreError {
        let key = layout::key_in_words(subject);
        error::cancelled(store.table(), key, &self.reasons, self.request_id.as_deref())
    }

    /// Whether DynamoDB decided on the conditions. A conflict with another transaction or a
    /// throttled item says nothing about them.
    fn is_decided(&self) -> bool {
        self.reasons.iter().any(is_condition)
            && self.reasons.iter().all(|reason| is_condition(reason) || is_none(reason))
    }
}

fn is_condition(reason: &CancellationReason) -> bool {
    reason.code() == Some(CONDITION_FAILED)
}

fn is_none(reason: &CancellationReason) -> bool {
    matches!(reason.code(), None | Some(NO_REASON))
}

impl Store {
    /// Sends a transaction about the item `subject`. `content` is all that it writes: from it
    /// comes the token by which DynamoDB knows, for ten minutes, a repetition from a second
    /// transaction, so that a lost answer can be asked for again.
    pub(crate) async fn transact(
        &self,
        subject: &Item,
        writes: Vec<TransactWriteItem>,
        content: &impl Serialize,
    ) -> Result<Transaction, StoreError> {
        let mut token = digest(content).map_err(|error| StoreError::Unwritable {
            what: layout::key_in_words(subject),
            reason: error.to_string(),
        })?;
        token.truncate(TOKEN_LENGTH);
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .client_request_token(token)
            .send()
            .await;
        let Err(error) = sent else { return Ok(Transaction::Done) };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        else {
            return Err(self.failed("TransactWriteItems", subject, &error));
        };
        let refusal = Refusal {
            reasons: cancelled.cancellation_reasons().to_vec(),
            request_id: cancelled.meta().request_id().map(str::to_owned),
        };
        if refusal.is_decided() {
            return Ok(Transaction::Refused(refusal));
        }
        Err(refusal.into_error(self, subject))
    }
}

/// A put as a write of a transaction.
pub(crate) fn put(put: Put) -> TransactWriteItem {
    TransactWriteItem::builder().put(put).build()
}

/// An update as a write of a transaction.
pub(crate) fn update(update: Update) -> TransactWriteItem {
    TransactWriteItem::builder().update(update).build()
}

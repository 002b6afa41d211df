//! Several writes that happen together or not at all, and why they did not.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, Put, TransactWriteItem, Update};
use serde::Serialize;

use crate::canonical::digest;
use crate::layout::Item;
use crate::{Store, StoreError, error, layout};

/// How many characters of a digest make a client request token; DynamoDB takes at most 36.
const TOKEN_LENGTH: usize = 36;

/// A condition was not met, as the reason of one item says it.
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// What came of a transaction that DynamoDB decided on.
pub(crate) enum Transaction {
    /// All of it was written.
    Done,
    /// Nothing was written, as at least one condition was not met.
    Refused(Refusal),
}

/// Why a transaction was refused, item by item in the order of its writes.
pub(crate) struct Refusal(Vec<CancellationReason>);

impl Refusal {
    /// Whether the condition of this write was not met.
    pub(crate) fn of(&self, write: usize) -> bool {
        self.0.get(write).is_some_and(|reason| reason.code() == Some(CONDITION_FAILED))
    }

    /// The item as it stood, where the write asked for it.
    pub(crate) fn item(&self, write: usize) -> Option<&Item> {
        self.0.get(write)?.item()
    }
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
        let refusal = Refusal(cancelled.cancellation_reasons().to_vec());
        // A conflict or a throttled item says nothing about the conditions: they were not decided.
        let decided = (0..refusal.0.len()).any(|write| refusal.of(write))
            && refusal.0.iter().all(is_condition_or_none);
        if decided {
            return Ok(Transaction::Refused(refusal));
        }
        let request_id = cancelled.meta().request_id();
        Err(error::cancelled(&self.table, layout::key_in_words(subject), &refusal.0, request_id))
    }
}

fn is_condition_or_none(reason: &CancellationReason) -> bool {
    matches!(reason.code(), None | Some("None" | CONDITION_FAILED))
}

/// A put as a write of a transaction.
pub(crate) fn put(put: Put) -> TransactWriteItem {
    TransactWriteItem::builder().put(put).build()
}

/// An update as a write of a transaction.
pub(crate) fn update(update: Update) -> TransactWriteItem {
    TransactWriteItem::builder().update(update).build()
}

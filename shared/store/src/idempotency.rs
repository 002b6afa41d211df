//! The same request twice has the effect of one: the idempotency record, as in Powertools for
//! AWS Lambda.
//!
//! SQS delivers at least once, and people press buttons twice. A key stands for one request; the
//! digest of its payload tells a repetition (answered as before) from a different request under a
//! used key (a conflict: answering it as before would lose it silently).
//!
//! An expired record counts as absent although it is still there: DynamoDB deletes by TTL
//! "typically within a few days" of the expiry ("Using time to live (TTL) in DynamoDB"), so every
//! condition looks at the expiry itself.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::StoreError;
use crate::canonical::digest;
use crate::layout::{self, EXPIRES_AT, Item, PK};
use crate::store::text;

/// The longest key that is kept as it is; a longer one is replaced by its digest. DynamoDB's
/// partition keys have at most 2048 bytes, scope and pattern included.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 1024;

/// The attribute that says how far the request has come.
pub(crate) const STATE: &str = "state";
/// The attribute with the digest of the payload.
pub(crate) const PAYLOAD_HASH: &str = "payload_hash";
/// The attribute with the answer, as JSON text.
pub(crate) const ANSWER: &str = "answer";

/// [`STATE`]: an attempt works on it.
pub(crate) const IN_PROGRESS: &str = "INPROGRESS";
/// [`STATE`]: it has an answer.
pub(crate) const COMPLETED: &str = "COMPLETED";
/// [`STATE`]: the attempt gave up, the key is free again.
pub(crate) const ABANDONED: &str = "ABANDONED";

/// A request by which its repetition is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    scope: &'static str,
    key: String,
    /// The key as it is in the table.
    stored_key: String,
    payload_hash: String,
    expires_after: Duration,
}

impl Idempotency {
    /// The request `key` with this payload. `scope` keeps the keys of different operations apart
    /// and holds no `#`; `expires_after` is how long a repetition is known as one.
    pub fn new(
        scope: &'static str,
        key: impl Into<String>,
        payload: &impl Serialize,
        expires_after: Duration,
    ) -> Result<Self, StoreError> {
        let key = key.into();
        let unwritable = |error: serde_json::Error| StoreError::Unwritable {
            what: format!("the payload of {scope} {key:?}"),
            reason: error.to_string(),
        };
        let payload_hash = digest(payload).map_err(unwritable)?;
        let stored_key = if key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
            digest(&key).map_err(unwritable)?
        } else {
            key.clone()
        };
        Ok(Self { scope, key, stored_key, payload_hash, expires_after })
    }

    /// What the key belongs to.
    pub fn scope(&self) -> &'static str {
        self.scope
    }

    /// The key that stands for the request.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The SHA-256 of the payload's canonical JSON, in hexadecimal digits.
    pub fn payload_hash(&self) -> &str {
        &self.payload_hash
    }

    /// The key of its item.
    pub(crate) fn item_key(&self) -> Item {
        layout::idempotency_key(self.scope, &self.stored_key)
    }

    /// When it expires, in epoch seconds as DynamoDB's TTL takes it.
    pub(crate) fn expires_at(&self, now: Timestamp) -> AttributeValue {
        let expiry = now.checked_add(self.expires_after).unwrap_or(Timestamp::MAX);
        layout::number(expiry.as_second())
    }

    /// Whether this item is of the same payload.
    pub(crate) fn is_same(&self, item: &Item) -> bool {
        layout::read_text(item, PAYLOAD_HASH) == Some(&self.payload_hash)
    }

    /// The conflict with what was asked under this key before.
    pub(crate) fn conflict(&self) -> IdempotencyConflict {
        IdempotencyConflict { scope: self.scope, key: self.key.clone() }
    }

    /// The put that records it as completed with this answer, unless the key is in use.
    pub(crate) fn completed(
        &self,
        table: &str,
        answer: &Value,
        now: Timestamp,
    ) -> Result<Put, StoreError> {
        Put::builder()
            .table_name(table)
            .set_item(Some(self.item_key()))
            .item(STATE, text(COMPLETED))
            .item(PAYLOAD_HASH, text(&self.payload_hash))
            .item(ANSWER, text(answer.to_string()))
            .item(EXPIRES_AT, self.expires_at(now))
            .condition_expression("attribute_not_exists(#pk) OR #expires_at < :now")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#expires_at", EXPIRES_AT)
            .expression_attribute_values(":now", layout::number(now.as_second()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| StoreError::Unwritable {
                what: format!("the idempotency record of {} {:?}", self.scope, self.key),
                reason: error.to_string(),
            })
    }
}

/// A key that was used before with another payload: which of the two requests was meant is not
/// ours to guess.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{scope} {key:?} was asked for before with another content, and nothing was done; send a \
     changed request under an id of its own"
)]
pub struct IdempotencyConflict {
    /// What the key belongs to.
    pub scope: &'static str,
    /// The key.
    pub key: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DAY: Duration = Duration::from_hours(24);

    fn idempotency(key: &str, payload: &Value) -> Idempotency {
        Idempotency::new("onboarding", key, payload, DAY).unwrap()
    }

    #[test]
    fn the_order_of_a_payloads_keys_does_not_matter() {
        let one = idempotency("r-1", &json!({"tenant": "demo", "tier": "trial"}));
        let other: Value = serde_json::from_str(r#"{"tier":"trial","tenant":"demo"}"#).unwrap();
        assert_eq!(one, idempotency("r-1", &other));
        let changed = idempotency("r-1", &json!({"tenant": "demo", "tier": "standard"}));
        assert_ne!(one.payload_hash(), changed.payload_hash());
    }

    #[test]
    fn a_long_key_still_fits_and_two_long_keys_stay_two() {
        let [a, b] = ["a", "b"].map(|last| {
            let key = "x".repeat(IDEMPOTENCY_KEY_BYTES_MAX) + last;
            idempotency(&key, &json!({})).item_key()
        });
        assert_ne!(a, b);
        assert!(layout::read_text(&a, PK).unwrap().len() < 2048);
    }
}

//! Idempotency around work of any kind: claim the key, do the work, record the answer.
//!
//! An attempt that dies leaves its claim behind. The claim therefore says how long the attempt
//! may take, and after that the next one may take it over; the fencing token keeps an attempt
//! that comes back too late from recording its answer.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use serde_json::Value;

use crate::error::StaleClaim;
use crate::idempotency::{ABANDONED, ANSWER, COMPLETED, IN_PROGRESS, PAYLOAD_HASH, STATE};
use crate::layout::{self, EXPIRES_AT, FENCE, Item, PK};
use crate::store::text;
use crate::{Idempotency, IdempotencyConflict, Store, StoreError};

/// The attribute with the attempt that works on it.
const OWNER: &str = "owner";
/// The attribute that says until when that attempt may take, in epoch milliseconds.
const IN_PROGRESS_UNTIL: &str = "in_progress_until";

/// The right of one attempt to answer a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a claim that is neither completed nor abandoned holds up the request"]
pub struct Claim {
    idempotency: Idempotency,
    fence: u64,
}

/// What came of beginning a request.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "only a request that was claimed may be worked on"]
pub enum Begin {
    /// It is this attempt's to work on.
    Claimed(Claim),
    /// It was answered before: this is the answer.
    Repeated(Value),
    /// Another attempt works on it.
    InProgress {
        /// When that attempt is given up, if it does not end before.
        until: Timestamp,
    },
    /// The key was used with another payload.
    Conflict(IdempotencyConflict),
}

impl Store {
    /// Claims a request for `in_progress_for`, or answers what became of it before. `owner` must
    /// be of this attempt alone, for who holds the claim already is given it again: that lets the
    /// SDK retry a call whose answer was lost.
    pub async fn begin(
        &self,
        idempotency: &Idempotency,
        owner: &str,
        now: Timestamp,
        in_progress_for: Duration,
    ) -> Result<Begin, StoreError> {
        let item_key = idempotency.item_key();
        let until = now.checked_add(in_progress_for).unwrap_or(Timestamp::MAX);
        let sent = self
            .update_claim(&item_key)
            .update_expression(
                "SET #state = :in_progress, #hash = :hash, #owner = :owner, #until = :until, \
                 #expires_at = :expires_at REMOVE #answer ADD #fence :one",
            )
            .condition_expression(
                "attribute_not_exists(#pk) OR #expires_at < :now OR #state = :abandoned OR \
                 (#hash = :hash AND #state = :in_progress AND \
                 (#until < :now_milliseconds OR #owner = :owner))",
            )
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#hash", PAYLOAD_HASH)
            .expression_attribute_names("#owner", OWNER)
            .expression_attribute_names("#until", IN_PROGRESS_UNTIL)
            .expression_attribute_names("#expires_at", EXPIRES_AT)
            .expression_attribute_names("#answer", ANSWER)
            .expression_attribute_values(":abandoned", text(ABANDONED))
            .expression_attribute_values(":hash", text(idempotency.payload_hash()))
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":until", layout::number(until.as_millisecond()))
            .expression_attribute_values(":expires_at", idempotency.expires_at(now))
            .expression_attribute_values(":now", layout::number(now.as_second()))
            .expression_attribute_values(":now_milliseconds", layout::number(now.as_millisecond()))
            .expression_attribute_values(":one", layout::number(1))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(answer) => {
                let fence = answer.attributes().and_then(|new| layout::read_number(new, FENCE));
                let fence = fence.ok_or_else(|| {
                    self.unreadable(&item_key, format!("{FENCE} is no fencing token"))
                })?;
                Ok(Begin::Claimed(Claim { idempotency: idempotency.clone(), fence }))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    self.begun_before(idempotency, failed.item())
                }
                _ => Err(self.failed("UpdateItem", &item_key, &error)),
            },
        }
    }

    /// Records the answer of a request, for all its repetitions until it expires. Refused with
    /// [`StoreError::StaleClaim`] where another attempt has taken over.
    pub async fn complete(
        &self,
        claim: &Claim,
        answer: &Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = self
            .update_claim(&claim.idempotency.item_key())
            .update_expression(
                "SET #state = :completed, #answer = :answer, #expires_at = :expires_at",
            )
            // Completed under the same token is this very call, whose answer was lost.
            .condition_expression(
                "#fence = :fence AND #hash = :hash AND \
                 (#state = :in_progress OR (#state = :completed AND #answer = :answer))",
            )
            .expression_attribute_names("#answer", ANSWER)
            .expression_attribute_names("#expires_at", EXPIRES_AT)
            .expression_attribute_values(":completed", text(COMPLETED))
            .expression_attribute_values(":answer", text(answer.to_string()))
            .expression_attribute_values(":expires_at", claim.idempotency.expires_at(now));
        self.end_claim(claim, update).await
    }

    /// Gives a request up without an answer, so that the next attempt need not wait. Refused with
    /// [`StoreError::StaleClaim`] where another attempt has taken over.
    pub async fn abandon(&self, claim: &Claim) -> Result<(), StoreError> {
        // The item stays, so that its fencing token goes on growing.
        let update = self
            .update_claim(&claim.idempotency.item_key())
            .update_expression("SET #state = :abandoned")
            .condition_expression(
                "#fence = :fence AND #hash = :hash AND \
                 (#state = :in_progress OR #state = :abandoned)",
            )
            .expression_attribute_values(":abandoned", text(ABANDONED));
        self.end_claim(claim, update).await
    }

    /// What every update of a claim names.
    fn update_claim(&self, item_key: &Item) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key.clone()))
            .expression_attribute_names("#state", STATE)
            .expression_attribute_names("#fence", FENCE)
            .expression_attribute_values(":in_progress", text(IN_PROGRESS))
    }

    async fn end_claim(
        &self,
        claim: &Claim,
        update: UpdateItemFluentBuilder,
    ) -> Result<(), StoreError> {
        let idempotency = &claim.idempotency;
        let sent = update
            .expression_attribute_names("#hash", PAYLOAD_HASH)
            .expression_attribute_values(":hash", text(idempotency.payload_hash()))
            .expression_attribute_values(":fence", layout::number(claim.fence))
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => {
                Err(StaleClaim { scope: idempotency.scope(), key: idempotency.key().to_owned() }
                    .into())
            }
            _ => Err(self.failed("UpdateItem", &idempotency.item_key(), &error)),
        }
    }

    /// What became of a request that could not be claimed, from its item as it stood.
    fn begun_before(
        &self,
        idempotency: &Idempotency,
        item: Option<&Item>,
    ) -> Result<Begin, StoreError> {
        let unreadable = |reason: &str| self.unreadable(&idempotency.item_key(), reason.to_owned());
        let item = item.ok_or_else(|| unreadable("a refused condition came without its item"))?;
        if !idempotency.is_same(item) {
            return Ok(Begin::Conflict(idempotency.conflict()));
        }
        if layout::read_text(item, STATE) == Some(COMPLETED) {
            let answer = layout::read_text(item, ANSWER).and_then(|a| a.parse().ok());
            return answer.map(Begin::Repeated).ok_or_else(|| unreadable("its answer is no JSON"));
        }
        layout::read_instant(item, IN_PROGRESS_UNTIL)
            .map(|until| Begin::InProgress { until })
            .ok_or_else(|| unreadable("it does not say until when it is in progress"))
    }
}

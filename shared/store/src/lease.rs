//! One pass per subject at a time: a lease with a fencing token on the record.
//!
//! The lease keeps passes apart while all goes well. It cannot keep apart a pass that was paused
//! past its lease's end and its successor; the fencing token does: it grows with each lease, and
//! a write with an older one is refused.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use crate::error::StaleLease;
use crate::layout::{self, FENCE, Item, LEASE_OWNER, LEASE_UNTIL, VERSION};
use crate::store::text;
use crate::{Store, StoreError, TenantKey, TenantRecord};

/// The right of one pass to act on a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a lease that is neither committed nor released holds up the tenant until it expires"]
pub struct Lease {
    /// The tenant.
    pub key: TenantKey,
    /// The pass that holds it.
    pub owner: String,
    /// The fencing token: larger than that of every earlier lease on this tenant.
    pub fence: u64,
    /// When it expires.
    pub until: Timestamp,
}

/// What came of asking for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "only a lease that was taken allows to act"]
pub enum Acquire {
    /// It is held; the record is as it was seen.
    Taken(Lease),
    /// Another pass holds it.
    Held {
        /// When its lease expires, if it does not end before.
        until: Timestamp,
        /// Which pass.
        owner: String,
    },
    /// The record was written since it was seen: what was decided from it may be wrong. Read
    /// again.
    Changed,
}

impl Store {
    /// Takes the lease on a tenant, provided that its record is still the one `seen` and that no
    /// other pass holds the lease.
    ///
    /// `owner` must be of this pass alone, for who holds a lease already is given it again: that
    /// lets the SDK retry a call whose answer was lost. The id of the invocation is not enough
    /// where one invocation works on several messages.
    pub async fn acquire(
        &self,
        seen: &TenantRecord,
        owner: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Acquire, StoreError> {
        let key = seen.key();
        let item_key = layout::record_key(&key);
        let until = now.checked_add(ttl).unwrap_or(Timestamp::MAX);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key.clone()))
            .update_expression("SET #owner = :owner, #until = :until ADD #fence :one")
            .condition_expression(
                "#version = :seen AND \
                 (attribute_not_exists(#until) OR #until < :now OR #owner = :owner)",
            )
            .expression_attribute_names("#owner", LEASE_OWNER)
            .expression_attribute_names("#until", LEASE_UNTIL)
            .expression_attribute_names("#fence", FENCE)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":until", layout::number(until.as_millisecond()))
            .expression_attribute_values(":now", layout::number(now.as_millisecond()))
            .expression_attribute_values(":seen", layout::number(seen.version))
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
                Ok(Acquire::Taken(Lease { key, owner: owner.to_owned(), fence, until }))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(refused(failed.item(), owner, now))
                }
                _ => Err(self.failed("UpdateItem", &item_key, &error)),
            },
        }
    }

    /// Gives a lease back without writing anything else, so that the next pass need not wait for
    /// its end. Releasing twice is harmless; a lease that has passed on is refused with
    /// [`StoreError::Stale`].
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let item_key = layout::record_key(&lease.key);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key.clone()))
            .update_expression("REMOVE #owner, #until")
            .condition_expression("#fence = :fence")
            .expression_attribute_names("#owner", LEASE_OWNER)
            .expression_attribute_names("#until", LEASE_UNTIL)
            .expression_attribute_names("#fence", FENCE)
            .expression_attribute_values(":fence", layout::number(lease.fence))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Err(stale(lease, failed.item()).into())
            }
            _ => Err(self.failed("UpdateItem", &item_key, &error)),
        }
    }
}

/// Why a lease was not given, from the record as it stood.
fn refused(current: Option<&Item>, owner: &str, now: Timestamp) -> Acquire {
    let held = current.and_then(|item| {
        let until = layout::read_instant(item, LEASE_UNTIL)?;
        let holder = layout::read_text(item, LEASE_OWNER)?;
        (until >= now && holder != owner).then(|| (until, holder.to_owned()))
    });
    match held {
        Some((until, owner)) => Acquire::Held { until, owner },
        None => Acquire::Changed,
    }
}

/// Why a write under a lease was refused, from the record as it stood.
pub(crate) fn stale(lease: &Lease, current: Option<&Item>) -> StaleLease {
    StaleLease {
        key: lease.key.clone(),
        fence: lease.fence,
        current_fence: current.and_then(|item| layout::read_number(item, FENCE)),
        current_owner: current
            .and_then(|item| layout::read_text(item, LEASE_OWNER))
            .map(str::to_owned),
    }
}

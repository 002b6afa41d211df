//! Rate limits that all instances of a function keep together: a token bucket in the table.
//!
//! A service that takes one message a second does not care how many instances send. The bucket is
//! the generic cell rate algorithm: all that is kept is the theoretical arrival time, the instant
//! at which the bucket will be full again. Each token moves it on by one interval; a token is
//! there while it is not further ahead than the burst allows. It only ever moves on, so two
//! conditional updates decide however many instances compete.

use std::num::NonZeroU32;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::Timestamp;

use crate::StoreError;
use crate::documents::Documents;
use crate::layout::{self, EXPIRES_AT, Item, PK};

/// The longest name of a bucket: DynamoDB's partition keys have at most 2048 bytes.
const BUCKET_NAME_BYTES_MAX: usize = 2_000;

/// The attribute with the theoretical arrival time, in epoch microseconds.
const FULL_AT: &str = "full_at";

/// How long a full bucket is kept before DynamoDB may delete it; one that is absent is full, too.
/// An hour is more than clocks of two instances differ.
const KEPT_SECONDS: i64 = 3_600;

/// The longest time between two tokens, and until a bucket is full: beyond a year no limit makes
/// sense, and below it no instant overflows.
const MICROSECONDS_MAX: i64 = 366 * 24 * 3_600 * 1_000_000;

/// How fast a bucket fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So many tokens …
    pub tokens: NonZeroU32,
    /// … in each such interval, evenly spread over it.
    pub interval: Duration,
    /// How many a full bucket holds, that is, may be taken at once. With a burst of `b` there are
    /// up to `tokens + b - 1` in one interval: choose both so that their sum keeps the limit.
    pub burst: NonZeroU32,
}

/// What came of asking for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "only who has a token may go on"]
pub enum Take {
    /// Here it is.
    Taken,
    /// There is none before this instant. Others may be waiting for it, too: ask again then, with
    /// some jitter.
    WaitUntil(Timestamp),
}

impl Rate {
    /// From one token to the next, in microseconds, rounded up so that the limit is never broken.
    fn spacing(self) -> i64 {
        let spacing = self.interval.as_micros().div_ceil(u128::from(self.tokens.get()));
        i64::try_from(spacing).unwrap_or(MICROSECONDS_MAX).min(MICROSECONDS_MAX)
    }

    /// How far ahead the theoretical arrival time may be for a token to be left.
    fn tolerance(self) -> i64 {
        let further = i64::from(self.burst.get()).saturating_sub(1);
        self.spacing().saturating_mul(further).min(MICROSECONDS_MAX)
    }
}

impl Documents {
    /// Takes a token from a bucket, or says when there will be one. A bucket is made by its first
    /// use and full at first; all who use it have to name the same rate.
    ///
    /// One update where nobody else draws, two where somebody does. A token whose answer was lost
    /// may be drawn twice: the rate is kept all the more.
    pub async fn take_token(
        &self,
        bucket: &str,
        rate: &Rate,
        now: Timestamp,
    ) -> Result<Take, StoreError> {
        let at = now.as_microsecond();
        let (spacing, latest) = (rate.spacing(), at.saturating_add(rate.tolerance()));
        let full = self
            .update_bucket(bucket, latest.saturating_add(spacing))?
            .update_expression("SET #full_at = :next, #expires_at = :expires_at")
            .condition_expression("attribute_not_exists(#pk) OR #full_at <= :now")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":now", layout::number(at))
            .expression_attribute_values(":next", layout::number(at.saturating_add(spacing)));
        let Some(item) = self.draw(bucket, full).await? else { return Ok(Take::Taken) };
        let full_at = self.full_at(bucket, &item)?;
        if full_at > latest {
            return Ok(wait(full_at, rate));
        }
        // It is not full, and cannot have become so since: `now` stands still, it moves on.
        let drawn = self
            .update_bucket(bucket, latest.saturating_add(spacing))?
            .update_expression("SET #full_at = #full_at + :spacing, #expires_at = :expires_at")
            .condition_expression("#full_at <= :latest")
            .expression_attribute_values(":spacing", layout::number(spacing))
            .expression_attribute_values(":latest", layout::number(latest));
        match self.draw(bucket, drawn).await? {
            None => Ok(Take::Taken),
            Some(item) => Ok(wait(self.full_at(bucket, &item)?, rate)),
        }
    }

    /// Lets nobody draw from a bucket before `until`: what a service asks for that answers *too
    /// many requests* with `Retry-After`. Then one token is there, and the next ones follow at the
    /// rate. An earlier end than the one that is set already changes nothing.
    pub async fn pause_bucket(
        &self,
        bucket: &str,
        rate: &Rate,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let full_at = until.as_microsecond().saturating_add(rate.tolerance());
        let pause = self
            .update_bucket(bucket, full_at)?
            .update_expression("SET #full_at = :full_at, #expires_at = :expires_at")
            .condition_expression("attribute_not_exists(#pk) OR #full_at < :full_at")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":full_at", layout::number(full_at));
        self.draw(bucket, pause).await.map(|_| ())
    }

    /// What every update of a bucket names. `full_at` is the latest that it can set.
    fn update_bucket(
        &self,
        bucket: &str,
        full_at: i64,
    ) -> Result<UpdateItemFluentBuilder, StoreError> {
        if bucket.is_empty() || bucket.len() > BUCKET_NAME_BYTES_MAX {
            return Err(StoreError::Unwritable {
                what: format!("the token bucket {bucket:?}"),
                reason: format!("its name has 1 to {BUCKET_NAME_BYTES_MAX} bytes"),
            });
        }
        let expiry = full_at.div_euclid(1_000_000).saturating_add(KEPT_SECONDS);
        Ok(self
            .store
            .client
            .update_item()
            .table_name(&self.store.table)
            .set_key(Some(layout::bucket_key(bucket)))
            .expression_attribute_names("#full_at", FULL_AT)
            .expression_attribute_names("#expires_at", EXPIRES_AT)
            .expression_attribute_values(":expires_at", layout::number(expiry))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld))
    }

    /// Sends an update; gives the bucket as it stands where its condition was not met.
    async fn draw(
        &self,
        bucket: &str,
        update: UpdateItemFluentBuilder,
    ) -> Result<Option<Item>, StoreError> {
        let Err(error) = update.send().await else { return Ok(None) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Some(failed.item().cloned().unwrap_or_default()))
            }
            _ => Err(self.store.failed("UpdateItem", &layout::bucket_key(bucket), &error)),
        }
    }

    fn full_at(&self, bucket: &str, item: &Item) -> Result<i64, StoreError> {
        layout::read_number(item, FULL_AT).ok_or_else(|| {
            let reason = format!("{FULL_AT} is no instant in microseconds");
            self.store.unreadable(&layout::bucket_key(bucket), reason)
        })
    }
}

/// When the next token is there.
fn wait(full_at: i64, rate: &Rate) -> Take {
    let at = full_at.saturating_sub(rate.tolerance());
    Take::WaitUntil(Timestamp::from_microsecond(at).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(tokens: u32, seconds: u64, burst: u32) -> Rate {
        Rate {
            tokens: NonZeroU32::new(tokens).unwrap(),
            interval: Duration::from_secs(seconds),
            burst: NonZeroU32::new(burst).unwrap(),
        }
    }

    #[test]
    fn tokens_are_spread_evenly_and_never_closer_than_the_limit() {
        assert_eq!(rate(1, 1, 1).spacing(), 1_000_000);
        assert_eq!(rate(120, 60, 1).spacing(), 500_000);
        assert_eq!(rate(3, 1, 1).spacing(), 333_334);
        assert_eq!((rate(1, 1, 1).tolerance(), rate(1, 1, 5).tolerance()), (0, 4_000_000));
    }

    #[test]
    fn no_rate_however_odd_overflows() {
        let odd = rate(1, u64::MAX, u32::MAX);
        assert_eq!((odd.spacing(), odd.tolerance()), (MICROSECONDS_MAX, MICROSECONDS_MAX));
        assert_eq!(wait(i64::MAX, &odd), Take::WaitUntil(Timestamp::MAX));
    }
}

//! What can go wrong between Caretaker and its table, in words, and whether trying again helps.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::types::CancellationReason;

use crate::TenantKey;

/// Codes after which the same call may succeed later ("Error handling with DynamoDB" and the
/// reference of `TransactWriteItems`, `CancellationReasons`).
const TRANSIENT_CODES: &[&str] = &[
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingError",
    "ThrottlingException",
    "TransactionConflict",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// The status from which on an answer says that the service failed, not the call.
const SERVER_ERROR: u16 = 500;

/// The reason of an item whose condition was not met.
pub(crate) const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// The reason of an item that was not at fault.
pub(crate) const NO_REASON: &str = "None";

/// Why the store could not do what it was asked.
///
/// No variant holds a value of an item: what is recorded of a tenant does not belong in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The call failed or was refused.
    #[error(
        "DynamoDB's {operation} on {key} in table {table} failed: {reason}; {}",
        if *.transient { "trying again later may help" }
        else { "trying again will not help: check the table's name, the keys and the permissions" }
    )]
    Service {
        /// The operation by AWS's name: `GetItem`.
        operation: &'static str,
        /// The table.
        table: String,
        /// The item, in words.
        key: String,
        /// The error's code and message, and the request's id where there is one.
        reason: String,
        /// Whether the same call may succeed later.
        transient: bool,
    },
    /// Another pass has taken the subject over; nothing was written.
    #[error(transparent)]
    Stale(#[from] StaleLease),
    /// Another attempt has taken the key over; nothing was written.
    #[error(transparent)]
    StaleClaim(#[from] StaleClaim),
    /// An item is not what this code reads.
    #[error(
        "the item {key} in table {table} cannot be read: {reason}; was it written by a newer \
         version, or by hand?"
    )]
    Unreadable {
        /// The table.
        table: String,
        /// The item, in words.
        key: String,
        /// What was found wrong.
        reason: String,
    },
    /// What was to be written cannot be an item or a payload.
    #[error("{what} cannot be written: {reason}")]
    Unwritable {
        /// What was to be written.
        what: String,
        /// Why it cannot be.
        reason: String,
    },
    /// A record that must be there is not.
    #[error(
        "{what} points at tenant {key}, but table {table} holds no record of it; was it deleted \
         by hand?"
    )]
    Missing {
        /// What points at it.
        what: String,
        /// Whose record is missing.
        key: TenantKey,
        /// The table.
        table: String,
    },
}

impl StoreError {
    /// Whether trying again later may help. A stale lease or claim is transient: whoever took
    /// over finishes, and the next pass finds what it left.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Service { transient, .. } => *transient,
            Self::Stale(_) | Self::StaleClaim(_) => true,
            Self::Unreadable { .. } | Self::Unwritable { .. } | Self::Missing { .. } => false,
        }
    }
}

/// A write under a lease that is no longer held: refused, so that a pass that was paused cannot
/// overwrite what its successor has done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the lease on tenant {key} with fencing token {fence} is stale: {}; nothing was written; \
     read the record again and begin a new pass",
    stale_because(self)
)]
pub struct StaleLease {
    /// The tenant.
    pub key: TenantKey,
    /// The fencing token of the refused write.
    pub fence: u64,
    /// The last token given out, where the record still exists.
    pub current_fence: Option<u64>,
    /// The pass that holds the lease now, where one does.
    pub current_owner: Option<String>,
}

fn stale_because(stale: &StaleLease) -> String {
    match (stale.current_fence, &stale.current_owner) {
        (None, _) => "the record is gone".to_owned(),
        (Some(fence), _) if fence == stale.fence => "its record was written meanwhile".to_owned(),
        (Some(fence), Some(owner)) => format!("{owner} holds the lease with token {fence}"),
        (Some(fence), None) => format!("token {fence} was given out since"),
    }
}

/// An answer for an idempotency key that another attempt has taken over or completed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the attempt at {scope} {key:?} took longer than it had said, and another one has taken it \
     over; nothing was written; begin again to learn the answer"
)]
pub struct StaleClaim {
    /// What the key belongs to.
    pub scope: &'static str,
    /// The key.
    pub key: String,
}

/// The error of a call to DynamoDB in words.
pub(crate) fn service_error<E>(
    operation: &'static str,
    table: &str,
    key: String,
    error: &SdkError<E>,
) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    StoreError::Service {
        operation,
        table: table.to_owned(),
        key,
        reason: describe(error),
        transient: is_transient(error),
    }
}

/// The error of a transaction that was cancelled for reasons that are not its conditions alone.
///
/// A condition that failed beside a conflict was held against an item in the midst of a change,
/// so it counts neither way: trying again decides it.
pub(crate) fn cancelled(
    table: &str,
    key: String,
    reasons: &[CancellationReason],
    request_id: Option<&str>,
) -> StoreError {
    let failed: Vec<_> = reasons
        .iter()
        .enumerate()
        .filter_map(|(number, reason)| Some((number, reason.code()?, reason.message())))
        .filter(|(_, code, _)| *code != NO_REASON)
        .collect();
    let words: Vec<_> = failed
        .iter()
        .map(|(number, code, message)| {
            format!("item {number}: {code}: {}", message.unwrap_or("no message"))
        })
        .collect();
    let codes = || failed.iter().map(|(_, code, _)| *code).filter(|code| *code != CONDITION_FAILED);
    StoreError::Service {
        operation: "TransactWriteItems",
        table: table.to_owned(),
        key,
        reason: with_request(format!("cancelled ({})", words.join("; ")), request_id),
        transient: codes().next().is_some() && codes().all(|code| TRANSIENT_CODES.contains(&code)),
    }
}

fn is_transient<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            true
        }
        SdkError::ServiceError(context) => {
            context.raw().status().as_u16() >= SERVER_ERROR
                || error.code().is_some_and(|code| TRANSIENT_CODES.contains(&code))
        }
        // A request that could not be put together, and whatever the SDK adds later.
        _ => false,
    }
}

fn describe<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let SdkError::ServiceError(context) = error {
        let code = error.code().unwrap_or("error without a code");
        let message = error.message().unwrap_or("no message");
        let status = context.raw().status().as_u16();
        return with_request(
            format!("{code}: {message} (HTTP {status})"),
            error.meta().request_id(),
        );
    }
    // Timeouts and broken connections: the outer errors are vague, the innermost tells.
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}

fn with_request(reason: String, request_id: Option<&str>) -> String {
    match request_id {
        Some(id) => format!("{reason} (request {id})"),
        None => reason,
    }
}

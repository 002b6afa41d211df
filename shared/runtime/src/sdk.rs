//! What went wrong in an AWS call, in words, and whether trying again can help.
//!
//! `SdkError`'s own `Display` says "service error" and no more; its `Debug` prints the whole
//! response, headers included. Neither is fit for a person or a log.

use std::any::type_name;
use std::error::Error;
use std::fmt::Write as _;

use aws_sdk_sqs::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{Classify, chain};

/// Characters of AWS's message that are kept: enough for the longest access denial, which names a
/// role and a resource (each ARN is at most 2048 characters, in practice under 200).
const MESSAGE_CHARS_MAX: usize = 800;

/// Error codes by which AWS services say "not now".
///
/// The SDK's own list (`aws_runtime::retries::classifiers::THROTTLING_ERRORS` and
/// `TRANSIENT_ERRORS`), and codes which the SDK does not know to be passing: DynamoDB's conflicting
/// transaction, SQS's throttled key service. `LimitExceededException` is a throttle in some
/// services and an exhausted quota in others; both may pass.
const TRANSIENT_CODES: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "KmsThrottled",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Where AWS's messages begin to repeat the signed request, security token included
/// (`SignatureDoesNotMatch`, `IncompleteSignature`): nothing from there on is kept.
const SIGNED_REQUEST_MARKS: &[&str] =
    &["The Canonical String", "Authorization=", "x-amz-security-token", "X-Amz-Security-Token"];

/// An AWS call that failed: what was tried, on what, and what AWS said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not {tried}: {reason}")]
pub struct CallError {
    /// What was tried, on what: `describe the stack mate-demo-dev-data`.
    pub tried: String,
    /// AWS's code and message.
    pub reason: String,
    /// Whether the same call may succeed later.
    pub transient: bool,
}

impl Classify for CallError {
    fn error_type(&self) -> &'static str {
        "AwsCallFailed"
    }

    fn is_transient(&self) -> bool {
        self.transient
    }
}

/// An AWS call that failed while trying to do `tried`.
pub fn call<E>(tried: impl Into<String>, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    CallError {
        tried: tried.into(),
        reason: describe_sdk_error(error),
        transient: is_transient(error),
    }
}

/// Whether the same call may succeed when it is made again: throttling, a failure on AWS's side
/// (5xx), a timeout, a connection that did not come about or broke off.
///
/// The SDK has already made its own attempts when this is asked; a pass that meets `true` ends and
/// comes again later.
pub fn is_transient<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(failure) => !failure.is_user(),
        SdkError::ServiceError(failure) => {
            let status = failure.raw().status();
            let code = failure.err().code().unwrap_or_default();
            // DynamoDB answers throttling with status 400: the code decides, not the status alone.
            status.is_server_error()
                || status.as_u16() == 429
                || TRANSIENT_CODES.contains(&bare_code(code))
        }
        // ConstructionFailure: the request was never made because its input is wrong.
        _ => false,
    }
}

/// The error in words: `AccessDeniedException: User … is not authorized … (sqs SendMessage, request
/// id 4f1e…)`.
///
/// Service and operation are read from the error's type. What AWS repeats of the signed request is
/// cut off.
pub fn describe_sdk_error<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut text = match error {
        SdkError::ServiceError(failure) => {
            let status = failure.raw().status().as_u16();
            match (failure.err().code(), failure.err().message()) {
                (Some(code), Some(message)) => {
                    format!("{}: {}", bare_code(code), presentable(message))
                }
                (Some(code), None) => format!("{} (HTTP {status})", bare_code(code)),
                (None, _) => format!("HTTP {status} without an error code"),
            }
        }
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(cause) => format!("the request could not be sent: {}", presentable(&chain(cause))),
            None => "the request could not be sent".to_owned(),
        },
        SdkError::ResponseError(failure) => {
            format!("the answer could not be read (HTTP {})", failure.raw().status().as_u16())
        }
        other => format!("the request could not be built: {}", presentable(&cause_of(other))),
    };
    let call = call_of(type_name::<E>());
    let details = [call, error.request_id().map(|id| format!("request id {id}"))];
    let details: Vec<String> = details.into_iter().flatten().collect();
    if !details.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, " ({})", details.join(", "));
    }
    text
}

fn cause_of(error: &(dyn Error + 'static)) -> String {
    error.source().map_or_else(|| "no reason given".to_owned(), chain)
}

/// JSON protocols may prefix the code with a namespace:
/// `com.amazonaws.dynamodb#ThrottlingException`.
fn bare_code(code: &str) -> &str {
    code.rsplit('#').next().unwrap_or(code)
}

/// `aws_sdk_sqs::operation::send_message::SendMessageError` → `sqs SendMessage`.
///
/// The SDKs are generated and all named so; a type named otherwise yields nothing rather than
/// something wrong.
fn call_of(error_type: &str) -> Option<String> {
    let service = error_type.strip_prefix("aws_sdk_")?.split("::").next()?;
    let operation = error_type.rsplit("::").next()?.strip_suffix("Error")?;
    (!operation.is_empty()).then(|| format!("{service} {operation}"))
}

/// A message on one line, without the signed request, of bounded length.
fn presentable(message: &str) -> String {
    let end = SIGNED_REQUEST_MARKS.iter().filter_map(|mark| message.find(mark)).min();
    let (kept, cut) = match end {
        Some(end) => (message.get(..end).unwrap_or_default(), true),
        None => (message, false),
    };
    let one_line = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", one_line.get(..end).unwrap_or_default()),
        None if cut => format!("{one_line} …"),
        None => one_line,
    }
}

#[cfg(test)]
mod tests;

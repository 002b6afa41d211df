use std::io;

use aws_sdk_sqs::operation::send_message::SendMessageError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;

use super::*;

type SendFailure = SdkError<SendMessageError, HttpResponse>;

fn response(status: u16) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
    response.headers_mut().insert("x-amzn-requestid", "4f1e");
    response
}

fn service_error(status: u16, code: &str, message: &str) -> SendFailure {
    let metadata = ErrorMetadata::builder().code(code).message(message).build();
    SdkError::service_error(SendMessageError::generic(metadata), response(status))
}

fn refused() -> ConnectorError {
    ConnectorError::io(
        io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused").into(),
    )
}

#[test]
fn what_passes_by_itself_is_transient_and_nothing_else() {
    let cases: [(SendFailure, bool); 12] = [
        (service_error(400, "ThrottlingException", "Rate exceeded"), true),
        (service_error(400, "com.amazonaws.dynamodb#ThrottlingException", "Rate exceeded"), true),
        (service_error(400, "TransactionConflictException", "conflict"), true),
        (service_error(429, "SomethingNew", "slow down"), true),
        (service_error(500, "SomethingNew", "oops"), true),
        (service_error(503, "ServiceUnavailable", "later"), true),
        (service_error(400, "AccessDeniedException", "no"), false),
        (service_error(404, "AWS.SimpleQueueService.NonExistentQueue", "no queue"), false),
        (SdkError::timeout_error("5 s"), true),
        (SdkError::dispatch_failure(refused()), true),
        (SdkError::dispatch_failure(ConnectorError::user("no such scheme".into())), false),
        (SdkError::construction_failure("queue_url was not set"), false),
    ];
    for (error, expected) in cases {
        assert_eq!(is_transient(&error), expected, "{error:?}");
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_transient() {
    let error: SendFailure = SdkError::response_error("half a document", response(200));
    assert!(is_transient(&error));
    let words = "the answer could not be read (HTTP 200) (sqs SendMessage, request id 4f1e)";
    assert_eq!(describe_sdk_error(&error), words);
}

#[test]
fn a_description_names_code_message_call_and_request() {
    let denied =
        service_error(403, "AccessDeniedException", "User: arn:aws:iam::1:role/x\n may not");
    let cases = [
        (
            denied,
            "AccessDeniedException: User: arn:aws:iam::1:role/x may not (sqs SendMessage, request id 4f1e)",
        ),
        (SdkError::timeout_error("5 s"), "no answer in time (sqs SendMessage)"),
        (
            SdkError::dispatch_failure(refused()),
            "the request could not be sent: io error: connection refused (sqs SendMessage)",
        ),
        (
            SdkError::construction_failure("queue_url was not set"),
            "the request could not be built: queue_url was not set (sqs SendMessage)",
        ),
        (
            SdkError::service_error(
                SendMessageError::generic(ErrorMetadata::builder().build()),
                response(502),
            ),
            "HTTP 502 without an error code (sqs SendMessage, request id 4f1e)",
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(describe_sdk_error(&error), expected);
    }
}

#[test]
fn the_signed_request_with_its_security_token_is_not_repeated() {
    let message = "The request signature we calculated does not match the signature you provided.\n\n\
                   The Canonical String for this request should have been\n'POST\n/\n\n\
                   x-amz-security-token:IQoJb3JpZ2luX2VjSECRET\n'";
    let error = service_error(403, "SignatureDoesNotMatch", message);
    let words = describe_sdk_error(&error);
    assert!(!words.contains("SECRET"), "{words}");
    assert!(words.contains("does not match the signature you provided"), "{words}");

    let message = "'Host' must be a header. Authorization=AWS4-HMAC-SHA256 Credential=AKIASECRET";
    let words = describe_sdk_error(&service_error(403, "IncompleteSignature", message));
    assert!(!words.contains("SECRET"), "{words}");
}

#[test]
fn an_endless_message_is_cut_between_characters() {
    let words = describe_sdk_error(&service_error(400, "ValidationException", &"é".repeat(5_000)));
    assert!(
        words.chars().count() < MESSAGE_CHARS_MAX + 100,
        "{} characters",
        words.chars().count()
    );
    assert!(words.contains("é…"));
}

#[test]
fn a_type_that_is_no_operations_error_gives_no_call() {
    assert_eq!(
        call_of("aws_sdk_dynamodb::operation::put_item::PutItemError").as_deref(),
        Some("dynamodb PutItem")
    );
    assert_eq!(call_of("aws_sdk_sqs::error_meta::Error"), None);
    assert_eq!(call_of("my::SendMessageError"), None);
}

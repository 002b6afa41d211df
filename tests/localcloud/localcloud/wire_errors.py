"""Errors as AWS itself would send them.

An SDK retries a throttle or a server error only when it recognises the code, so an injected fault
must come in the service's own protocol, with the service's own code and status. The protocol is
read from the request, since some services speak several.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from xml.sax.saxutils import escape

from localcloud.gateway import Request


@dataclass(frozen=True)
class WireError:
    """One error: HTTP status, AWS code, and a sentence."""

    status: int
    code: str
    message: str


@dataclass(frozen=True)
class WireAnswer:
    """An error in its protocol, ready to be sent."""

    status: int
    headers: dict[str, str]
    body: bytes


# Where a service deviates from its protocol's habit. Codes are those of the service's API
# reference, "Errors" of the operation or "Common errors".
_THROTTLES = {
    "lambda": WireError(429, "TooManyRequestsException", "Rate Exceeded."),
    "s3": WireError(503, "SlowDown", "Please reduce your request rate."),
    "scheduler": WireError(429, "ThrottlingException", "Rate exceeded"),
    "sqs": WireError(400, "RequestThrottled", "The request was denied due to request throttling."),
    "tagging": WireError(400, "ThrottledException", "Rate exceeded"),
}
_FAILURES = {
    "dynamodb": WireError(500, "InternalServerError", "The request could not be processed."),
    "ecs": WireError(500, "ServerException", "Service Unavailable. Please try again later."),
    "events": WireError(
        500, "InternalException", "This exception occurs due to unexpected causes."
    ),
    "kms": WireError(500, "KMSInternalException", "The request could not be processed."),
    "lambda": WireError(500, "ServiceException", "The service encountered an internal error."),
    "s3": WireError(500, "InternalError", "We encountered an internal error. Please try again."),
    "scheduler": WireError(500, "InternalServerException", "Unexpected error while processing."),
    "secretsmanager": WireError(
        500, "InternalServiceError", "An error occurred on the server side."
    ),
    "sns": WireError(500, "InternalError", "An internal error occurred."),
}
# DynamoDB has two kinds of throttles: a table's capacity, and the control plane's own.
_DYNAMODB_DATA = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)
_QUERY_XML_SERVICES = frozenset(
    {
        "autoscaling",
        "cloudformation",
        "elasticache",
        "elasticloadbalancing",
        "iam",
        "monitoring",
        "rds",
        "sns",
        "sts",
    }
)


def throttle(service: str, operation: str, request: Request) -> WireAnswer:
    """The service's own way to say *too fast*."""
    if service == "dynamodb" and operation in _DYNAMODB_DATA:
        error = WireError(
            400,
            "ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded. "
            "Consider increasing your provisioning level with the UpdateTable API.",
        )
    else:
        code = "Throttling" if _protocol(service, request) == "query" else "ThrottlingException"
        error = _THROTTLES.get(service, WireError(400, code, "Rate exceeded"))
    return render(error, service, request)


def server_error(service: str, request: Request) -> WireAnswer:
    """The service's own way to say *something broke here*."""
    error = _FAILURES.get(
        service, WireError(500, "InternalFailure", "The request processing has failed.")
    )
    return render(error, service, request)


def render(error: WireError, service: str, request: Request) -> WireAnswer:
    """The error in the protocol of the request."""
    request_id = str(uuid.uuid4())
    protocol = _protocol(service, request)
    headers = {"x-amzn-requestid": request_id}
    if protocol == "cbor":
        headers |= {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        body = _cbor({"__type": error.code, "message": error.message})
    elif protocol == "query":
        headers["content-type"] = "text/xml"
        side = "Receiver" if error.status >= 500 else "Sender"
        body = (
            f"<ErrorResponse><Error><Type>{side}</Type><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(error.message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        ).encode()
    elif protocol == "s3":
        headers |= {"content-type": "application/xml", "x-amz-request-id": request_id}
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
            f"<RequestId>{request_id}</RequestId></Error>"
        ).encode()
    else:
        headers["content-type"] = request.headers.get("content-type") or "application/json"
        headers["x-amzn-errortype"] = error.code
        if service == "sqs":
            # SQS kept the codes of its older protocol beside the new one.
            side = "Receiver" if error.status >= 500 else "Sender"
            headers["x-amzn-query-error"] = f"{error.code};{side}"
        body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return WireAnswer(error.status, headers, b"" if request.method == "HEAD" else body)


def _protocol(service: str, request: Request) -> str:
    content_type = request.headers.get("content-type", "")
    if "cbor" in request.headers.get("smithy-protocol", "") or "cbor" in content_type:
        return "cbor"
    if service == "s3":
        return "s3"
    if "x-amz-target" in request.headers:
        return "json"
    if service in _QUERY_XML_SERVICES or service == "route53":
        return "query"
    if service == "sqs" and "x-www-form-urlencoded" in content_type:
        return "query"
    return "json"


def _cbor(text_map: dict[str, str]) -> bytes:
    """A map of short texts in CBOR (RFC 8949): all that an error needs."""

    def head(major: int, length: int) -> bytes:
        if length < 24:
            return bytes([major << 5 | length])
        return bytes([major << 5 | 25]) + length.to_bytes(2, "big")

    encoded = head(5, len(text_map))
    for item in (part for pair in text_map.items() for part in pair):
        raw = item.encode()
        encoded += head(3, len(raw)) + raw
    return encoded

"""Asynchronous invocations: what SNS, EventBridge and CloudWatch do with a function.

MiniStack's SNS and EventBridge call a function once and forget about it, SNS without asking whether
it may, and a throttled event is lost. On AWS the event is Lambda's own from then on: it is tried
three times in all, a minute and two minutes apart, a throttled one for up to six hours, and what
fails in the end goes to the function's destination, or to its dead-letter queue, which are shaped
differently.
"""

from __future__ import annotations

import contextvars
import hashlib
import json
import logging
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from localcloud.extensions import deliveries
from localcloud.settings import ACCOUNT_ID, REGION, Settings, current

logger = logging.getLogger("localcloud")

SNS_PRINCIPAL = "sns.amazonaws.com"
RETRIES_DEFAULT = 2
EVENT_AGE_SECONDS_MAX = 21_600
# Lambda comes back to a throttled event soon, and then less and less often.
THROTTLED_SECONDS = 0.5

Record = dict[str, Any]


def install(settings: Settings) -> None:
    """Put Lambda's own queue between the services and functions."""
    from ministack.services import eventbridge, lambda_svc, sns

    lambda_svc.invoke_async_with_retry = _begin
    eventbridge._dispatch_to_lambda = _from_eventbridge

    def from_sns(
        function_arn: str,
        envelope: str,
        topic_arn: str,
        subscription_arn: str,
        _message_id: str,
        _message: str,
        _attributes: dict[str, Any],
    ) -> None:
        if settings.authentication and not deliveries.function_allows(
            function_arn, SNS_PRINCIPAL, topic_arn
        ):
            logger.warning("%s may not invoke %s: no policy allows it", topic_arn, function_arn)
            return
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription_arn,
            "Sns": {"Subject": None, "MessageAttributes": {}, **json.loads(envelope)},
        }
        invoke(function_arn, {"Records": [record]})

    sns._deliver_to_lambda = from_sns


def invoke(function_arn: str, event: Any) -> None:
    """Hand an event to a function's queue."""
    from ministack.services import lambda_svc

    function, config, name = lambda_svc._get_func_record_for_ref(function_arn)
    if not function or not config:
        logger.warning("there is no function %s to invoke", name)
        return
    _begin(lambda_svc._execution_record_for_config(function, config), event)


def _from_eventbridge(function_arn: str, payload: str) -> None:
    # Targets' policies have been asked by `deliveries`.
    try:
        event = json.loads(payload)
    except ValueError:
        # A transformer's template that is a text alone.
        event = payload
    invoke(function_arn, event)


def _begin(function: Record, event: Any) -> None:
    context = contextvars.copy_context()
    threading.Thread(
        target=lambda: context.run(_carry_out, function, event),
        name=f"async-{(function.get('config') or function).get('FunctionName')}",
        daemon=True,
    ).start()


def _carry_out(function: Record, event: Any) -> None:
    """Try an event until it is handled or given up."""
    from ministack.core.responses import request_scope
    from ministack.services import lambda_svc

    config = function.get("config") or function
    wishes = (
        function.get("event_invoke_config")
        or (function.get("event_invoke_configs") or {}).get("$LATEST")
        or {}
    )
    retries = wishes.get("MaximumRetryAttempts")
    attempts_max = 1 + (RETRIES_DEFAULT if retries is None else int(retries))
    oldest = time.monotonic() + int(wishes.get("MaximumEventAgeInSeconds") or EVENT_AGE_SECONDS_MAX)
    request_id = str(uuid.uuid4())
    attempts = 0
    with request_scope(ACCOUNT_ID, REGION):
        while True:
            result = lambda_svc._execute_function_with_config_scope(function, event)
            if result.get("throttle"):
                condition, pause = "EventAgeExceeded", THROTTLED_SECONDS
            elif result.get("error"):
                attempts += 1
                condition, pause = "RetriesExhausted", current().lambda_retry_seconds * attempts
                if attempts == attempts_max:
                    break
            else:
                return
            if time.monotonic() + pause > oldest:
                condition = "EventAgeExceeded"
                break
            time.sleep(pause)
        failure = _failure(config, request_id, condition, attempts, event, result)
        _report(config, wishes, failure)


def _failure(
    config: Record, request_id: str, condition: str, attempts: int, event: Any, result: Record
) -> Record:
    """What a destination is told about an event that was given up."""
    body = result.get("body")
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"{config.get('FunctionArn')}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": event,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": result.get("function_error") or "Unhandled",
        },
        "responsePayload": body if isinstance(body, dict) else {"errorMessage": str(body)},
    }


def _report(config: Record, wishes: Record, failure: Record) -> None:
    """Send the failure to the function's destination, the event to its dead-letter queue."""
    destination = ((wishes.get("DestinationConfig") or {}).get("OnFailure") or {}).get(
        "Destination"
    )
    if destination:
        _send(config, destination, json.dumps(failure), {})
    dead_letters = (config.get("DeadLetterConfig") or {}).get("TargetArn")
    if dead_letters:
        attributes = {
            "RequestID": {
                "DataType": "String",
                "StringValue": failure["requestContext"]["requestId"],
            },
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": {
                "DataType": "String",
                "StringValue": str(failure["responsePayload"].get("errorMessage") or ""),
            },
        }
        _send(config, dead_letters, json.dumps(failure["requestPayload"]), attributes)


def _send(config: Record, target_arn: str, body: str, attributes: Record) -> None:
    """Bring something to a queue, a topic, a function or a bus, if the function's role may."""
    from ministack.services import sns

    if not deliveries.role_may_deliver(str(config.get("Role", "")), target_arn):
        logger.warning(
            "%s: what failed is lost, its role may not deliver to %s",
            config.get("FunctionName"),
            target_arn,
        )
        return
    service = target_arn.split(":")[2]
    if service == "sqs":
        _to_queue(target_arn, body, attributes)
    elif service == "sns":
        sns._fanout(target_arn, str(uuid.uuid4()), body, "", "", attributes)
    elif service == "lambda":
        invoke(target_arn, json.loads(body))
    else:
        logger.warning("what failed is lost: nothing is delivered to %s", target_arn)


def _to_queue(queue_arn: str, body: str, attributes: Record) -> None:
    from ministack.services import lambda_svc, sqs

    queue = sqs._queue_by_arn(queue_arn)
    if queue is None:
        logger.warning("what failed is lost: there is no queue %s", queue_arn)
        return
    now = time.time()
    message = {
        "id": str(uuid.uuid4()),
        "body": body,
        "md5_body": hashlib.md5(body.encode()).hexdigest(),
        "md5_attrs": sqs._md5_msg_attrs(attributes) if attributes else "",
        "message_attributes": attributes,
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now + sqs.queue_delay(queue),
        "receive_count": 0,
        "sys": {"SenderId": ACCOUNT_ID, "SentTimestamp": str(int(now * 1000))},
    }
    sqs._ensure_msg_fields(message)
    queue["messages"].append(message)
    lambda_svc.esm_wake.set()

"""E-mail, by SES and by SNS: kept, and as strict about it as they are.

MiniStack's SES takes letters to nobody and of any size, its SNS any subject, and drops what goes to
e-mail subscribers. Everybody's letters are in ``GET /_localcloud/mail``, as they were sent.
"""

from __future__ import annotations

import collections
import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from localcloud.settings import Settings

# SES v2: 40 MB for a message with its attachments, 50 recipients in all.
MESSAGE_BYTES_MAX = 40 * 1024 * 1024
RECIPIENTS_MAX = 50
# SNS: begins with a letter, a digit or a punctuation mark; ASCII, one line, less than 100 of them.
_SNS_SUBJECT = re.compile(r"[!-~][ -~]{0,98}")
LETTERS_MAX = 20_000

Response = tuple[int, dict[str, str], bytes]

_letters: collections.deque[dict[str, Any]] = collections.deque(maxlen=LETTERS_MAX)
_lock = threading.Lock()


def install(_settings: Settings) -> None:
    """Keep letters, and refuse those that would never leave."""
    from ministack.services import ses_v2, sns

    handle = ses_v2.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Response:
        if (method, path.rstrip("/")) == ("POST", "/v2/email/outbound-emails"):
            return await _send(handle, method, path, headers, body, query)
        return await handle(method, path, headers, body, query)

    ses_v2.handle_request = handle_request
    sns._publish = _checking_subject(sns._publish)
    sns._fanout = _reaching_mailboxes(sns._fanout)


def letters() -> list[dict[str, Any]]:
    """All letters so far, the oldest first."""
    with _lock:
        return list(_letters)


def forget() -> None:
    """Empty all mailboxes."""
    with _lock:
        _letters.clear()


def _keep(letter: dict[str, Any]) -> None:
    entry = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **letter}
    with _lock:
        _letters.append(entry)


async def _send(
    handle: Callable[..., Any],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, list[str]],
) -> Response:
    """SendEmail: refused, or sent and kept."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return _refusal("BadRequestException", "The request is not valid JSON.")
    refusal = _mistake(request, len(body))
    if refusal is not None:
        return refusal
    response: Response = await handle(method, path, headers, body, query)
    if response[0] < 400:
        content, to = request["Content"], request.get("Destination") or {}
        simple = content.get("Simple") or {}
        parts = simple.get("Body") or {}
        _keep(
            {
                "by": "ses",
                "from": request["FromEmailAddress"],
                "to": to.get("ToAddresses") or [],
                "cc": to.get("CcAddresses") or [],
                "bcc": to.get("BccAddresses") or [],
                "reply_to": request.get("ReplyToAddresses") or [],
                "subject": (simple.get("Subject") or {}).get("Data"),
                "text": (parts.get("Text") or {}).get("Data"),
                "html": (parts.get("Html") or {}).get("Data"),
                "headers": simple.get("Headers") or [],
                "raw": (content.get("Raw") or {}).get("Data"),
                "configuration_set": request.get("ConfigurationSetName"),
                "message_id": json.loads(response[2])["MessageId"],
            }
        )
    return response


def _mistake(request: dict[str, Any], size: int) -> Response | None:
    """Why SES would not send this."""
    content = request.get("Content")
    if not isinstance(content, dict) or len(content) != 1:
        return _refusal("BadRequestException", "Content must be Simple, Raw or Template.")
    if not request.get("FromEmailAddress"):
        return _refusal("BadRequestException", "FromEmailAddress is required.")
    to = request.get("Destination") or {}
    lists = (to.get(f"{kind}Addresses") or [] for kind in ("To", "Cc", "Bcc"))
    recipients = [one for addresses in lists for one in addresses]
    if not recipients and "Raw" not in content:
        return _refusal("BadRequestException", "Destination must have a recipient.")
    if len(recipients) > RECIPIENTS_MAX:
        return _refusal("BadRequestException", f"At most {RECIPIENTS_MAX} recipients are allowed.")
    if size > MESSAGE_BYTES_MAX:
        return _refusal("BadRequestException", "Message length is more than 41943040 bytes long.")
    # MiniStack asks whether the sender is a verified identity.
    return None


def _refusal(code: str, message: str) -> Response:
    headers = {"Content-Type": "application/json", "x-amzn-errortype": code}
    return 400, headers, json.dumps({"message": message}).encode()


def _checking_subject(publish: Callable[[Any], Response]) -> Callable[[Any], Response]:
    def checked(params: Any) -> Response:
        from ministack.services import sns

        subject = sns._p(params, "Subject")
        if subject and not _SNS_SUBJECT.fullmatch(subject):
            return sns._error("InvalidParameter", "Invalid parameter: Subject", 400)
        return publish(params)

    return checked


def _reaching_mailboxes(fanout: Callable[..., None]) -> Callable[..., None]:
    """What goes to a topic goes to its e-mail subscribers, too."""

    def deliver(
        topic_arn: str,
        message_id: str,
        message: str,
        subject: str,
        message_structure: str = "",
        message_attributes: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        from ministack.services import sns

        fanout(
            topic_arn, message_id, message, subject, message_structure, message_attributes, **more
        )
        topic = sns._topic_by_arn_any_scope(topic_arn) or {}
        for one in topic.get("subscriptions", []):
            protocol = one.get("protocol")
            if protocol not in ("email", "email-json") or not one.get("confirmed"):
                continue
            text = sns._resolve_message_for_protocol(message, message_structure, protocol)
            attributes = message_attributes or {}
            if not sns._matches_filter_policy(one, attributes, text):
                continue
            if protocol == "email-json":
                text = sns._build_envelope(topic_arn, message_id, text, subject, attributes, False)
            _keep(
                {
                    "by": "sns",
                    "from": "no-reply@sns.amazonaws.com",
                    "to": [one["endpoint"]],
                    "subject": subject or "AWS Notification Message",
                    "text": text,
                    "topic": topic_arn,
                    "message_id": message_id,
                }
            )

    return deliver

"""Microsoft Teams: a workflow that posts what its webhook gets.

The address itself is the secret (its ``sig``). The message is an Adaptive Card in an envelope, at
most 28 KB, and is taken with 202.
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.sinks.limits import Buckets
from localcloud.sinks.sink import Incoming, Outgoing, Sink, as_json, now_iso, text

MESSAGE_BYTES_MAX = 28 * 1024
# Teams: four requests a second and webhook.
PER_SECOND = 4.0
BURST = 4
CARD = "application/vnd.microsoft.card.adaptive"
# Later versions are not shown by all of Teams' clients.
CARD_VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5")
PATH = "/workflows/{}/triggers/manual/paths/invoke"


class Teams(Sink):
    """A team with some workflows, each with its signature."""

    name = "teams"

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {"workflows": {"localcloudworkflow": "localcloud-signature"}}
        self._messages: list[dict[str, Any]] = []
        self._limits = Buckets(PER_SECOND, BURST)

    def kept(self) -> dict[str, Any]:
        """The cards that were posted, in their order."""
        return {"messages": self._messages}

    def forget_kept(self) -> None:
        """Have no messages, and take some at once."""
        self._messages = []
        self._limits.forget()

    def error_answer(self, word: str | None) -> Outgoing:
        """What the older connectors answered, with 200, when Teams refused a message."""
        said = word or "Microsoft Teams endpoint returned HTTP error 429"
        return text(200, f"Webhook message delivery failed with error: {said}")

    def answer(self, request: Incoming) -> Outgoing:
        """Take one message."""
        workflow = request.path.split("/")[2] if request.path.count("/") > 2 else ""
        if request.path != PATH.format(workflow) or workflow not in self.settings["workflows"]:
            return _refused(404, "WorkflowNotFound", "The workflow could not be found.")
        signatures = request.query.get("sig", [])
        if signatures != [self.settings["workflows"][workflow]]:
            return _refused(
                401,
                "DirectApiAuthorizationRequired",
                "The request must be authenticated by the signature of the workflow's address.",
            )
        if request.method != "POST":
            return _refused(405, "MethodNotAllowed", "The trigger takes POST.")
        if len(request.body) > MESSAGE_BYTES_MAX:
            return _refused(413, "RequestEntityTooLarge", "A message has at most 28 KB.")
        wait = self._limits.take(workflow) if self.settings["limits"] else 0
        if wait:
            return as_json(429, {"error": {"code": "TooManyRequests"}}, retry_after=wait)
        try:
            message = json.loads(request.body)
        except ValueError:
            return _refused(400, "InvalidRequestContent", "The request content is not valid JSON.")
        mistake = _mistake(message)
        if mistake:
            return _refused(400, "InvalidRequestContent", mistake)
        cards = [one["content"] for one in message["attachments"]]
        self._messages.append({"time": now_iso(), "workflow": workflow, "cards": cards})
        return text(202)


def _refused(status: int, code: str, words: str) -> Outgoing:
    return as_json(status, {"error": {"code": code, "message": words}})


def _mistake(message: Any) -> str | None:
    """Why the workflow could not post the message; None when it could."""
    if not isinstance(message, dict) or message.get("type") != "message":
        return "type: expected message"
    attachments = message.get("attachments")
    if not isinstance(attachments, list) or not attachments:
        return "attachments: expected an array with one card or more"
    for one in attachments:
        if not isinstance(one, dict) or one.get("contentType") != CARD:
            return f"contentType: expected {CARD}"
        card = one.get("content")
        if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
            return "content.type: expected AdaptiveCard"
        if card.get("version") not in CARD_VERSIONS:
            return f"content.version: expected one of {', '.join(CARD_VERSIONS)}"
        body = card.get("body")
        if not isinstance(body, list) or not all(
            isinstance(element, dict) and isinstance(element.get("type"), str) for element in body
        ):
            return "content.body: expected an array of elements, each with its type"
    return None

"""Slack: the Web API's messages, and incoming webhooks.

A failure of the Web API has the status 200 and ``"ok": false``; a webhook's success has the body
``ok``. One message a second and channel, with short bursts.
"""

from __future__ import annotations

import json
import time
import urllib.parse
from typing import Any

from localcloud.sinks import slack_blocks
from localcloud.sinks.limits import Buckets
from localcloud.sinks.sink import Incoming, Outgoing, Sink, as_json, text

TEXT_MAX = 40_000
UPDATE_TEXT_MAX = 4_000
ATTACHMENTS_MAX = 100
CHANNEL_PER_SECOND = 1.0
CHANNEL_BURST = 3
# Slack's tier 3, which chat.update belongs to: 50 calls a minute and more.
UPDATES_PER_SECOND = 50 / 60
UPDATES_BURST = 50

# What an arriving message may say about itself.
_MESSAGE_FIELDS = ("text", "blocks", "attachments")


class Refused(Exception):
    """Slack's refusal: its word, and its mistakes in blocks."""

    def __init__(self, word: str, messages: list[str] | None = None) -> None:
        super().__init__(word)
        self.word = word
        self.messages = messages or []


class Slack(Sink):
    """A workspace with some channels, a bot, and some incoming webhooks."""

    name = "slack"

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {
            # Bearer tokens that the bot has; others were never issued.
            "tokens": ["xoxb-000000000000-localcloud"],
            "revoked_tokens": [],
            # By their ids.
            "channels": {
                "C0CRITICAL": "critical",
                "C0WARNINGS": "warnings",
                "C0DEPLOYED": "deployments",
                # Those that the shipped catalogues name.
                "C0MATEINFRA": "mate-infrastructure",
                "C0CTOALERTS": "cto-alerts",
                "C0SFALERTS": "social-flow-alerts",
            },
            # Ids of channels that exist and that nobody can write to any more.
            "archived": ["C0ARCHIVED"],
            # What comes after /services/, and the channel that it writes to.
            "webhooks": {"T0LOCALCLD/B0CRITICAL/localcloudcritical00": "C0CRITICAL"},
        }
        self._messages: list[dict[str, Any]] = []
        self._last_ts = 0.0
        self._channel_limits = Buckets(CHANNEL_PER_SECOND, CHANNEL_BURST)
        self._update_limits = Buckets(UPDATES_PER_SECOND, UPDATES_BURST)

    def kept(self) -> dict[str, Any]:
        """The messages as they stand, in the order in which they were posted."""
        return {"messages": self._messages}

    def forget_kept(self) -> None:
        """Empty all channels, and let everybody write at once."""
        self._messages = []
        self._channel_limits.forget()
        self._update_limits.forget()

    def error_answer(self, word: str | None) -> Outgoing:
        """What the Web API answers, with 200, when it cannot."""
        return as_json(200, {"ok": False, "error": word or "internal_error"})

    def answer(self, request: Incoming) -> Outgoing:
        """A method of the Web API, or a webhook."""
        if request.path.startswith("/services/"):
            return self._webhook(request)
        if not request.path.startswith("/api/"):
            return text(404, "Not Found")
        method = request.path.removeprefix("/api/")
        try:
            return self._call(method, request)
        except Refused as refusal:
            body: dict[str, Any] = {"ok": False, "error": refusal.word}
            if refusal.messages:
                body["errors"] = refusal.messages
                said = [f"[ERROR] {one}" for one in refusal.messages]
                body["response_metadata"] = {"messages": said}
            return as_json(200, body)

    def _call(self, method: str, request: Incoming) -> Outgoing:
        if method not in ("auth.test", "chat.postMessage", "chat.update"):
            raise Refused("unknown_method")
        arguments = _arguments(request)
        self._authenticate(request, arguments)
        if method == "auth.test":
            return as_json(200, {"ok": True, "team": "Local cloud", "user": "caretaker"})
        if request.method != "POST":
            raise Refused("invalid_post_type")
        channel = self._channel(arguments, by_name=method == "chat.postMessage")
        wait = 0
        if self.settings["limits"]:
            limits = self._channel_limits if method == "chat.postMessage" else self._update_limits
            wait = limits.take(channel if method == "chat.postMessage" else "workspace")
        if wait:
            return as_json(429, {"ok": False, "error": "ratelimited"}, retry_after=wait)
        if method == "chat.update":
            return self._update(channel, arguments)
        return self._post(channel, arguments)

    def _authenticate(self, request: Incoming, arguments: dict[str, Any]) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token if scheme.lower() == "bearer" else str(arguments.get("token") or "")
        if not token:
            raise Refused("not_authed")
        if token in self.settings["revoked_tokens"]:
            raise Refused("token_revoked")
        if token not in self.settings["tokens"]:
            raise Refused("invalid_auth")

    def _channel(self, arguments: dict[str, Any], *, by_name: bool) -> str:
        asked = arguments.get("channel")
        if not isinstance(asked, str) or not asked:
            raise Refused("channel_not_found")
        if asked in self.settings["archived"]:
            raise Refused("is_archived")
        if asked in self.settings["channels"]:
            return asked
        for channel, name in self.settings["channels"].items():
            if by_name and asked.removeprefix("#") == name:
                return str(channel)
        raise Refused("channel_not_found")

    def _post(self, channel: str, arguments: dict[str, Any]) -> Outgoing:
        content = _content(arguments, TEXT_MAX)
        message = self._keep(channel, content, arguments.get("thread_ts"), "bot")
        answer = {"ok": True, "channel": channel, "ts": message["ts"], "message": message}
        return as_json(200, answer)

    def _update(self, channel: str, arguments: dict[str, Any]) -> Outgoing:
        found = self._find(channel, arguments.get("ts"))
        if found is None:
            raise Refused("message_not_found")
        if found["by"] != "bot":
            raise Refused("cant_update_message")
        content = _content(arguments, UPDATE_TEXT_MAX)
        before = {name: found[name] for name in _MESSAGE_FIELDS}
        found["earlier"].append(before)
        found.update(content)
        found["mentions"] = slack_blocks.mentions_of(content)
        answer = {"ok": True, "channel": channel, "ts": found["ts"], "text": found["text"]}
        return as_json(200, answer)

    def _keep(
        self, channel: str, content: dict[str, Any], thread_ts: Any, author: str
    ) -> dict[str, Any]:
        if thread_ts is not None:
            parent = self._find(channel, thread_ts)
            if parent is None:
                raise Refused("thread_not_found")
            # A reply to a reply belongs to the thread of the first message.
            thread_ts = parent["thread_ts"] or parent["ts"]
        message = {
            "channel": channel,
            "ts": self._next_ts(),
            "thread_ts": thread_ts,
            "by": author,
            **content,
            # Whom it pinged, and what stood in it before it was updated.
            "mentions": slack_blocks.mentions_of(content),
            "earlier": [],
        }
        self._messages.append(message)
        return message

    def _find(self, channel: str, ts: Any) -> dict[str, Any] | None:
        return next(
            (one for one in self._messages if (one["channel"], one["ts"]) == (channel, ts)), None
        )

    def _next_ts(self) -> str:
        """A message's name in its channel: a time that no other message has."""
        self._last_ts = max(time.time(), self._last_ts + 0.000_001)
        return f"{self._last_ts:.6f}"

    def _webhook(self, request: Incoming) -> Outgoing:
        channel = self.settings["webhooks"].get(request.path.removeprefix("/services/"))
        if channel is None:
            return text(404, "no_service")
        if request.method != "POST":
            return text(405, "method_not_allowed")
        if channel in self.settings["archived"]:
            return text(410, "channel_is_archived")
        if channel not in self.settings["channels"]:
            return text(404, "channel_not_found")
        wait = self._channel_limits.take(channel) if self.settings["limits"] else 0
        if wait:
            return text(429, "rate_limited", retry_after=wait)
        try:
            arguments = _webhook_arguments(request)
            # The webhook's channel is fixed: what the message says about it is not heard.
            self._keep(channel, _content(arguments, TEXT_MAX), arguments.get("thread_ts"), "hook")
        except Refused as refusal:
            return text(400, refusal.word)
        return text(200, "ok")


def _arguments(request: Incoming) -> dict[str, Any]:
    """The arguments of a method, from JSON or from a form."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "application/json":
        try:
            arguments = json.loads(request.body or b"{}")
        except ValueError:
            raise Refused("invalid_json") from None
        if not isinstance(arguments, dict):
            raise Refused("json_not_object")
        return arguments
    if kind == "application/x-www-form-urlencoded" or not request.body:
        form = urllib.parse.parse_qs(request.body.decode("utf-8", errors="replace"))
        return {name: values[-1] for name, values in form.items()}
    raise Refused("invalid_post_type")


def _webhook_arguments(request: Incoming) -> dict[str, Any]:
    body = request.body.decode("utf-8", errors="replace")
    if body.startswith("payload="):
        body = urllib.parse.parse_qs(body)["payload"][-1]
    try:
        arguments = json.loads(body)
    except ValueError:
        raise Refused("invalid_payload") from None
    if not isinstance(arguments, dict):
        raise Refused("invalid_payload")
    return arguments


def _content(arguments: dict[str, Any], text_max: int) -> dict[str, Any]:
    """A message's text, blocks and attachments, or the refusal of them."""
    words = arguments.get("text") or ""
    blocks = _parsed(arguments.get("blocks"), "invalid_blocks_format")
    attachments = _parsed(arguments.get("attachments"), "invalid_attachments")
    if not isinstance(words, str):
        raise Refused("invalid_arguments")
    if not (words or blocks or attachments):
        raise Refused("no_text")
    if len(words) > text_max:
        raise Refused("msg_too_long")
    if len(attachments) > ATTACHMENTS_MAX:
        raise Refused("too_many_attachments")
    mistakes = slack_blocks.mistakes_of(blocks, "/blocks")
    all_blocks = [*blocks]
    for position, one in enumerate(attachments):
        if not isinstance(one, dict):
            raise Refused("invalid_attachments")
        inner = one.get("blocks") or []
        mistakes += slack_blocks.mistakes_of(inner, f"/attachments/{position}/blocks")
        all_blocks += inner if isinstance(inner, list) else []
    if mistakes:
        raise Refused("invalid_blocks", mistakes)
    if slack_blocks.text_length(all_blocks) > slack_blocks.ALL_TEXT_MAX:
        raise Refused("msg_blocks_too_long")
    return {"text": words, "blocks": blocks, "attachments": attachments}


def _parsed(value: Any, word: str) -> list[Any]:
    """A list, or the JSON of one, as a form has it."""
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError:
            raise Refused(word) from None
    if not isinstance(value or [], list):
        raise Refused(word)
    return value or []

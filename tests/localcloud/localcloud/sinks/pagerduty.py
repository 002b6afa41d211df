"""PagerDuty's Events API v2: events become incidents, known by routing key and dedup key.

https://developer.pagerduty.com/docs/events-api-v2-overview. An event is taken with 202; one that is
refused with 400 will never be taken, however often it is sent.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime
from typing import Any

from localcloud.sinks.limits import Buckets
from localcloud.sinks.sink import Incoming, Outgoing, Sink, as_json, now_iso, text

EVENT_BYTES_MAX = 512 * 1024
KEY_LENGTH = 32
DEDUP_KEY_MAX = 255
SUMMARY_MAX = 1024
# 120 events a minute and routing key.
PER_SECOND = 2.0
BURST = 120
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")

_KEY = re.compile(r"[0-9A-Za-z]{32}")
_EVENT_FIELDS = {
    *("routing_key", "event_action", "dedup_key", "payload", "images", "links"),
    *("client", "client_url"),
}
_PAYLOAD_FIELDS = {
    *("summary", "source", "severity", "timestamp", "component", "group", "class"),
    "custom_details",
}
_STATES = {"acknowledge": "acknowledged", "resolve": "resolved"}


class PagerDuty(Sink):
    """An account with some integrations, by their routing keys."""

    name = "pagerduty"

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {"routing_keys": ["0123456789abcdef0123456789abcdef", "f" * KEY_LENGTH]}
        self._incidents: list[dict[str, Any]] = []
        self._limits = Buckets(PER_SECOND, BURST)

    def kept(self) -> dict[str, Any]:
        """All incidents, the oldest first, each with what happened to it."""
        return {"incidents": self._incidents}

    def forget_kept(self) -> None:
        """Have no incidents, and take events at once."""
        self._incidents = []
        self._limits.forget()

    def error_answer(self, word: str | None) -> Outgoing:
        """PagerDuty takes an event with 202 alone; a 200 comes from something in between."""
        return as_json(200, {"status": word or "error", "message": "Event was not processed"})

    def answer(self, request: Incoming) -> Outgoing:
        """Take one event."""
        if (request.method, request.path) != ("POST", "/v2/enqueue"):
            return text(404, "Not Found")
        if len(request.body) > EVENT_BYTES_MAX:
            return _invalid(["Event exceeds the maximum size of 512 KB"], 413)
        try:
            event = json.loads(request.body)
        except ValueError:
            return _invalid(["JSON cannot be parsed"])
        if not isinstance(event, dict):
            return _invalid(["Event must be an object"])
        mistakes = _mistakes(event)
        if not mistakes and event["routing_key"] not in self.settings["routing_keys"]:
            mistakes = ["Invalid routing key"]
        if mistakes:
            return _invalid(mistakes)
        wait = self._limits.take(event["routing_key"]) if self.settings["limits"] else 0
        if wait:
            body = {
                "status": "throttle exceeded",
                "message": "Requests for this service are arriving too quickly.",
                "errors": ["Enhance Your Calm."],
            }
            return as_json(429, body, retry_after=wait)
        dedup_key = event.get("dedup_key") or uuid.uuid4().hex
        self._apply(event, dedup_key)
        return as_json(
            202, {"status": "success", "message": "Event processed", "dedup_key": dedup_key}
        )

    def _apply(self, event: dict[str, Any], dedup_key: str) -> None:
        """Open an incident, add to the open one, or close it."""
        action = event["event_action"]
        incident = next(
            (
                one
                for one in self._incidents
                if one["state"] != "resolved"
                and (one["routing_key"], one["dedup_key"]) == (event["routing_key"], dedup_key)
            ),
            None,
        )
        if incident is None and action != "trigger":
            # There is nothing open under this key, which is no mistake.
            return
        if incident is None:
            incident = {
                "routing_key": event["routing_key"],
                "dedup_key": dedup_key,
                "state": "triggered",
                "events": [],
                "log": [],
            }
            self._incidents.append(incident)
        if action == "trigger":
            incident["events"].append(event)
        else:
            incident["state"] = _STATES[action]
        incident["log"].append({"time": now_iso(), "action": action})


def _invalid(mistakes: list[str], status: int = 400) -> Outgoing:
    body = {"status": "invalid event", "message": "Event object is invalid", "errors": mistakes}
    return as_json(status, body)


def _mistakes(event: dict[str, Any]) -> list[str]:
    """Everything that is wrong about an event."""
    found = [f"'{name}' is not a field of an event" for name in sorted(set(event) - _EVENT_FIELDS)]
    key = event.get("routing_key")
    if not isinstance(key, str) or not key:
        found.append("'routing_key' is missing or blank")
    elif not _KEY.fullmatch(key):
        found.append("Length of 'routing_key' is incorrect (should be 32 characters)")
    action = event.get("event_action")
    if action not in ACTIONS:
        found.append(
            "'event_action' is missing or invalid (must be 'trigger', 'acknowledge' or 'resolve')"
        )
    dedup_key = event.get("dedup_key")
    if dedup_key is not None and not isinstance(dedup_key, str):
        found.append("'dedup_key' must be a string")
    elif len(dedup_key or "") > DEDUP_KEY_MAX:
        found.append(f"'dedup_key' is too long (maximum is {DEDUP_KEY_MAX} characters)")
    if action in _STATES and not dedup_key:
        found.append(f"'dedup_key' is required for {action} events")
    for name, required in (("links", "href"), ("images", "src")):
        listed = event.get(name, [])
        if not isinstance(listed, list) or not all(
            isinstance(one, dict) and isinstance(one.get(required), str) for one in listed
        ):
            found.append(f"'{name}' must be an array of objects with '{required}'")
    for name in ("client", "client_url"):
        if not isinstance(event.get(name, ""), str):
            found.append(f"'{name}' must be a string")
    if action == "trigger" or "payload" in event:
        found += _payload_mistakes(event.get("payload"))
    return found


def _payload_mistakes(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or not an object"]
    found = [
        f"'payload.{name}' is not a field of a payload"
        for name in sorted(set(payload) - _PAYLOAD_FIELDS)
    ]
    for name in ("summary", "source"):
        if not isinstance(payload.get(name), str) or not payload[name].strip():
            found.append(f"'payload.{name}' is missing or blank")
    if isinstance(payload.get("summary"), str) and len(payload["summary"]) > SUMMARY_MAX:
        found.append(f"'payload.summary' is too long (maximum is {SUMMARY_MAX} characters)")
    if payload.get("severity") not in SEVERITIES:
        found.append(
            "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', "
            "'error' or 'info')"
        )
    for name in ("component", "group", "class"):
        if not isinstance(payload.get(name, ""), str):
            found.append(f"'payload.{name}' must be a string")
    if "timestamp" in payload:
        try:
            datetime.fromisoformat(payload["timestamp"])
        except (TypeError, ValueError):
            found.append("'payload.timestamp' is not an ISO 8601 time")
    if not isinstance(payload.get("custom_details", {}), dict):
        found.append("'payload.custom_details' must be an object")
    return found

"""What all sinks have in common: a record of what came in, settings, limits, and faults."""

from __future__ import annotations

import collections
import dataclasses
import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

from localcloud.sinks.faults import Rule, RuleError, parse

# More than any storm in the tests; the oldest go first.
REQUESTS_MAX = 20_000
JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


@dataclasses.dataclass(frozen=True)
class Incoming:
    """A request to a sink."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclasses.dataclass(frozen=True)
class Outgoing:
    """A sink's answer."""

    status: int
    body: bytes = b""
    content_type: str = TEXT
    retry_after: int | None = None

    def headers(self) -> dict[str, str]:
        """The answer's headers."""
        headers = {"content-type": self.content_type}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return headers


def text(status: int, words: str = "", retry_after: int | None = None) -> Outgoing:
    """A plain answer."""
    return Outgoing(status, words.encode(), TEXT, retry_after)


def as_json(status: int, document: Any, retry_after: int | None = None) -> Outgoing:
    """A JSON answer."""
    return Outgoing(status, json.dumps(document).encode(), JSON, retry_after)


class SettingsError(ValueError):
    """The settings cannot be met; the message names every mistake."""


REFUSALS = (RuleError, SettingsError)


class Sink:
    """One service; what is special about it is in the subclasses."""

    name = ""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._requests: collections.deque[dict[str, Any]] = collections.deque(maxlen=REQUESTS_MAX)
        self._rules: list[Rule] = []
        self._count = 0
        # What can be changed, by name; a change must have the type of what is there.
        self.settings: dict[str, Any] = {"limits": True}

    # What a service has of its own.

    def answer(self, request: Incoming) -> Outgoing:
        """Take a request; called under the lock."""
        raise NotImplementedError

    def error_answer(self, word: str | None) -> Outgoing:
        """A status of 200 that is none: what this service says when it fails without saying so."""
        raise NotImplementedError

    def kept(self) -> Any:
        """What the service now has of all that it took."""
        return None

    def forget_kept(self) -> None:
        """Have nothing."""

    # What all have.

    def rule_for(self, request: Incoming) -> Rule | None:
        """The first rule that hits this request."""
        with self.lock:
            return next((one for one in self._rules if one.hits(request.path, request.body)), None)

    def take(self, request: Incoming) -> Outgoing:
        """Answer a request as the service would."""
        with self.lock:
            return self.answer(request)

    def write_down(self, request: Incoming, status: int, fault: str | None) -> None:
        """Keep a request; a status of 0 is one that was never answered."""
        entry = {
            "n": 0,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": request.headers,
            "body": request.body.decode("utf-8", errors="replace"),
            "status": status,
            "fault": fault,
        }
        with self.lock:
            self._count += 1
            entry["n"] = self._count
            self._requests.append(entry)

    def shown(self) -> dict[str, Any]:
        """All that the control API shows."""
        with self.lock:
            return {
                "settings": self.settings,
                "requests": list(self._requests),
                "kept": self.kept(),
            }

    def received(self) -> int:
        """How many requests came in since it forgot the last time."""
        return self._count

    def forget(self) -> None:
        """Forget all that came in, and how often; settings and faults stay."""
        with self.lock:
            self._requests.clear()
            self._count = 0
            self.forget_kept()

    def configure(self, wishes: dict[str, Any]) -> dict[str, Any]:
        """Change some settings, all of them or none."""
        mistakes = []
        for name, value in wishes.items():
            if name not in self.settings:
                known = ", ".join(sorted(self.settings))
                mistakes.append(f"{name}: no such setting; known are {known}")
            elif not isinstance(value, type(self.settings[name])):
                wanted = type(self.settings[name]).__name__
                mistakes.append(f"{name}: expected a {wanted}, found {value!r}")
        if mistakes:
            raise SettingsError("; ".join(mistakes))
        with self.lock:
            self.settings |= wishes
            return dict(self.settings)

    def replace_rules(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        """Replace all fault rules, or none when one is wrong."""
        rules = parse(document)
        with self.lock:
            self._rules = rules
        return self.show_rules()

    def show_rules(self) -> list[dict[str, Any]]:
        """The fault rules, each with how many requests it matched and hit."""
        with self.lock:
            return [dataclasses.asdict(rule) for rule in self._rules]


def now_iso() -> str:
    """The moment, as the sinks write it down."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")

"""Failures of a sink on demand: what a sender must survive without losing or repeating an alert."""

from __future__ import annotations

import dataclasses
import random
import time
from typing import Any

# How a sink can fail, and what else a rule of that kind may or must say.
KINDS = {
    "refuse": "answers `status` (400 to 599), with `retry_after` in seconds if given, and `body`",
    "error_body": "answers 200 with what is an error to this service, `error` being its word",
    "timeout": "says nothing for `seconds`, and then hangs up",
    "hang_up": "cuts the connection",
    "slow": "takes `seconds` longer",
    "dead": "cuts every connection for `seconds` from now",
}
SECONDS_DEFAULT = 60.0


class RuleError(ValueError):
    """The rules cannot be understood; the message names every mistake."""


@dataclasses.dataclass
class Rule:
    """One rule as it was asked for, and what has become of it so far."""

    kind: str
    # `after`: the request took effect, and the sender does not learn of it.
    when: str = "before"
    # Text that the request's path or body holds; any request when empty.
    about: str = ""
    rate: float = 1.0
    skip: int = 0
    count: int | None = None
    seed: int = 1
    seconds: float = SECONDS_DEFAULT
    status: int = 500
    retry_after: int | None = None
    body: str | None = None
    error: str | None = None

    matched: int = 0
    applied: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._since = time.monotonic()

    def hits(self, path: str, body: bytes) -> bool:
        """Whether this request is hit."""
        if self.about not in path and self.about.encode() not in body:
            return False
        self.matched += 1
        if self.kind == "dead":
            hit = time.monotonic() - self._since < self.seconds
        else:
            over = self.count is not None and self.applied >= self.count
            hit = self.matched > self.skip and not over and self._random.random() < self.rate
        self.applied += hit
        return hit


_ASKED = {one.name: one for one in dataclasses.fields(Rule)}
for _name in ("matched", "applied"):
    del _ASKED[_name]
_NUMBERS = {"rate": 1.0, "skip": None, "count": None, "seed": None, "seconds": None}


def parse(document: dict[str, Any]) -> list[Rule]:
    """The rules of a document, or all its mistakes."""
    wishes = document.get("rules")
    if set(document) != {"rules"} or not isinstance(wishes, list):
        raise RuleError('expected {"rules": [...]}')
    mistakes: list[str] = []
    for position, wish in enumerate(wishes):
        where = f"rules[{position}]"
        if not isinstance(wish, dict):
            mistakes.append(f"{where}: expected an object")
            continue
        for name in sorted(set(wish) - set(_ASKED)):
            mistakes.append(f"{where}.{name}: unknown; known are {', '.join(sorted(_ASKED))}")
        if wish.get("kind") not in KINDS:
            mistakes.append(f"{where}.kind: expected one of {', '.join(KINDS)}")
        if wish.get("when", "before") not in ("before", "after"):
            mistakes.append(f"{where}.when: expected before or after")
        if not 400 <= wish.get("status", 500) <= 599:
            mistakes.append(f"{where}.status: expected 400 to 599")
        for name, most in _NUMBERS.items():
            value = wish.get(name, 0)
            if not isinstance(value, int | float) or value < 0 or (most and value > most):
                mistakes.append(f"{where}.{name}: expected a number from 0 up")
    if mistakes:
        raise RuleError("; ".join(mistakes))
    return [Rule(**wish) for wish in wishes]

"""Failures on demand, which MiniStack has none of.

AWS throttles, breaks, stalls and hangs up; a function that was never seen to survive that does not.
A fault hits the call *before* it takes effect, or *after*: then it did take effect, and only the
answer is lost, which is the harder half of idempotency.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
import threading
from typing import Any, Literal, get_args

from localcloud import gateway, wire_errors
from localcloud.extensions import functions
from localcloud.extensions.calls import FAULT_NOTE, NOTE, Call
from localcloud.gateway import Proceed, Request, Send
from localcloud.settings import Settings

CallKind = Literal["throttle", "error500", "latency", "drop", "kill"]
CALL_KINDS: tuple[str, ...] = get_args(CallKind)
FAIL_RESOURCE = "fail_resource"
# A second's stall is already longer than most clients' patience in tests; more than this would
# look like a hang of the cloud itself.
LATENCY_MS_MAX = 60_000


class FaultError(ValueError):
    """The rules cannot be understood; the message names every mistake."""


@dataclasses.dataclass
class Rule:
    """One rule as it was asked for, and what has become of it so far."""

    kind: str
    service: str = "*"
    operation: str = "*"
    caller: str = ""
    # Text that the call's path or body holds: a tenant's name, say. Any call when empty.
    about: str = ""
    when: str = "before"
    rate: float = 1.0
    count: int | None = None
    skip: int = 0
    latency_ms: int = 100
    seed: int = 1
    # For `fail_resource` only: the stack's name, the resource's logical id and the reason given.
    stack: str = ""
    logical_id: str = ""
    reason: str = ""

    # Where the rule stands among its like: two rules of one seed hit different calls.
    position: int = 0

    matched: int = 0
    applied: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(f"{self.seed}/{self.position}")

    def takes(self) -> bool:
        """Whether this match, one more, is hit."""
        self.matched += 1
        if self.matched <= self.skip or (self.count is not None and self.applied >= self.count):
            return False
        if self.rate < 1.0 and self._random.random() >= self.rate:
            return False
        self.applied += 1
        return True

    def concerns(self, call: Call, request: Request) -> bool:
        """Whether the call is one of those that the rule is about."""
        return (
            self.kind in CALL_KINDS
            and self.service in ("*", call.operation.service)
            and self.operation in ("*", call.operation.name)
            and self.caller in call.caller
            and (self.about in request.path or self.about.encode() in request.body)
        )


_ASKED = {
    field.name: field
    for field in dataclasses.fields(Rule)
    if field.name not in ("position", "matched", "applied")
}
_rules: list[Rule] = []
_lock = threading.Lock()


def install(_settings: Settings) -> None:
    """Let the rules act on whatever goes through the front door."""
    gateway.add_door(_act)


def replace_rules(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Replace all rules, or none when one of them is wrong."""
    mistakes: list[str] = []
    unknown = sorted(set(document) - {"rules", "seed"})
    mistakes += [f"{name}: unknown; a document has rules and, if need be, seed" for name in unknown]
    wishes = document.get("rules")
    if not isinstance(wishes, list):
        raise FaultError("rules: expected a list of rules")
    rules = [
        _parse(position, wish, document.get("seed", 1), mistakes)
        for position, wish in enumerate(wishes)
    ]
    if mistakes:
        raise FaultError("; ".join(mistakes))
    with _lock:
        _rules[:] = [rule for rule in rules if rule is not None]
    return show_rules()


def show_rules() -> list[dict[str, Any]]:
    """The rules, each with how many calls it matched and how many it hit."""
    with _lock:
        return [dataclasses.asdict(rule) for rule in _rules]


def resource_failure(stack: str, logical_id: str) -> str | None:
    """The reason for which this CloudFormation resource is to fail now, if it is."""
    with _lock:
        for rule in _rules:
            if (
                rule.kind == FAIL_RESOURCE
                and rule.stack in ("*", stack)
                and rule.logical_id == logical_id
                and rule.takes()
            ):
                return rule.reason or "Resource creation was made to fail."
    return None


def _parse(position: int, wish: Any, seed: int, mistakes: list[str]) -> Rule | None:
    where = f"rules[{position}]"
    if not isinstance(wish, dict):
        mistakes.append(f"{where}: expected an object")
        return None
    before = len(mistakes)
    for name in sorted(set(wish) - set(_ASKED)):
        mistakes.append(f"{where}.{name}: unknown; known are {', '.join(sorted(_ASKED))}")
    kinds = (*CALL_KINDS, FAIL_RESOURCE)
    if wish.get("kind") not in kinds:
        mistakes.append(f"{where}.kind: expected one of {', '.join(kinds)}")
    if wish.get("when", "before") not in ("before", "after"):
        mistakes.append(f"{where}.when: expected before or after")
    if wish.get("kind") == "throttle" and wish.get("when") == "after":
        mistakes.append(f"{where}.when: a throttled call never takes effect; expected before")
    rate = wish.get("rate", 1.0)
    if not isinstance(rate, int | float) or not 0 <= rate <= 1:
        mistakes.append(f"{where}.rate: expected a share between 0 and 1")
    for name in ("count", "skip", "latency_ms", "seed"):
        value = wish.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            mistakes.append(f"{where}.{name}: expected a whole number from 0 up")
        elif name == "latency_ms" and value > LATENCY_MS_MAX:
            mistakes.append(f"{where}.latency_ms: expected at most {LATENCY_MS_MAX}")
    if wish.get("kind") == FAIL_RESOURCE and not wish.get("logical_id"):
        mistakes.append(f"{where}.logical_id: which resource is to fail?")
    if wish.get("kind") == FAIL_RESOURCE and not wish.get("stack"):
        mistakes.append(f"{where}.stack: in which stack? (* for any)")
    if len(mistakes) > before:
        return None
    return Rule(**{"seed": seed, **wish, "position": position})


def _rules_for(call: Call, request: Request) -> list[Rule]:
    """The rules that hit this call: any number of stalls, and the first of the fatal ones."""
    hits: list[Rule] = []
    fatal = False
    with _lock:
        for rule in _rules:
            stalls = rule.kind == "latency"
            if rule.concerns(call, request) and (stalls or not fatal) and rule.takes():
                hits.append(rule)
                fatal = fatal or not stalls
    return hits


async def _act(request: Request, send: Send, proceed: Proceed) -> None:
    call: Call | None = request.notes.get(NOTE)
    rules = _rules_for(call, request) if call else []
    if call is None or not rules:
        await proceed(request, send)
        return
    request.notes[FAULT_NOTE] = ", ".join(f"{rule.kind} {rule.when}" for rule in rules)
    # Stalls come first, so that one call can be slow and then fail.
    for rule in rules:
        if rule.kind == "latency" and rule.when == "before":
            await asyncio.sleep(rule.latency_ms / 1000)
    fatal = next((rule for rule in rules if rule.kind != "latency"), None)
    if fatal is not None and fatal.when == "before":
        await _fail(fatal.kind, call, request, send)
        return
    kept = gateway.Answer()
    await proceed(request, kept.keep)
    for rule in rules:
        if rule.kind == "latency" and rule.when == "after":
            await asyncio.sleep(rule.latency_ms / 1000)
    if fatal is not None:
        await _fail(fatal.kind, call, request, send)
        return
    for message in kept.messages:
        await send(message)


async def _fail(kind: str, call: Call, request: Request, send: Send) -> None:
    """Do to the caller what the rule says, instead of answering it."""
    service, operation = call.operation.service, call.operation.name
    if kind in ("throttle", "error500"):
        failure = (
            wire_errors.throttle(service, operation, request)
            if kind == "throttle"
            else wire_errors.server_error(service, request)
        )
        await gateway.answer(send, failure.status, failure.headers, failure.body)
        return
    if kind == "kill":
        functions.kill_caller(request.client)
    gateway.hang_up(request)

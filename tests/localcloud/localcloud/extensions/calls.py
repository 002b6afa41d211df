"""A record of every AWS call, which MiniStack does not keep.

What a function costs on AWS is in good part the calls it makes, and what it does wrong shows there
first: a call too many, a call in a loop, a call by the wrong role. Calls that MiniStack's services
make of one another stay inside the process and are not recorded; AWS does not bill those either.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import threading
import time
from datetime import UTC, datetime
from typing import Any

from localcloud import gateway
from localcloud.extensions import rotation
from localcloud.gateway import Proceed, Request, Send
from localcloud.operations import Operation, identify
from localcloud.settings import ACCOUNT_ID, Settings

# Enough for the largest bench (50 tenants, some hundred calls each, tests polling beside it); the
# oldest go first.
RECORDS_MAX = 200_000

# What a request's notes hold for the doors further in.
NOTE = "call"
# Set by the fault that hit the call.
FAULT_NOTE = "fault"
# The status of a call whose caller never got an answer.
NO_ANSWER = 0


@dataclasses.dataclass(frozen=True)
class Call:
    """One AWS call as the door saw it come in."""

    operation: Operation
    caller: str


_records: collections.deque[dict[str, Any]] = collections.deque(maxlen=RECORDS_MAX)
_numbers = itertools.count(1)
_lock = threading.Lock()


def install(_settings: Settings) -> None:
    """Record what goes through the front door."""
    gateway.add_door(_record)


def recorded(
    service: str | None = None, operation: str | None = None, caller: str | None = None
) -> list[dict[str, Any]]:
    """The calls so far, oldest first; a caller is asked for by any part of its name."""
    with _lock:
        records = list(_records)
    return [
        record
        for record in records
        if service in (None, record["service"])
        and operation in (None, record["operation"])
        and (caller is None or caller in record["caller"])
    ]


def forget() -> None:
    """Start the record anew, counting from 1."""
    global _numbers
    with _lock:
        _records.clear()
        _numbers = itertools.count(1)


async def _record(request: Request, send: Send, proceed: Proceed) -> None:
    operation = identify(request)
    if operation is None:
        await proceed(request, send)
        return
    call = Call(operation, caller_of(operation.access_key_id))
    step = rotation.step_of(call.caller)
    request.notes[NOTE] = call
    status = NO_ANSWER
    started = time.monotonic()
    came_in = datetime.now(UTC).isoformat(timespec="milliseconds")

    def write_down() -> None:
        entry = {
            "n": 0,
            "time": came_in,
            "service": operation.service,
            "operation": operation.name,
            "caller": call.caller,
            "status": status,
            "duration_ms": round((time.monotonic() - started) * 1000, 1),
        }
        if step is not None:
            entry["step"] = step
        if FAULT_NOTE in request.notes:
            entry["fault"] = request.notes[FAULT_NOTE]
        with _lock:
            entry["n"] = next(_numbers)
            _records.append(entry)

    async def watch(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            # Before the caller can see the answer, so that whoever was answered finds its call.
            write_down()
        await send(message)

    await proceed(request, watch)
    if status == NO_ANSWER:
        write_down()


def caller_of(access_key_id: str) -> str:
    """The ARN behind an access key, or the key itself when nobody owns it."""
    from ministack.core import iam_evaluator

    credential = iam_evaluator.resolve_credential(access_key_id, ACCOUNT_ID)
    if isinstance(credential, iam_evaluator.CredentialResolutionError):
        return f"unknown key {access_key_id}"
    return str(credential.principal_arn)

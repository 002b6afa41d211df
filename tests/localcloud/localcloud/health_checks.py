"""The load balancer's health checks: real requests to real targets.

MiniStack calls every target healthy. But a tenant is active when its application answers, and the
load balancer's word is how Caretaker knows. One thread checks all targets of all groups that a
listener uses, at the pace their groups ask for, times the setting ``health_check_pace``.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import ssl
import threading
import time
from typing import Any

from localcloud.settings import current

logger = logging.getLogger("localcloud")

# How often it is looked whether a check is due; the shortest interval that makes sense.
TICK_SECONDS = 0.05
# A status line is shorter than this by far.
STATUS_LINE_BYTES_MAX = 4096

# Group's ARN, target's id and port.
TargetKey = tuple[str, str, int]


@dataclasses.dataclass
class Health:
    """What is known of one target, in the words of DescribeTargetHealth."""

    state: str = "initial"
    reason: str | None = "Elb.InitialHealthChecking"
    description: str | None = "Initial health checks in progress"
    failures: int = 0
    successes: int = 0
    due: float = 0.0
    checking: bool = False


@dataclasses.dataclass(frozen=True)
class Check:
    """How a group's targets are checked; seconds are already at the local cloud's pace."""

    protocol: str
    path: str
    port: int
    matcher: str
    interval_seconds: float
    timeout_seconds: float
    healthy_threshold: int
    unhealthy_threshold: int


_health: dict[TargetKey, Health] = {}


def start() -> None:
    """Begin checking, for as long as the process lives."""
    threading.Thread(target=_run, name="health-checks", daemon=True).start()


def of(key: TargetKey) -> Health:
    """What is known of a registered target."""
    return _health.get(key) or Health(
        reason="Elb.RegistrationInProgress", description="Target registration is in progress"
    )


def targets_of(group: dict[str, Any]) -> list[dict[str, Any]]:
    """A group's registered targets, each with its id and port."""
    from ministack.services import alb

    targets = alb._targets.get_scoped(*_scope(group), group["TargetGroupArn"], [])
    return [{"Id": one["Id"], "Port": port_of(one, group)} for one in list(targets)]


def port_of(target: dict[str, Any], group: dict[str, Any]) -> int:
    """The target's own port, or its group's."""
    return int(target.get("Port") or group.get("Port") or 80)


def in_use(group_arn: str) -> bool:
    """Whether a listener or one of its rules sends requests to the group."""
    from ministack.services import alb

    actions = [
        action
        for _, rule in [*alb._rules.all_items(), *alb._listeners.all_items()]
        for action in [*rule.get("Actions", []), *rule.get("DefaultActions", [])]
    ]
    return any(
        action.get("TargetGroupArn") == group_arn
        or any(
            one.get("TargetGroupArn") == group_arn
            for one in (action.get("ForwardConfig") or {}).get("TargetGroups", [])
        )
        for action in actions
    )


def _scope(group: dict[str, Any]) -> tuple[str, str]:
    """The account and region of a group, which MiniStack's stores are keyed by."""
    parts = group["TargetGroupArn"].split(":")
    return parts[4], parts[3]


def _run() -> None:
    asyncio.run(_check_forever())


async def _check_forever() -> None:
    checks: set[asyncio.Task[None]] = set()
    while True:
        try:
            for key, check in _due():
                task = asyncio.create_task(_check(key, check))
                checks.add(task)
                task.add_done_callback(checks.discard)
        except RuntimeError as error:
            # A store grew while it was walked; the next tick sees it whole.
            logger.debug("health checks: %s", error)
        await asyncio.sleep(TICK_SECONDS)


def _due() -> list[tuple[TargetKey, Check]]:
    """The targets to be checked now; those that are gone are forgotten."""
    from ministack.services import alb

    now = time.monotonic()
    registered: set[TargetKey] = set()
    due = []
    for _, group in alb._tgs.all_items():
        arn = group["TargetGroupArn"]
        targets = targets_of(group)
        if not targets or group.get("TargetType") == "lambda" or not in_use(arn):
            continue
        for target in targets:
            key = (arn, target["Id"], target["Port"])
            registered.add(key)
            health = _health.setdefault(key, Health())
            if not health.checking and health.due <= now:
                check = _check_of(group, target["Port"])
                health.checking = True
                health.due = now + check.interval_seconds
                due.append((key, check))
    for key in set(_health) - registered:
        del _health[key]
    return due


def _check_of(group: dict[str, Any], target_port: int) -> Check:
    pace = current().health_check_pace
    port = group.get("HealthCheckPort") or "traffic-port"
    return Check(
        protocol=str(group.get("HealthCheckProtocol") or "HTTP").upper(),
        path=group.get("HealthCheckPath") or "/",
        port=target_port if port == "traffic-port" else int(port),
        matcher=str((group.get("Matcher") or {}).get("HttpCode") or "200"),
        interval_seconds=float(group.get("HealthCheckIntervalSeconds") or 30) * pace,
        # Not paced: a slow answer is slow on any clock.
        timeout_seconds=float(group.get("HealthCheckTimeoutSeconds") or 5),
        healthy_threshold=int(group.get("HealthyThresholdCount") or 5),
        unhealthy_threshold=int(group.get("UnhealthyThresholdCount") or 2),
    )


async def _check(key: TargetKey, check: Check) -> None:
    failure = await _failure(key[1], check)
    health = _health.get(key)
    if health is None:
        return
    health.checking = False
    if failure is None:
        health.failures = 0
        health.successes += 1
        # A new target is in service after its first good answer, one that was unhealthy after
        # several.
        if health.state == "initial" or health.successes >= check.healthy_threshold:
            health.state, health.reason, health.description = "healthy", None, None
        return
    health.successes = 0
    health.failures += 1
    if health.failures >= check.unhealthy_threshold:
        health.state = "unhealthy"
        health.reason, health.description = failure


async def _failure(host: str, check: Check) -> tuple[str, str] | None:
    """Why a target fails its check: the reason's code and its description. None when it passes."""
    try:
        async with asyncio.timeout(check.timeout_seconds):
            status = await _ask(host, check)
    except TimeoutError:
        return "Target.Timeout", "Request timed out"
    except (OSError, ValueError, asyncio.IncompleteReadError):
        return "Target.FailedHealthChecks", "Health checks failed"
    if status is None or _matches(status, check.matcher):
        return None
    return (
        "Target.ResponseCodeMismatch",
        f"Health checks failed with these codes: [{status}]",
    )


async def _ask(host: str, check: Check) -> int | None:
    """One request; its status, or None where being reachable is all that is asked."""
    context = ssl._create_unverified_context() if check.protocol == "HTTPS" else None
    reader, writer = await asyncio.open_connection(host, check.port, ssl=context)
    try:
        if check.protocol not in ("HTTP", "HTTPS"):
            return None
        writer.write(
            f"GET {check.path} HTTP/1.1\r\nHost: {host}:{check.port}\r\n"
            "User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        line = (await reader.readline())[:STATUS_LINE_BYTES_MAX]
        return int(line.split(b" ", 2)[1])
    except IndexError:
        raise ValueError("the answer has no status line") from None
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _matches(status: int, matcher: str) -> bool:
    """Whether a status is among those of a matcher like ``200``, ``200,202`` or ``200-299``."""
    for part in matcher.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= status <= int(high or low):
            return True
    return False

"""ECS services: deployments are complete when their tasks are healthy, and failures are paced.

MiniStack calls a first deployment complete before a task has started, any other one when its tasks
have run for a second, and starts a task that has died again at once. Here a deployment waits for
the health of its containers and of its targets, as ECS does, and a task that keeps dying is started
again after longer and longer waits.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from localcloud import health_checks
from localcloud.settings import current

Task = dict[str, Any]

# How often a deployment's tasks are looked at until they are healthy.
HEALTH_POLL_SECONDS = 0.2
# ECS waits longer and longer before it starts a task again that keeps failing. On AWS the waits
# grow to 15 minutes; here it is enough that a broken task does not keep the machine busy.
RESTART_FIRST_SECONDS = 0.2
RESTART_MAX_SECONDS = 5.0

_failures: dict[str, int] = {}
_service_locks: dict[str, Any] = {}
_lock = threading.Lock()


def install() -> None:
    """Extend MiniStack's service scheduler."""
    from ministack.services import ecs

    ecs._sanitize = functools.partial(_show, ecs._sanitize)
    ecs._make_deployment = functools.partial(_begin_deployment, ecs._make_deployment)
    ecs._reconcile_service_tasks = functools.partial(_one_at_a_time, ecs._reconcile_service_tasks)
    ecs._record_service_task_failure = functools.partial(
        _record_failure, ecs._record_service_task_failure
    )
    ecs._schedule_service_deployment_completion = functools.partial(
        _complete_when_healthy, ecs._schedule_service_deployment_completion
    )


def _show(original: Callable[[Any], Any], stored: Any) -> Any:
    """A service's task says which deployment started it; MiniStack keeps the service's name there,
    by which it finds the service's tasks.
    """
    shown = original(stored)
    if isinstance(stored, dict) and "taskArn" in stored and stored.get("_deployment_id"):
        shown["startedBy"] = stored["_deployment_id"]
    return shown


def _begin_deployment(original: Callable[..., Task], *arguments: Any, **named: Any) -> Task:
    """A service's first deployment is under way, too, until its tasks are there."""
    deployment = original(*arguments, **named)
    deployment["rolloutState"] = "IN_PROGRESS"
    deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} in progress."
    return deployment


def _one_at_a_time(original: Callable[..., None], cluster: str, service_key: str) -> None:
    """Two looks at one service at the same moment would each start the task that is missing."""
    with _lock:
        lock = _service_locks.setdefault(service_key, threading.RLock())
    with lock:
        original(cluster, service_key)


def _record_failure(
    original: Callable[..., None], task: Task, digest_resolution_failed: bool = False
) -> None:
    """Count a failed task, but only after a while: that is what starts the next one."""
    from ministack.core.concurrency import spawn_background

    deployment = task.get("_deployment_id") or task["taskArn"]
    with _lock:
        _failures[deployment] = _failures.get(deployment, 0) + 1
        seconds = min(RESTART_FIRST_SECONDS * 2 ** (_failures[deployment] - 1), RESTART_MAX_SECONDS)

    def record() -> None:
        time.sleep(seconds)
        original(task, digest_resolution_failed)

    spawn_background(record, thread_name=f"restart-{deployment[-8:]}")


def _complete_when_healthy(
    original: Callable[..., None],
    cluster: str,
    service_key: str,
    account_id: str,
    region: str,
    healthy_task: Task | None = None,
) -> None:
    """Call a deployment complete once its tasks run, and are healthy where anybody checks."""
    from ministack.core.concurrency import spawn_background
    from ministack.core.responses import request_scope
    from ministack.services import ecs

    if healthy_task is None or "/" not in service_key:
        original(cluster, service_key, account_id, region, healthy_task)
        return
    group = f"service:{service_key.split('/', 1)[1]}"

    def watch() -> None:
        with request_scope(account_id, region):
            time.sleep(ecs._ECS_DEPLOYMENT_STEADY_DELAY)
            while not _is_healthy(healthy_task, service_key):
                if not _is_awaited(healthy_task, service_key):
                    return
                time.sleep(HEALTH_POLL_SECONDS)
            deployment = healthy_task.get("_deployment_id")
            with _lock:
                _failures.pop(deployment or "", None)
            ecs._record_service_task_healthy(service_key, healthy_task)
            ecs._refresh_service_state(cluster, group)
            ecs._reconcile_service_tasks(cluster, service_key)
            ecs._complete_service_deployment(
                cluster, service_key, expected_deployment_id=deployment
            )

    spawn_background(watch, thread_name=f"deployment-{service_key.rsplit('/', 1)[-1][:16]}")


def _is_awaited(task: Task, service_key: str) -> bool:
    """Whether the task may still become healthy."""
    from ministack.services import ecs

    service = ecs._services.get(service_key) or {}
    return ecs._task_is_active(task["taskArn"], task) and service.get("status") == "ACTIVE"


def _is_healthy(task: Task, service_key: str) -> bool:
    """Whether the task runs, its checked containers are healthy, and so are its targets."""
    from ministack.services import ecs

    if not _is_awaited(task, service_key) or task.get("lastStatus") != "RUNNING":
        return False
    definition = ecs._task_defs.get(ecs._resolve_td_key(task["taskDefinitionArn"])) or {}
    checked = any(
        one.get("healthCheck") and one.get("essential", True)
        for one in definition.get("containerDefinitions", [])
    )
    if checked and task.get("healthStatus") != "HEALTHY":
        return False
    return all(state == "healthy" for _, state in target_states(task, service_key))


def target_states(task: Task, service_key: str) -> list[tuple[str, str]]:
    """The target groups that the service registers the task in, and what they say of it."""
    from ministack.services import ecs

    address = ecs._task_ip(task)
    service = ecs._services.get(service_key) or {}
    states = []
    for balancer in service.get("loadBalancers", []):
        group = balancer.get("targetGroupArn")
        # A group that no listener uses checks nothing.
        if group and address and health_checks.in_use(group):
            target = (group, address, int(balancer["containerPort"]))
            states.append((group, health_checks.of(target).state))
    return states


def rejecting_group(task: Task, service_key: str) -> str | None:
    """A target group that calls the task unhealthy although its time to start is over."""
    from ministack.services import ecs

    service = ecs._services.get(service_key) or {}
    settings = current()
    grace = float(service.get("healthCheckGracePeriodSeconds") or 0) * settings.health_check_pace
    started = ecs._ts_to_epoch(task.get("startedAt"))
    if not started or time.time() - started < max(grace, settings.ecs_grace_seconds):
        return None
    return next(
        (group for group, state in target_states(task, service_key) if state == "unhealthy"), None
    )

"""Events of ECS and RDS on the default bus, which MiniStack publishes none of.

RDS's are told to us by the extension that drives the databases. ECS changes its records in a dozen
places, so its tasks and services are watched instead: whatever differs from the last look is an
event. Two changes between two looks would be one; so a task that was started and stopped in the
meantime is reported as running first, as AWS does.

CloudFormation's events are told where its stack engine is patched (``cloudformation.py``).
"""

from __future__ import annotations

import copy
import logging
import threading
import time
from datetime import UTC, datetime
from typing import Any

from localcloud import internal_events
from localcloud.settings import Settings

logger = logging.getLogger("localcloud")

# Often enough for tests that wait for an event, seldom enough to cost nothing (a look at 300 tasks
# takes about a millisecond).
LOOK_SECONDS = 0.1

_DETAIL_TYPES = {
    "DB_INSTANCE": "RDS DB Instance Event",
    "SNAPSHOT": "RDS DB Snapshot Event",
    "CLUSTER": "RDS DB Cluster Event",
    "CLUSTER_SNAPSHOT": "RDS DB Cluster Snapshot Event",
}
_ROLLOUTS = {
    "IN_PROGRESS": ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
    "COMPLETED": ("INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
    "FAILED": ("ERROR", "SERVICE_DEPLOYMENT_FAILED"),
}


def install(_settings: Settings) -> None:
    """Listen to RDS and watch ECS."""
    from localcloud.extensions import rds

    rds.listeners.append(_tell_rds)
    threading.Thread(target=_watch, name="watch-ecs", daemon=True).start()


def _tell_rds(event: Any) -> None:
    kind = event.source_type.upper().replace("-", "_").replace(" ", "_")
    kind = {"DB_SNAPSHOT": "SNAPSHOT", "DB_CLUSTER": "CLUSTER"}.get(kind, kind)
    kind = {"DB_CLUSTER_SNAPSHOT": "CLUSTER_SNAPSHOT"}.get(kind, kind)
    internal_events.publish(
        "aws.rds",
        _DETAIL_TYPES[kind],
        {
            "EventCategories": [event.category],
            "SourceType": kind,
            "SourceArn": event.source_arn,
            "Date": _iso(time.time()),
            "Message": event.message,
            "SourceIdentifier": event.source_id,
            "EventID": event.event_id,
        },
        [event.source_arn],
    )


class _Watcher:
    """What was seen at the last look."""

    def __init__(self) -> None:
        self._tasks: dict[str, tuple[Any, ...]] = {}
        self._versions: dict[str, int] = {}
        self._rollouts: dict[str, str] = {}
        self._steady: dict[str, bool] = {}

    def look(self) -> None:
        """Publish what has changed since the last look."""
        from ministack.services import ecs

        for _, task in ecs._tasks.all_items():
            self._look_at_task(ecs._sanitize(copy.deepcopy(task)))
        for _, service in ecs._services.all_items():
            self._look_at_service(copy.deepcopy(service))

    def _look_at_task(self, task: dict[str, Any]) -> None:
        arn = task["taskArn"]
        state = (
            task.get("lastStatus"),
            task.get("desiredStatus"),
            tuple(
                (one.get("lastStatus"), one.get("exitCode"), one.get("healthStatus"))
                for one in task.get("containers", [])
            ),
        )
        before = self._tasks.get(arn)
        if before == state:
            return
        was_running = before is not None and before[0] not in (None, "PROVISIONING", "PENDING")
        if task.get("lastStatus") == "STOPPED" and task.get("startedAt") and not was_running:
            self._publish_task(arn, _as_it_ran(task))
        self._tasks[arn] = state
        self._publish_task(arn, task)

    def _publish_task(self, arn: str, task: dict[str, Any]) -> None:
        self._versions[arn] = self._versions.get(arn, 0) + 1
        detail = _with_iso_times(task)
        detail["version"] = self._versions[arn]
        detail["updatedAt"] = _iso(time.time())
        # Tags are on the task but not in its events.
        detail.pop("tags", None)
        internal_events.publish("aws.ecs", "ECS Task State Change", detail, [arn])

    def _look_at_service(self, service: dict[str, Any]) -> None:
        arn = service["serviceArn"]
        for deployment in service.get("deployments", []):
            rollout = deployment.get("rolloutState")
            seen = self._rollouts.get(deployment["id"])
            if rollout not in _ROLLOUTS or rollout == seen:
                continue
            self._rollouts[deployment["id"]] = rollout
            if seen is None and rollout != "IN_PROGRESS":
                _publish_rollout(arn, deployment["id"], "IN_PROGRESS", None)
            reason = deployment.get("rolloutStateReason")
            _publish_rollout(arn, deployment["id"], rollout, reason)
        self._look_at_steadiness(arn, service)

    def _look_at_steadiness(self, arn: str, service: dict[str, Any]) -> None:
        # A deployment that failed stays listed after its tasks are gone.
        deployments = [
            one for one in service.get("deployments", []) if one.get("rolloutState") != "FAILED"
        ]
        steady = (
            service.get("status") == "ACTIVE"
            and len(deployments) == 1
            and deployments[0].get("rolloutState") == "COMPLETED"
            and service.get("runningCount") == service.get("desiredCount")
            and not service.get("pendingCount")
        )
        if steady and not self._steady.get(arn):
            internal_events.publish(
                "aws.ecs",
                "ECS Service Action",
                {
                    "eventType": "INFO",
                    "eventName": "SERVICE_STEADY_STATE",
                    "clusterArn": service.get("clusterArn"),
                    "createdAt": _iso(time.time()),
                },
                [arn],
            )
        self._steady[arn] = steady


def _publish_rollout(arn: str, deployment_id: str, rollout: str, reason: str | None) -> None:
    event_type, name = _ROLLOUTS[rollout]
    words = rollout.lower().replace("_", " ")
    internal_events.publish(
        "aws.ecs",
        "ECS Deployment State Change",
        {
            "eventType": event_type,
            "eventName": name,
            "deploymentId": deployment_id,
            "updatedAt": _iso(time.time()),
            "reason": reason or f"ECS deployment {deployment_id} {words}.",
        },
        [arn],
    )


def _watch() -> None:
    watcher = _Watcher()
    while True:
        time.sleep(LOOK_SECONDS)
        try:
            watcher.look()
        except RuntimeError as error:
            # A record grew while it was being copied; the next look sees it whole.
            logger.debug("watching ECS: %s", error)


def _as_it_ran(task: dict[str, Any]) -> dict[str, Any]:
    """The stopped task as it was while it ran."""
    running = copy.deepcopy(task)
    running["lastStatus"] = running["desiredStatus"] = "RUNNING"
    for name in ("stopCode", "stoppedReason", "stoppedAt", "stoppingAt", "executionStoppedAt"):
        running.pop(name, None)
    for container in running.get("containers", []):
        container["lastStatus"] = "RUNNING"
        container.pop("exitCode", None)
        container.pop("reason", None)
    return running


def _with_iso_times(value: Any) -> Any:
    """Events carry times as text where the API carries seconds."""
    if isinstance(value, dict):
        return {
            name: _iso(inner)
            if name.endswith("At") and isinstance(inner, int | float)
            else _with_iso_times(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_iso_times(inner) for inner in value]
    return value


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

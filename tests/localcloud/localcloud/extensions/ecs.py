"""ECS: tasks live and die as they do on Fargate.

MiniStack starts a task's containers and notices that they end. What it leaves out, and what is
added here: container health checks; a stopped task's true exit codes; a stop that gives the
containers their time instead of one that is over before it began; sidecars that end with their
task; logs that are complete once a task is STOPPED; network interfaces in full.

Services and their deployments are in ``ecs_deployments``, templates in ``ecs_templates``.
"""

from __future__ import annotations

import functools
import logging
import secrets
import threading
from collections.abc import Callable
from typing import Any

from localcloud.extensions import ecs_deployments, ecs_templates
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.ecs")

Task = dict[str, Any]
Definition = dict[str, Any]

NANOSECONDS = 1_000_000_000
# Fargate's default stopTimeout is 30 s, its maximum 120 s. Programs here are small: who has not
# ended after 5 s will not.
STOP_SECONDS_DEFAULT = 5.0
STOP_SECONDS_MAX = 10.0
# A log forwarder has read everything a moment after its container has ended.
LOGS_SECONDS = 5.0
_HEALTH = {"starting": "UNKNOWN", "healthy": "HEALTHY", "unhealthy": "UNHEALTHY"}

_forwarders: dict[str, list[threading.Thread]] = {}
_lock = threading.Lock()


def install(_settings: Settings) -> None:
    """Extend MiniStack's ECS; all of it works with a real container engine as well."""
    from ministack.services import ecs

    ecs._run_docker_container = functools.partial(_run_container, ecs._run_docker_container)
    ecs._build_run_kwargs = functools.partial(_run_options, ecs._build_run_kwargs)
    ecs._record_task_ip = functools.partial(_record_address, ecs._record_task_ip)
    ecs._start_awslogs_forwarder = _forward_logs
    ecs._maybe_mark_stopped = _observe
    # The same call by a person and by the service scheduler; they differ in the task's stop code.
    ecs._ACTION_MAP["StopTask"] = functools.partial(_stop_task, "UserInitiated")
    ecs._stop_task = functools.partial(_stop_task, "ServiceSchedulerInitiated")
    ecs_deployments.install()
    ecs_templates.install()


def _run_container(original: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """An image that cannot be had is told as such, for tasks of no service as well."""
    from docker.errors import ImageNotFound
    from ministack.services import ecs

    try:
        return original(*arguments, **named)
    except ImageNotFound as error:
        raise ecs._ImagePullError(str(error)) from error


def _run_options(
    original: Callable[..., dict[str, Any]], definition: Definition, *arguments: Any, **named: Any
) -> dict[str, Any]:
    """What a container is started with, now with its health check, entry point and folder."""
    options = original(definition, *arguments, **named)
    if check := definition.get("healthCheck"):
        options["healthcheck"] = {
            "test": check["command"],
            "interval": int(check.get("interval") or 30) * NANOSECONDS,
            "timeout": int(check.get("timeout") or 5) * NANOSECONDS,
            "retries": int(check.get("retries") or 3),
            "start_period": int(check.get("startPeriod") or 0) * NANOSECONDS,
        }
    for ours, theirs in (("entryPoint", "entrypoint"), ("workingDirectory", "working_dir")):
        if definition.get(ours):
            options[theirs] = definition[ours]
    if definition.get("user"):
        options["user"] = definition["user"]
    if definition.get("readonlyRootFilesystem"):
        options["read_only"] = True
    return options


def _record_address(
    original: Callable[..., None], task: Task, container: Any, network: str
) -> None:
    """A task's one network interface, as its attachment and as each container sees it."""
    original(task, container, network)
    address = task.get("_container_ip")
    if not address or task.get("_network_mode") != "awsvpc":
        return
    attachment = task["attachments"][0]
    details = {detail["name"]: detail["value"] for detail in attachment["details"]}
    if "networkInterfaceId" not in details:
        details = {
            "subnetId": details.get("subnetId", ""),
            "networkInterfaceId": f"eni-{secrets.token_hex(8)}",
            "macAddress": "02:" + ":".join(secrets.token_hex(1) for _ in range(5)),
            "privateDnsName": f"ip-{address.replace('.', '-')}.ec2.internal",
            "privateIPv4Address": address,
        }
        attachment["details"] = [
            {"name": name, "value": value} for name, value in details.items() if value
        ]
    for one in task.get("containers", []):
        one["networkInterfaces"] = [
            {"attachmentId": attachment["id"], "privateIpv4Address": address}
        ]


def _forward_logs(container: Any, definition: Definition, task_id: str) -> None:
    """Start the awslogs driver, and remember it: a task is not STOPPED before its logs are in."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import ecs

    config = ecs._awslogs_config(definition, task_id, container.id)
    if not config:
        return
    thread = threading.Thread(
        target=ecs._forward_awslogs,
        args=(container, config, get_account_id(), config["region"] or get_region()),
        name=f"awslogs-{task_id[:8]}-{definition.get('name')}",
        daemon=True,
    )
    thread.start()
    with _lock:
        _forwarders.setdefault(task_id, []).append(thread)


def _observe(task: Task, docker_client: Any = None) -> None:
    """Compare a running task with its containers; end it when ECS would."""
    from ministack.core.concurrency import resource_lock
    from ministack.services import ecs

    arn = task.get("taskArn", "")
    client = docker_client or ecs._get_docker()
    with resource_lock("ecs-task", arn):
        if (
            not ecs._task_is_active(arn, task)
            or task.get("lastStatus") != "RUNNING"
            or not task.get("_docker_ids")
            or client is None
        ):
            return
        states = _states(task, client)
        _note_states(task, states)
        essentials = [*task.get("_container_essentials", [])]
    ended = [index for index, (status, _, _) in states.items() if status == "exited"]
    essential = [index for index in ended if index >= len(essentials) or essentials[index]]
    if essential or len(ended) == len(states):
        _begin_stop(task, "Essential container in task exited", "EssentialContainerExited")
        return
    sick = [
        index
        for index, (_, _, health) in states.items()
        if health == "UNHEALTHY" and (index >= len(essentials) or essentials[index])
    ]
    # Only a service replaces its unhealthy tasks; a task of its own goes on, and says so.
    service_key = _service_key(task)
    if service_key is None:
        return
    if sick:
        name = task["containers"][sick[0]]["name"]
        reason = f"Task failed container health checks ({name})"
        _begin_stop(task, reason, "ServiceSchedulerInitiated")
    elif group := ecs_deployments.rejecting_group(task, service_key):
        reason = f"Task failed ELB health checks in (target-group {group})"
        _begin_stop(task, reason, "ServiceSchedulerInitiated")


def _service_key(task: Task) -> str | None:
    """Where MiniStack keeps the service that the task belongs to, if it belongs to one."""
    from ministack.services import ecs

    cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
    kind, _, name = task.get("group", "").partition(":")
    return f"{cluster}/{name}" if cluster and kind == "service" else None


def _states(task: Task, client: Any) -> dict[int, tuple[str, int | None, str | None]]:
    """Status, exit code and health of each container that can be inspected."""
    states: dict[int, tuple[str, int | None, str | None]] = {}
    for index, container_id in enumerate(task["_docker_ids"]):
        try:
            container = client.containers.get(container_id)
            container.reload()
            state = container.attrs["State"]
        except Exception as error:
            # An engine that does not answer is no proof that the container has ended.
            logger.debug("cannot inspect %s: %s", container_id, error)
            states[index] = ("unknown", None, None)
            continue
        ended = state["Status"] == "exited"
        health = (state.get("Health") or {}).get("Status")
        states[index] = (
            state["Status"],
            int(state["ExitCode"]) if ended else None,
            _HEALTH.get(health or ""),
        )
    return states


def _note_states(task: Task, states: dict[int, tuple[str, int | None, str | None]]) -> None:
    essentials = task.get("_container_essentials", [])
    overall: list[str] = []
    for index, (status, code, health) in states.items():
        if index >= len(task["containers"]):
            continue
        record = task["containers"][index]
        if status == "exited":
            record["lastStatus"] = "STOPPED"
            record["exitCode"] = code
        if health is not None:
            record["healthStatus"] = health
            if index >= len(essentials) or essentials[index]:
                overall.append(health)
    # ECS: unhealthy when any essential container is, healthy when all that are checked are.
    if overall:
        for verdict in ("UNHEALTHY", "UNKNOWN", "HEALTHY"):
            if verdict in overall:
                task["healthStatus"] = verdict
                break


def _stop_task(stop_code: str, data: dict[str, Any]) -> Any:
    """StopTask: answers at once with a task on its way down."""
    from ministack.core.responses import error_response_json, json_response
    from ministack.services import ecs

    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    if cluster is None:
        return error_response_json("ClusterNotFoundException", "Cluster not found.", 400)
    task = ecs._resolve_task(data.get("task", ""), cluster)
    if not task:
        return error_response_json(
            "InvalidParameterException", "The referenced task was not found.", 400
        )
    _begin_stop(task, data.get("reason", "Task stopped by user"), stop_code)
    return json_response({"task": ecs._sanitize(task)})


def _begin_stop(task: Task, reason: str, code: str) -> None:
    """Take the task out of service at once, and its containers down behind the caller's back."""
    from ministack.core.concurrency import resource_lock, spawn_background
    from ministack.services import ecs

    arn = task["taskArn"]
    with resource_lock("ecs-task", arn):
        if not ecs._task_is_active(arn, task):
            return
        ecs._bump_task_version(task)
        task["desiredStatus"] = "STOPPED"
        task["lastStatus"] = "DEACTIVATING"
        task["stoppingAt"] = ecs._iso()
        task["stoppedReason"] = reason
        task["stopCode"] = code
    _refresh(task)
    spawn_background(_finish_stop, task, thread_name=f"stop-{arn.rsplit('/', 1)[-1][:8]}")


def _finish_stop(task: Task) -> None:
    from ministack.core.concurrency import resource_lock
    from ministack.services import ecs, ecs_metadata

    arn = task["taskArn"]
    task["lastStatus"] = "STOPPING"
    _stop_containers(task)
    with _lock:
        forwarders = _forwarders.pop(arn.rsplit("/", 1)[-1], [])
    for forwarder in forwarders:
        forwarder.join(LOGS_SECONDS)
    ecs._cleanup_task_resources(task, ecs._get_docker())
    with resource_lock("ecs-task", arn):
        ecs._bump_task_version(task)
        now = ecs._iso()
        for record in task.get("containers", []):
            record["lastStatus"] = "STOPPED"
        task["executionStoppedAt"] = task["stoppedAt"] = now
        task["lastStatus"] = "STOPPED"
    ecs_metadata.set_task_status(arn, known_status="STOPPED", desired_status="STOPPED")
    ecs_metadata.set_all_container_status(arn, "STOPPED")
    _refresh(task)
    if task["stopCode"] == "EssentialContainerExited" or "health checks" in task["stoppedReason"]:
        ecs._record_service_task_failure(task)
    elif task["stopCode"] == "UserInitiated":
        _replace(task)


def _replace(task: Task) -> None:
    """A service starts another task for one that somebody has stopped."""
    from ministack.services import ecs

    service_key = _service_key(task)
    if service_key is not None:
        ecs._reconcile_service_tasks(service_key.split("/", 1)[0], service_key)


def _stop_containers(task: Task) -> None:
    """Stop the task's containers side by side, and note how each of them ended."""
    from ministack.services import ecs

    client = ecs._get_docker()
    threads = []

    def stop(index: int, container_id: str) -> None:
        try:
            container = client.containers.get(container_id)
            container.stop(timeout=_stop_seconds(task, index))
            container.reload()
            code = int(container.attrs["State"]["ExitCode"])
        except Exception as error:
            logger.warning("cannot stop container %s: %s", container_id, error)
            return
        if index < len(task.get("containers", [])):
            task["containers"][index]["exitCode"] = code

    for index, container_id in enumerate(list(task.get("_docker_ids") or [])):
        threads.append(threading.Thread(target=stop, args=(index, container_id), daemon=True))
        threads[-1].start()
    for thread in threads:
        thread.join(STOP_SECONDS_MAX * 2)


def _stop_seconds(task: Task, index: int) -> float:
    from ministack.services import ecs

    definition = ecs._task_defs.get(ecs._resolve_td_key(task["taskDefinitionArn"])) or {}
    containers = definition.get("containerDefinitions", [])
    asked = containers[index].get("stopTimeout") if index < len(containers) else None
    return min(float(asked or STOP_SECONDS_DEFAULT), STOP_SECONDS_MAX)


def _refresh(task: Task) -> None:
    """Bring the counts of the task's cluster and service, and its targets, up to date."""
    from ministack.services import ecs

    cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
    if cluster:
        ecs._recount_cluster(cluster)
        ecs._refresh_service_state(cluster, task.get("group", ""))

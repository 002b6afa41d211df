"""ECS services in templates: complete when the service is, and failed when its tasks are.

MiniStack's resource is complete as soon as the service is recorded. CloudFormation waits until the
deployment is, and when the deployment circuit breaker gives up, so does the stack.
"""

from __future__ import annotations

import json
import time
from typing import Any

from localcloud.resources import Created, Handlers, Properties

# CloudFormation gives a service three hours to become steady. Nobody watches a local cloud that
# long; ten minutes are more than any circuit breaker needs.
STEADY_SECONDS = 600.0
POLL_SECONDS = 0.1

# Properties of the resource under their names in the API, where lower-casing the first letter is
# not enough.
_RENAMED = {
    "EnableECSManagedTags": "enableECSManagedTags",
    "EnableExecuteCommand": "enableExecuteCommand",
}
_NOT_SENT = frozenset({"Tags"})
# What UpdateService takes; the rest is create-only.
_UPDATABLE = frozenset(
    {
        "CapacityProviderStrategy",
        "DeploymentConfiguration",
        "DesiredCount",
        "EnableExecuteCommand",
        "HealthCheckGracePeriodSeconds",
        "LoadBalancers",
        "NetworkConfiguration",
        "PlatformVersion",
        "TaskDefinition",
    }
)


def types() -> dict[str, Handlers]:
    """The types of this module."""
    return {"AWS::ECS::Service": {"create": _create, "update": _update, "delete": _delete}}


def _create(logical_id: str, props: Properties, stack_name: str) -> Created:
    from ministack.services import ecs

    name = props.get("ServiceName") or f"{stack_name}-{logical_id}"
    request = _request({**props, "ServiceName": name})
    request["tags"] = [
        {"key": tag["Key"], "value": tag["Value"]} for tag in props.get("Tags") or []
    ]
    service = _answer(ecs._create_service(request), "create")["service"]
    _wait_until_steady(request.get("cluster", "default"), name)
    return service["serviceArn"], _attributes(service)


def _update(
    physical_id: str, old_props: Properties, new_props: Properties, _stack_name: str
) -> Created:
    changed = {
        name: value
        for name, value in new_props.items()
        if name in _UPDATABLE and value != old_props.get(name)
    }
    try:
        return _send_update(physical_id, changed, new_props)
    except ValueError:
        # CloudFormation sends a service back whose update failed; MiniStack's engine leaves that
        # to the resource. Where ECS has rolled back by itself, this changes nothing.
        before = {name: old_props[name] for name in changed if name in old_props}
        _update_service(physical_id, before, new_props)
        raise


def _send_update(physical_id: str, changed: Properties, props: Properties) -> Created:
    service = _update_service(physical_id, changed, props)
    _wait_until_steady(props.get("Cluster", "default"), service["serviceName"])
    return physical_id, _attributes(service)


def _update_service(physical_id: str, changed: Properties, props: Properties) -> dict[str, Any]:
    from ministack.services import ecs

    request = _request(changed)
    request["service"] = physical_id.rsplit("/", 1)[-1]
    request["cluster"] = props.get("Cluster", "default")
    service: dict[str, Any] = _answer(ecs._update_service(request), "update")["service"]
    return service


def _delete(physical_id: str, props: Properties) -> None:
    from ministack.services import ecs

    status, _, body = ecs._delete_service(
        {
            "cluster": props.get("Cluster", "default"),
            "service": physical_id.rsplit("/", 1)[-1],
            "force": True,
        }
    )
    if status >= 400 and b"NotFound" not in _bytes(body):
        raise ValueError(f"AWS::ECS::Service delete failed: {_bytes(body).decode()}")


def _attributes(service: dict[str, Any]) -> dict[str, Any]:
    return {"ServiceArn": service["serviceArn"], "Name": service["serviceName"]}


def _request(props: Properties) -> dict[str, Any]:
    from ministack.services.cloudformation import provisioners

    request: dict[str, Any] = {}
    for name, value in props.items():
        if name in _NOT_SENT:
            continue
        key = _RENAMED.get(name) or name[0].lower() + name[1:]
        request[key] = provisioners._pascal_to_camel(value)
    for key in ("desiredCount", "healthCheckGracePeriodSeconds"):
        if key in request:
            request[key] = int(request[key])
    if "DeploymentConfiguration" in props:
        request["deploymentConfiguration"] = provisioners._ecs_deployment_configuration(props)
    return request


def _answer(response: tuple[int, dict[str, str], Any], verb: str) -> dict[str, Any]:
    status, _, body = response
    document: dict[str, Any] = json.loads(_bytes(body))
    if status >= 400:
        message = document.get("message") or document.get("Message") or str(document)
        raise ValueError(f"AWS::ECS::Service {verb} failed: {message}")
    return document


def _wait_until_steady(cluster: str, name: str) -> None:
    """Wait for the deployment that was just begun, whichever way it ends."""
    begun = _primary(_describe(cluster, name))["id"]
    deadline = time.monotonic() + STEADY_SECONDS
    while time.monotonic() < deadline:
        service = _describe(cluster, name)
        if service.get("status") != "ACTIVE":
            raise ValueError(f"Service {name} was deleted while it was being deployed.")
        mine = next((one for one in service["deployments"] if one["id"] == begun), None)
        if mine is None or mine.get("rolloutState") == "FAILED":
            reason = (mine or {}).get("rolloutStateReason") or "the deployment was rolled back"
            raise ValueError(
                "Resource handler returned message: \"Error occurred during operation 'ECS "
                f"Deployment Circuit Breaker was triggered'.\" ({reason})"
            )
        if mine.get("rolloutState") == "COMPLETED" and (
            mine.get("runningCount", 0) >= mine.get("desiredCount", 0)
        ):
            return
        time.sleep(POLL_SECONDS)
    raise ValueError(
        f"Service {name} did not stabilize within {STEADY_SECONDS:.0f} s. "
        "(HandlerErrorCode: NotStabilized)"
    )


def _describe(cluster: str, name: str) -> dict[str, Any]:
    from ministack.services import ecs

    found = _answer(ecs._describe_services({"cluster": cluster, "services": [name]}), "read")
    if not found["services"]:
        raise ValueError(f"Service {name} does not exist in cluster {cluster}.")
    service: dict[str, Any] = found["services"][0]
    return service


def _primary(service: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in service["deployments"] if one["status"] == "PRIMARY")


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else str(body).encode()

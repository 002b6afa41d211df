"""Application Auto Scaling, a service that MiniStack lacks.

Targets and policies are registered, described and deleted, and refused where AWS refuses them. They
do not act: nothing here measures load.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from localcloud.json_service import ServiceError, register
from localcloud.settings import ACCOUNT_ID, REGION, Settings

# (namespace, resource, dimension) names a target; a policy has a name beside that.
Key = tuple[str, str, str]

_targets: dict[Key, dict[str, Any]] = {}
_policies: dict[tuple[Key, str], dict[str, Any]] = {}


def install(_settings: Settings) -> None:
    """Serve the API."""
    register(
        "application-autoscaling",
        "AnyScaleFrontendService.",
        {
            "RegisterScalableTarget": register_target,
            "DeregisterScalableTarget": deregister_target,
            "DescribeScalableTargets": _describe_targets,
            "PutScalingPolicy": put_policy,
            "DeleteScalingPolicy": delete_policy,
            "DescribeScalingPolicies": _describe_policies,
        },
    )


def register_target(request: dict[str, Any]) -> dict[str, Any]:
    """RegisterScalableTarget: new, or with new limits."""
    key = _key(request)
    known = _targets.get(key)
    if known is None:
        _require_service(key)
        missing = [name for name in ("MinCapacity", "MaxCapacity") if name not in request]
        if missing:
            raise ServiceError(
                "ValidationException",
                f"{' and '.join(missing)} must be given when a scalable target is registered first",
            )
    target = dict(known or {})
    for name in ("MinCapacity", "MaxCapacity"):
        if name in request:
            target[name] = int(request[name])
    if target["MinCapacity"] > target["MaxCapacity"]:
        raise ServiceError(
            "ValidationException", "Maximum capacity cannot be less than minimum capacity"
        )
    namespace, resource, dimension = key
    target |= {"ServiceNamespace": namespace, "ResourceId": resource}
    target |= {"ScalableDimension": dimension}
    target.setdefault("CreationTime", int(time.time()))
    target.setdefault(
        "ScalableTargetARN",
        f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT_ID}:scalable-target/"
        f"{uuid.uuid4().hex[:24]}",
    )
    target["RoleARN"] = request.get("RoleARN") or target.get("RoleARN") or _service_linked_role()
    target["SuspendedState"] = request.get("SuspendedState") or {
        "DynamicScalingInSuspended": False,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": False,
    }
    _targets[key] = target
    return {"ScalableTargetARN": target["ScalableTargetARN"]}


def deregister_target(request: dict[str, Any]) -> dict[str, Any]:
    """DeregisterScalableTarget: its policies go with it."""
    key = _key(request)
    if _targets.pop(key, None) is None:
        raise _no_target(key)
    for policy_key in [policy_key for policy_key in _policies if policy_key[0] == key]:
        del _policies[policy_key]
    return {}


def put_policy(request: dict[str, Any]) -> dict[str, Any]:
    """PutScalingPolicy: new, or changed under the same ARN."""
    key = _key(request)
    if key not in _targets:
        raise _no_target(key)
    name = request.get("PolicyName")
    if not name:
        raise ServiceError("ValidationException", "PolicyName must be given")
    namespace, resource, dimension = key
    known = _policies.get((key, name), {})
    policy = {
        **known,
        **{field: value for field, value in request.items() if value is not None},
        "Alarms": [],
    }
    policy.setdefault("PolicyType", "StepScaling")
    policy.setdefault("CreationTime", int(time.time()))
    policy.setdefault(
        "PolicyARN",
        f"arn:aws:autoscaling:{REGION}:{ACCOUNT_ID}:scalingPolicy:{uuid.uuid4()}:"
        f"resource/{namespace}/{resource}:policyName/{name}",
    )
    policy["ScalableDimension"] = dimension
    _policies[key, name] = policy
    return {"PolicyARN": policy["PolicyARN"], "Alarms": []}


def delete_policy(request: dict[str, Any]) -> dict[str, Any]:
    """DeleteScalingPolicy."""
    key, name = _key(request), request.get("PolicyName", "")
    if _policies.pop((key, name), None) is None:
        raise ServiceError(
            "ObjectNotFoundException",
            f"No scaling policy found for service namespace: {key[0]}, resource ID: {key[1]}, "
            f"scalable dimension: {key[2]}: {name}",
        )
    return {}


def _describe_targets(request: dict[str, Any]) -> dict[str, Any]:
    wanted = request.get("ResourceIds")
    return {
        "ScalableTargets": [
            target
            for target in _targets.values()
            if target["ServiceNamespace"] == request.get("ServiceNamespace")
            and (not wanted or target["ResourceId"] in wanted)
            and request.get("ScalableDimension") in (None, target["ScalableDimension"])
        ]
    }


def _describe_policies(request: dict[str, Any]) -> dict[str, Any]:
    names = request.get("PolicyNames")
    return {
        "ScalingPolicies": [
            policy
            for policy in _policies.values()
            if policy["ServiceNamespace"] == request.get("ServiceNamespace")
            and request.get("ResourceId") in (None, policy["ResourceId"])
            and (not names or policy["PolicyName"] in names)
        ]
    }


def _key(request: dict[str, Any]) -> Key:
    fields = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    missing = [name for name in fields if not request.get(name)]
    if missing:
        raise ServiceError("ValidationException", f"{', '.join(missing)} must be given")
    namespace, resource, dimension = (str(request[name]) for name in fields)
    return namespace, resource, dimension


def _require_service(key: Key) -> None:
    """AWS looks whether the ECS service is there; other namespaces are taken at their word."""
    from ministack.services import ecs

    namespace, resource, _ = key
    if namespace != "ecs":
        return
    _, _, path = resource.partition("service/")
    service = ecs._services.get(path)
    if service is None or service.get("status") != "ACTIVE":
        raise ServiceError("ValidationException", f"ECS service doesn't exist: {resource}")


def _no_target(key: Key) -> ServiceError:
    return ServiceError(
        "ObjectNotFoundException",
        f"No scalable target registered for service namespace: {key[0]}, resource ID: {key[1]}, "
        f"scalable dimension: {key[2]}",
    )


def _service_linked_role() -> str:
    return (
        f"arn:aws:iam::{ACCOUNT_ID}:role/aws-service-role/ecs.application-autoscaling."
        "amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
    )

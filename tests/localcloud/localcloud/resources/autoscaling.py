"""Application Auto Scaling's targets and policies in templates, which MiniStack lacks."""

from __future__ import annotations

import contextlib
from typing import Any

from localcloud.resources import Created, Handlers, Properties

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


def types() -> dict[str, Handlers]:
    """The types of this module."""
    return {
        TARGET: {"create": _target_create, "update": _target_update, "delete": _target_delete},
        POLICY: {"create": _policy_create, "update": _policy_update, "delete": _policy_delete},
    }


def _target_create(_logical_id: str, props: Properties, _stack_name: str) -> Created:
    from localcloud.extensions import autoscaling

    _call(autoscaling.register_target, props)
    target_id = "|".join(
        str(props[name]) for name in ("ResourceId", "ScalableDimension", "ServiceNamespace")
    )
    return target_id, {"Id": target_id}


def _target_update(
    _physical_id: str, _old_props: Properties, new_props: Properties, stack_name: str
) -> Created:
    return _target_create("", new_props, stack_name)


def _target_delete(_physical_id: str, props: Properties) -> None:
    from localcloud.extensions import autoscaling

    _call_ignoring_absence(autoscaling.deregister_target, props)


def _policy_create(_logical_id: str, props: Properties, _stack_name: str) -> Created:
    from localcloud.extensions import autoscaling

    arn = _call(autoscaling.put_policy, _with_target(props))["PolicyARN"]
    return arn, {"Arn": arn, "Id": arn}


def _policy_update(
    _physical_id: str, _old_props: Properties, new_props: Properties, stack_name: str
) -> Created:
    return _policy_create("", new_props, stack_name)


def _policy_delete(_physical_id: str, props: Properties) -> None:
    from localcloud.extensions import autoscaling

    _call_ignoring_absence(autoscaling.delete_policy, _with_target(props))


def _with_target(props: Properties) -> Properties:
    """A policy names its target by the id that the target's Ref gives, or by the three parts."""
    target_id = props.get("ScalingTargetId")
    if not target_id:
        return props
    resource, dimension, namespace = str(target_id).split("|")
    named = {name: value for name, value in props.items() if name != "ScalingTargetId"}
    return named | {
        "ResourceId": resource,
        "ScalableDimension": dimension,
        "ServiceNamespace": namespace,
    }


def _call(operation: Any, request: Properties) -> dict[str, Any]:
    from localcloud.json_service import ServiceError

    try:
        answer: dict[str, Any] = operation(request)
    except ServiceError as error:
        raise ValueError(
            f"{error} (Service: ApplicationAutoScaling, Status Code: {error.status}, "
            f"Error Code: {error.code})"
        ) from None
    return answer


def _call_ignoring_absence(operation: Any, request: Properties) -> None:
    with contextlib.suppress(ValueError):
        _call(operation, request)

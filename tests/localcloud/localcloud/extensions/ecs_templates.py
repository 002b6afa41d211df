"""``AWS::ECS::TaskDefinition`` with everything in it.

MiniStack's handler keeps the names that CloudFormation uses inside secrets, health checks and
volumes, where nothing finds them, and drops some properties. This one registers the task definition
through the API, so that a template and a call mean the same.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

Properties = dict[str, Any]

# Maps whose keys are the user's own words.
_FREE_FORM = frozenset({"Options", "DockerLabels", "DriverOpts", "Labels"})
# Names that are not the API's with a capital letter.
_RENAMED = {
    "EFSVolumeConfiguration": "efsVolumeConfiguration",
    "FilesystemId": "fileSystemId",
    "IAM": "iam",
    "FSxWindowsFileServerVolumeConfiguration": "fsxWindowsFileServerVolumeConfiguration",
}
# CloudFormation takes numbers as text as well; the API does not.
_NUMBERS = frozenset(
    {
        *("ContainerPort", "HostPort", "Interval", "Timeout", "Retries", "StartPeriod"),
        *("StartTimeout", "StopTimeout", "SizeInGiB", "SoftLimit", "HardLimit", "Size"),
    }
)


def install() -> None:
    """Replace the handler, also where MiniStack's own code calls it (updates)."""
    from ministack.services.cloudformation import provisioners

    create = functools.partial(_create, provisioners._ecs_task_def_create)
    provisioners._ecs_task_def_create = create
    provisioners._RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"]["create"] = create


def _create(
    _original: Callable[..., Any], logical_id: str, props: Properties, stack_name: str
) -> tuple[str, dict[str, Any]]:
    from ministack.services import ecs

    request = camel({name: value for name, value in props.items() if name != "Tags"})
    request.setdefault("family", f"{stack_name}-{logical_id}")
    for definition in request.get("containerDefinitions", []):
        for name in ("cpu", "memory", "memoryReservation"):
            if name in definition:
                definition[name] = int(definition[name])
    request["tags"] = [
        {"key": tag["Key"], "value": tag["Value"]} for tag in props.get("Tags") or []
    ]
    status, _, body = ecs._register_task_definition(request)
    document = json.loads(body)
    if status >= 400:
        raise ValueError(
            f"AWS::ECS::TaskDefinition create failed: {document.get('message', document)}"
        )
    arn = document["taskDefinition"]["taskDefinitionArn"]
    return arn, {"TaskDefinitionArn": arn}


def camel(value: Any) -> Any:
    """CloudFormation's names as the API has them, at every depth."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    converted = {}
    for name, inner in value.items():
        key = _RENAMED.get(name) or name[:1].lower() + name[1:]
        if name in _FREE_FORM:
            converted[key] = inner
        elif name in _NUMBERS:
            converted[key] = int(inner)
        else:
            converted[key] = camel(inner)
    return converted

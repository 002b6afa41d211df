"""CloudFormation resource types that MiniStack lacks, or has otherwise than AWS.

A type is three functions with MiniStack's own signatures: create answers with the physical id and
the attributes, update with the same after the change, delete with nothing. An exception fails the
resource, and its text is the reason that the stack's events give.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
Handlers = dict[str, Callable[..., Any]]


def register_all() -> None:
    """Make every type known to the stack engine."""
    from ministack.services.cloudformation import provisioners

    from localcloud.resources import alarms, autoscaling, ecs, existing, secrets, security_groups

    for module in (alarms, autoscaling, ecs, existing, secrets, security_groups):
        for resource_type, handlers in module.types().items():
            known = provisioners._RESOURCE_HANDLERS.setdefault(resource_type, {})
            known.update(handlers)

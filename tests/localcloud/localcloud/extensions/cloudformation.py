"""What MiniStack's CloudFormation does otherwise than AWS's.

MiniStack creates, updates, rolls back and deletes stacks by itself. Here:

- a request that is repeated with its ``ClientRequestToken`` is answered, not carried out again, and
  the name of a stack that is rolled back but not yet deleted is still taken;
- resources that take their time are provisioned on threads of their own, side by side
  (``localcloud.parallel_stacks``), so that one slow database does not stop the whole cloud;
- a named resource can be made to fail;
- what was under way beside a failed resource says ``Resource creation cancelled``;
- stacks and their resources tell EventBridge what becomes of them;
- resource types that MiniStack lacks, or has otherwise than AWS, are those of
  ``localcloud.resources``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from localcloud import internal_events, parallel_stacks, resources
from localcloud.extensions import faults
from localcloud.settings import Settings

STACK_TYPE = "AWS::CloudFormation::Stack"
CANCELLED = "Resource creation cancelled"

# Provisioning these waits for processes of the machine.
SLOW_TYPES = frozenset(
    {
        "AWS::ECS::Service",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
    }
)

_STACK_ID = re.compile(r"<StackId>([^<]+)</StackId>")

# The answer to every operation that carried a token: token → (operation, stack name, stack id).
_answered: dict[str, tuple[str, str, str]] = {}
# Resources whose snapshot their deletion has yet to take: (type, physical id).
_to_snapshot: set[tuple[str, str]] = set()


def install(_settings: Settings) -> None:
    """Patch the stack engine at its seams."""
    from ministack.services.cloudformation import changesets, handlers, stacks

    resources.register_all()
    _move_to_threads(stacks)
    _fail_on_demand(stacks)
    parallel_stacks.install(stacks, SLOW_TYPES)
    _tell_events((stacks, handlers, changesets))
    _honour_tokens(handlers)


def _move_to_threads(stacks: Any) -> None:
    decides = stacks._runs_on_worker_thread
    snapshot = stacks._snapshot_resource
    delete = stacks._delete_resource

    def runs_on_worker_thread(resource_type: str) -> bool:
        return resource_type in SLOW_TYPES or decides(resource_type)

    def snapshot_resource(resource_type: str, physical_id: str, props: dict[str, Any]) -> None:
        # Called on the event loop, right before the deletion, which has a thread.
        if resource_type in SLOW_TYPES:
            _to_snapshot.add((resource_type, physical_id))
        else:
            snapshot(resource_type, physical_id, props)

    def delete_resource(
        resource_type: str, physical_id: str, props: dict[str, Any], *rest: Any
    ) -> None:
        if (resource_type, physical_id) in _to_snapshot:
            _to_snapshot.discard((resource_type, physical_id))
            snapshot(resource_type, physical_id, props)
        delete(resource_type, physical_id, props, *rest)

    stacks._runs_on_worker_thread = runs_on_worker_thread
    stacks._snapshot_resource = snapshot_resource
    stacks._delete_resource = delete_resource


def _fail_on_demand(stacks: Any) -> None:
    provision = stacks._provision_resource
    update = stacks._update_resource

    def provision_resource(
        resource_type: str, logical_id: str, props: dict[str, Any], stack_name: str
    ) -> tuple[str, dict[str, Any]]:
        if reason := faults.resource_failure(stack_name, logical_id):
            raise ValueError(reason)
        return provision(resource_type, logical_id, props, stack_name)

    def update_resource(
        resource_type: str,
        physical_id: str,
        old_props: dict[str, Any],
        new_props: dict[str, Any],
        stack_name: str,
        logical_id: str | None = None,
        *rest: Any,
    ) -> tuple[str, dict[str, Any]]:
        # A resource that does not change is not touched, and cannot fail.
        changes = old_props != new_props
        if changes and (reason := faults.resource_failure(stack_name, logical_id or "")):
            raise ValueError(reason)
        return update(
            resource_type, physical_id, old_props, new_props, stack_name, logical_id, *rest
        )

    stacks._provision_resource = provision_resource
    stacks._update_resource = update_resource


def _tell_events(modules: tuple[Any, ...]) -> None:
    """Let every recorded stack event also go to EventBridge, and cancel a failure's neighbours."""
    add_event = modules[0]._add_event

    @functools.wraps(add_event)
    def add_and_tell(
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        reason: str = "",
        physical_id: str = "",
        detailed_status: str = "",
    ) -> None:
        add_event(
            stack_id,
            stack_name,
            logical_id,
            resource_type,
            status,
            reason,
            physical_id,
            detailed_status,
        )
        _put_after_the_last(stack_id)
        token = modules[0].CLIENT_REQUEST_TOKEN.get()
        is_stack = resource_type == STACK_TYPE and logical_id == stack_name
        detail: dict[str, Any] = {
            "stack-id": stack_id,
            "status-details": {"status": status, "status-reason": reason},
        }
        if token:
            detail["client-request-token"] = token
        if not is_stack:
            detail |= {
                "logical-resource-id": logical_id,
                "physical-resource-id": physical_id,
                "resource-type": resource_type,
            }
        internal_events.publish(
            "aws.cloudformation",
            f"CloudFormation {'Stack' if is_stack else 'Resource'} Status Change",
            detail,
            [stack_id],
        )
        if status == "CREATE_FAILED" and not is_stack and reason != CANCELLED:
            for sibling, sibling_type in _under_way_beside(stack_name, stack_id, logical_id):
                add_and_tell(stack_id, stack_name, sibling, sibling_type, status, CANCELLED)

    for module in modules:
        module._add_event = add_and_tell


def _put_after_the_last(stack_id: str) -> None:
    """Which failure came first is told by the time alone; so no two events share one."""
    from ministack.services import cloudformation

    events = cloudformation._stack_events[stack_id]
    if len(events) < 2:
        return
    before, last = (datetime.fromisoformat(one["Timestamp"]) for one in events[-2:])
    if last <= before:
        later = before + timedelta(milliseconds=1)
        stamp = later.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        events[-1]["Timestamp"] = stamp


def _under_way_beside(stack_name: str, stack_id: str, failed: str) -> list[tuple[str, str]]:
    """What AWS would have begun when this resource failed: all that waited for nothing missing."""
    from ministack.services import cloudformation
    from ministack.services.cloudformation import engine

    stack = cloudformation._stacks.get(stack_name)
    if not stack or stack["StackId"] != stack_id:
        return []
    definitions = stack["_template"].get("Resources", {})
    conditions = stack["_conditions"]
    created = set(stack.get("_resources", {}))
    beside = []
    for logical_id in engine._topological_sort(definitions, conditions):
        definition = definitions[logical_id]
        condition = definition.get("Condition")
        if logical_id == failed or logical_id in created:
            continue
        if condition and not conditions.get(condition, True):
            continue
        if engine._extract_deps(definition, set(definitions)) <= created:
            beside.append((logical_id, definition["Type"]))
    return beside


def _honour_tokens(handlers: Any) -> None:
    handlers._ACTION_HANDLERS |= {
        "CreateStack": _once(handlers._create_stack, "CreateStack", _refuse_taken_name),
        "UpdateStack": _once(handlers._update_stack, "UpdateStack", None),
    }


Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[dict[str, Any]], Answer]


def _once(
    handler: Handler, operation: str, refuse: Callable[[dict[str, Any]], Answer | None] | None
) -> Handler:
    from ministack.services.cloudformation.helpers import _error, _p, _xml

    def answer(params: dict[str, Any]) -> Answer:
        token = _p(params, "ClientRequestToken")
        name = _p(params, "StackName")
        if token in _answered:
            known_operation, known_name, stack_id = _answered[token]
            if (operation, name) != (known_operation, known_name) or not _exists(stack_id):
                return _error(
                    "TokenAlreadyExistsException",
                    f"Token {token} was already used for {known_operation} of {known_name}",
                )
            return _xml(
                200,
                f"{operation}Response",
                f"<{operation}Result><StackId>{stack_id}</StackId></{operation}Result>",
            )
        if refuse and (refusal := refuse(params)):
            return refusal
        result = handler(params)
        if token and result[0] == 200 and (found := _STACK_ID.search(_text(result[2]))):
            _answered[token] = (operation, name, found.group(1))
        return result

    return answer


def _refuse_taken_name(params: dict[str, Any]) -> Answer | None:
    """A stack in ROLLBACK_COMPLETE keeps its name until it is deleted."""
    from ministack.services import cloudformation
    from ministack.services.cloudformation.helpers import _error, _p

    name = _p(params, "StackName")
    stack = cloudformation._stacks.get(name)
    if stack and stack.get("StackStatus") == "ROLLBACK_COMPLETE":
        return _error("AlreadyExistsException", f"Stack [{name}] already exists")
    return None


def _exists(stack_id: str) -> bool:
    from ministack.services import cloudformation

    return any(
        stack["StackId"] == stack_id and stack["StackStatus"] != "DELETE_COMPLETE"
        for stack in cloudformation._stacks.values()
    )


def _text(body: bytes | str) -> str:
    return body.decode() if isinstance(body, bytes) else body

"""Stacks whose slow resources are created side by side.

AWS creates everything at once whose dependencies are there; MiniStack creates one resource after
the other, so that four services cost four times as long as one. Here quick resources go first, and
when the first slow one is reached, all slow ones that wait for nothing are begun together. The
engine then finds them finished, or waits for them, in its own order.

When the stack fails, what was begun and not yet claimed is brought to its end and deleted before
the engine rolls back the rest.
"""

from __future__ import annotations

import concurrent.futures
import contextvars
import copy
import heapq
import logging
import threading
from collections.abc import Callable
from typing import Any

logger = logging.getLogger("localcloud")

Provisioned = tuple[str, dict[str, Any]]
Provision = Callable[[str, str, dict[str, Any], str], Provisioned]


class _Begun:
    """A resource that was begun ahead of the engine."""

    def __init__(self, resource_type: str, props: dict[str, Any]) -> None:
        self.resource_type = resource_type
        self.props = props
        self.result: concurrent.futures.Future[Provisioned] = concurrent.futures.Future()


# Per stack id, by logical id.
_begun: dict[str, dict[str, _Begun]] = {}
_lock = threading.Lock()


def install(stacks: Any, slow_types: frozenset[str]) -> None:
    """Patch the stack engine; ``slow_types`` are those that are provisioned on threads."""
    provision: Provision = stacks._provision_resource
    roll_back = stacks._roll_back_operation
    deploy = stacks._deploy_stack_async

    def provision_resource(
        resource_type: str, logical_id: str, props: dict[str, Any], stack_name: str
    ) -> Provisioned:
        stack = _stack_in_creation(stack_name)
        if stack is None or resource_type not in slow_types:
            return provision(resource_type, logical_id, props, stack_name)
        with _lock:
            mine = _begun.get(stack["StackId"], {}).pop(logical_id, None)
        if mine is not None:
            return mine.result.result()
        _begin_siblings(stacks, stack, logical_id, slow_types, provision)
        return provision(resource_type, logical_id, props, stack_name)

    async def roll_back_operation(
        stack_name: str, stack_id: str, stack: dict[str, Any], *rest: Any, **more: Any
    ) -> None:
        await stacks.run_reentrant(_delete_unclaimed, stacks, stack_id, stack_name)
        await roll_back(stack_name, stack_id, stack, *rest, **more)

    async def deploy_stack(stack_name: str, stack_id: str, *rest: Any, **more: Any) -> None:
        try:
            await deploy(stack_name, stack_id, *rest, **more)
        finally:
            # Only left where the stack failed and was not to be rolled back.
            await stacks.run_reentrant(_delete_unclaimed, stacks, stack_id, stack_name)

    stacks._provision_resource = provision_resource
    stacks._roll_back_operation = roll_back_operation
    stacks._deploy_stack_async = deploy_stack
    stacks._topological_sort = lambda definitions, conditions: _quick_first(
        definitions, conditions, slow_types
    )


def _quick_first(
    definitions: dict[str, Any], conditions: dict[str, bool], slow_types: frozenset[str]
) -> list[str]:
    """Dependencies before their dependents, and quick resources before slow ones."""
    from ministack.services.cloudformation import engine

    # MiniStack's own sort tells of circles in AWS's words.
    active = set(engine._topological_sort(definitions, conditions))
    waits_for = {name: engine._extract_deps(definitions[name], active) - {name} for name in active}

    def entry(name: str) -> tuple[bool, str]:
        return definitions[name].get("Type") in slow_types, name

    ready = [entry(name) for name in active if not waits_for[name]]
    heapq.heapify(ready)
    ordered: list[str] = []
    while ready:
        _, name = heapq.heappop(ready)
        ordered.append(name)
        for other in sorted(active - set(ordered)):
            if name in waits_for[other]:
                waits_for[other].discard(name)
                if not waits_for[other]:
                    heapq.heappush(ready, entry(other))
    return ordered


def _stack_in_creation(stack_name: str) -> dict[str, Any] | None:
    from ministack.services import cloudformation

    stack = cloudformation._stacks.get(stack_name)
    return stack if stack and stack.get("StackStatus") == "CREATE_IN_PROGRESS" else None


def _begin_siblings(
    stacks: Any,
    stack: dict[str, Any],
    logical_id: str,
    slow_types: frozenset[str],
    provision: Provision,
) -> None:
    """Begin every slow resource that waits for nothing any more, beside the one at hand."""
    from ministack.services.cloudformation import engine

    definitions, conditions = stack["_template"]["Resources"], stack["_conditions"]
    active = set(engine._topological_sort(definitions, conditions))
    created = set(stack["_resources"])
    stack_id, stack_name = stack["StackId"], stack["StackName"]
    for sibling in sorted(active - created - {logical_id}):
        definition = definitions[sibling]
        if definition["Type"] not in slow_types or sibling in _begun.get(stack_id, {}):
            continue
        if not engine._extract_deps(definition, active) <= created:
            continue
        try:
            props = _properties(stacks, stack, sibling)
        except ValueError as error:
            # The engine finds the same mistake in its own time, and tells of it.
            logger.debug("%s of %s is not begun early: %s", sibling, stack_name, error)
            continue
        begun = _Begun(definition["Type"], props)
        with _lock:
            _begun.setdefault(stack_id, {})[sibling] = begun
        stacks._add_event(stack_id, stack_name, sibling, begun.resource_type, "CREATE_IN_PROGRESS")
        _run(begun, sibling, stack_name, provision)


def _properties(stacks: Any, stack: dict[str, Any], logical_id: str) -> dict[str, Any]:
    """The resource's properties as the engine will compute them."""
    definition = stack["_template"]["Resources"][logical_id]
    name, stack_id = stack["StackName"], stack["StackId"]
    resolved = stacks._resolve_refs(
        copy.deepcopy(definition.get("Properties", {})),
        stack["_resources"],
        stack["_resolved_params"],
        stack["_conditions"],
        stack["_template"].get("Mappings", {}),
        name,
        stack_id,
    )
    kept = {key: value for key, value in resolved.items() if value is not stacks._NO_VALUE}
    kept, _ = stacks._resolve_dynamic_references(kept, None, reuse_ssm=False, reuse_secrets=False)
    tagged: dict[str, Any] = stacks._with_stack_tags(
        definition["Type"], kept, stack.get("Tags") or [], name, stack_id, logical_id
    )
    return tagged


def _run(begun: _Begun, logical_id: str, stack_name: str, provision: Provision) -> None:
    context = contextvars.copy_context()

    def work() -> None:
        try:
            begun.result.set_result(
                context.run(provision, begun.resource_type, logical_id, begun.props, stack_name)
            )
        except Exception as error:
            begun.result.set_exception(error)

    threading.Thread(target=work, name=f"provision-{logical_id}", daemon=True).start()


def _delete_unclaimed(stacks: Any, stack_id: str, stack_name: str) -> None:
    """Bring what was begun ahead to its end, and delete it."""
    with _lock:
        unclaimed = _begun.pop(stack_id, {})
    for logical_id, begun in unclaimed.items():
        try:
            physical_id, _ = begun.result.result()
        except Exception as error:
            logger.info("%s of %s failed beside the cause: %s", logical_id, stack_name, error)
            continue
        stacks._delete_resource(
            begun.resource_type, physical_id, begun.props, stack_name, logical_id
        )
        stacks._add_event(
            stack_id,
            stack_name,
            logical_id,
            begun.resource_type,
            "DELETE_COMPLETE",
            physical_id=physical_id,
        )

"""Changes to a replication group take their time, and tokens have rules.

MiniStack's ModifyReplicationGroup is over when it answers, takes any string for a token, and SET
without a ROTATE before it. ElastiCache answers ``modifying``, does the work afterwards, and refuses
the next change until then: whoever does not wait for ``available`` between ROTATE and SET fails.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from localcloud.extensions import elasticache as caches
from localcloud.extensions.elasticache import Parameters, Record, Response

STRATEGIES = ("ROTATE", "SET", "DELETE")
# ElastiCache: 16 to 128 letters, digits and these of the special characters.
_TOKEN = re.compile(r"[A-Za-z0-9!&#$^<>-]{16,128}")
TOKEN_RULE = (
    "The AUTH token must have 16 to 128 characters: letters, digits and !, &amp;, #, $, ^, &lt;, "
    "&gt;, -"
)

# A stack's changes never wait for the maintenance window.
_by_stack: ContextVar[bool] = ContextVar("localcloud_change_by_stack", default=False)


def install() -> None:
    """Give changes their time, asked for through the API or by a stack."""
    from ministack.services import elasticache
    from ministack.services.cloudformation import provisioners

    elasticache._modify_replication_group = functools.partial(
        _modify_group, elasticache._modify_replication_group
    )
    elasticache._create_replication_group = functools.partial(
        _create_group, elasticache._create_replication_group
    )
    elasticache._rg_xml = functools.partial(_group_xml, elasticache._rg_xml)
    provisioners._ec_rg_update = functools.partial(_by_stack_at_once, provisioners._ec_rg_update)


def _create_group(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import elasticache

    token = elasticache._p(p, "AuthToken")
    if token and not _TOKEN.fullmatch(token):
        return elasticache._error("InvalidParameterValue", TOKEN_RULE, 400)
    users = elasticache._extract_configs(p, "UserGroupIds", ("member", "UserGroupId"))
    if users and elasticache._p(p, "TransitEncryptionEnabled").lower() != "true":
        return elasticache._error(
            "InvalidParameterCombination",
            "User group based access control requires encryption-in-transit to be enabled.",
            400,
        )
    if token and users:
        return elasticache._error(
            "InvalidParameterCombination", "An AUTH token and user groups exclude each other.", 400
        )
    return original(p)


def _modify_group(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import elasticache

    group_id = elasticache._p(p, "ReplicationGroupId")
    group: Record | None = elasticache._replication_groups.get(group_id)
    if group is None:
        return original(p)
    if group["Status"] != "available":
        return elasticache._error(
            "InvalidReplicationGroupState",
            f"Replication group {group_id} is not in available state (it is {group['Status']}).",
            400,
        )
    token, strategy = _token_of(p)
    if (token or strategy) and (mistake := _mistake(group, token, strategy)):
        return elasticache._error(*mistake, 400)
    # What is about tokens comes later; the rest is in the record at once.
    without_token = {name: value for name, value in p.items() if not name.startswith("AuthToken")}
    response = original(without_token)
    if response[0] >= 400:
        return response
    at_once = _by_stack.get() or elasticache._p(p, "ApplyImmediately").lower() == "true"
    if token or strategy == "DELETE":
        group["_auth_token_status"] = "SETTING" if strategy == "SET" else "ROTATING"
        if not at_once:
            # It waits for the maintenance window, which does not come here.
            return _answer(group)
    group["Status"] = "modifying"

    def apply() -> None:
        if token or strategy == "DELETE":
            elasticache._update_auth_token(group, token, strategy or "ROTATE")
            group["_auth_token_modified"] = datetime.now(UTC).isoformat(timespec="seconds")
            group.pop("_auth_token_status", None)
        caches.apply_access(group)

    caches.settle(group, "available", apply, f"modify-{group_id}")
    return _answer(group)


def _token_of(p: Parameters) -> tuple[str, str]:
    from ministack.services import elasticache

    return elasticache._p(p, "AuthToken"), elasticache._p(p, "AuthTokenUpdateStrategy")


def _mistake(group: Record, token: str, strategy: str) -> tuple[str, str] | None:
    """Why ElastiCache would not change the token: code and sentence; None when it would."""
    if strategy and strategy not in STRATEGIES:
        return "InvalidParameterValue", f"AuthTokenUpdateStrategy must be of {STRATEGIES}."
    if not group.get("TransitEncryptionEnabled"):
        return (
            "InvalidParameterValue",
            "The AUTH token modification is only supported when encryption-in-transit is enabled.",
        )
    if strategy == "DELETE":
        return None
    if not token:
        return "InvalidParameterCombination", "AuthTokenUpdateStrategy needs an AuthToken."
    if not _TOKEN.fullmatch(token):
        return "InvalidParameterValue", TOKEN_RULE
    if group.get("UserGroupIds"):
        return (
            "InvalidParameterCombination",
            "An AUTH token cannot be set on a replication group with user groups.",
        )
    if strategy == "SET" and token not in (group.get("_auth_tokens") or []):
        return (
            "InvalidParameterValue",
            "SET is only allowed after ROTATE, with the token that ROTATE added.",
        )
    return None


def _answer(group: Record) -> Response:
    from ministack.services import elasticache

    shown = elasticache._rg_xml(group)
    response: Response = elasticache._xml(
        200,
        "ModifyReplicationGroupResponse",
        f"<ModifyReplicationGroupResult><ReplicationGroup>{shown}</ReplicationGroup>"
        "</ModifyReplicationGroupResult>",
    )
    return response


def _group_xml(original: Callable[[Record], str], group: Record) -> str:
    """The group, with what is pending and when its token was last changed."""
    shown = original(group)
    if status := group.get("_auth_token_status"):
        shown += (
            f"<PendingModifiedValues><AuthTokenStatus>{status}</AuthTokenStatus>"
            "</PendingModifiedValues>"
        )
    if modified := group.get("_auth_token_modified"):
        shown += f"<AuthTokenLastModifiedDate>{modified}</AuthTokenLastModifiedDate>"
    return shown


def _by_stack_at_once(
    original: Callable[..., tuple[str, Record]], *arguments: Any, **named: Any
) -> tuple[str, Record]:
    mark = _by_stack.set(True)
    try:
        return original(*arguments, **named)
    finally:
        _by_stack.reset(mark)

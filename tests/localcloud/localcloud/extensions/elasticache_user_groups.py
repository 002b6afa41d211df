"""ElastiCache's user groups: which users may use which caches."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.extensions import elasticache as caches
from localcloud.extensions.elasticache import Parameters, Record, Response
from localcloud.extensions.elasticache_users import find_user
from localcloud.extensions.elasticache_wire import (
    MINIMUM_ENGINE_VERSION,
    Refused,
    answer,
    identifier,
    members,
    page,
    refusing,
    text,
)
from localcloud.servers.redis import User


def install() -> None:
    """Replace the operations, for the API and for stacks."""
    from ministack.services import elasticache

    for name, operation in {
        "create_user_group": _create_group,
        "modify_user_group": _modify_group,
        "delete_user_group": _delete_group,
        "describe_user_groups": _describe_groups,
    }.items():
        setattr(elasticache, f"_{name}", refusing(operation))


def users_of(cache: Record) -> list[User]:
    """The users that may use a replication group."""
    from ministack.services import elasticache

    groups = [elasticache._user_groups.get(one) or {} for one in cache.get("UserGroupIds") or []]
    ids = dict.fromkeys(one for group in groups for one in group.get("UserIds", []))
    records = [elasticache._users[one] for one in ids if one in elasticache._users]
    return [
        User(record["UserName"], record["AccessString"], tuple(record["_password_hashes"]))
        for record in records
    ]


def tell_caches(group_ids: Iterable[str]) -> None:
    """Carry the present users to every cache of these user groups."""
    from ministack.services import elasticache

    for cache in list(elasticache._replication_groups.values()):
        if set(cache.get("UserGroupIds") or []) & set(group_ids):
            caches.apply_access(cache)


def _create_group(p: Parameters) -> Response:
    from ministack.services import elasticache

    group_id = identifier(p, "UserGroupId")
    if group_id in elasticache._user_groups:
        raise Refused("UserGroupAlreadyExists", f"User group {group_id} already exists.")
    engine = text(p, "Engine") or "redis"
    ids = members(p, "UserIds")
    _check_members(ids, engine)
    arn = elasticache._arn_user_group(group_id)
    group = {
        "UserGroupId": group_id,
        "Status": "creating",
        "Engine": engine,
        "UserIds": ids,
        "ReplicationGroups": [],
        "ARN": arn,
    }
    elasticache._user_groups[group_id] = group
    elasticache._tags[arn] = elasticache._extract_tags(p)
    for one in ids:
        elasticache._users[one]["UserGroupIds"].append(group_id)
    caches.settle(group, "active", lambda: None, f"user-group-{group_id}")
    return answer("CreateUserGroup", _group_xml(group))


def _modify_group(p: Parameters) -> Response:
    from ministack.services import elasticache

    group = _find_group(text(p, "UserGroupId"))
    _require_active(group)
    add, remove = members(p, "UserIdsToAdd"), members(p, "UserIdsToRemove")
    ids = [one for one in group["UserIds"] if one not in remove]
    ids += [one for one in add if one not in ids]
    _check_members(ids, group["Engine"])
    for one in set(group["UserIds"]) - set(ids):
        elasticache._users[one]["UserGroupIds"].remove(group["UserGroupId"])
    for one in set(ids) - set(group["UserIds"]):
        elasticache._users[one]["UserGroupIds"].append(group["UserGroupId"])
    group["UserIds"] = ids
    group["Status"] = "modifying"
    caches.settle(
        group,
        "active",
        lambda: tell_caches([group["UserGroupId"]]),
        f"user-group-{group['UserGroupId']}",
    )
    return answer("ModifyUserGroup", _group_xml(group))


def _delete_group(p: Parameters) -> Response:
    from ministack.services import elasticache

    group = _find_group(text(p, "UserGroupId"))
    _require_active(group)
    if group["ReplicationGroups"]:
        raise Refused(
            "InvalidUserGroupState",
            f"User group {group['UserGroupId']} is associated with a replication group.",
        )
    for one in group["UserIds"]:
        elasticache._users[one]["UserGroupIds"].remove(group["UserGroupId"])
    del elasticache._user_groups[group["UserGroupId"]]
    elasticache._tags.pop(group["ARN"], None)
    return answer("DeleteUserGroup", _group_xml(group | {"Status": "deleting"}))


def _describe_groups(p: Parameters) -> Response:
    from ministack.services import elasticache

    wanted = text(p, "UserGroupId")
    groups = [_find_group(wanted)] if wanted else list(elasticache._user_groups.values())
    shown, marker = page(p, sorted(groups, key=lambda group: group["UserGroupId"]))
    found = "".join(f"<member>{_group_xml(group)}</member>" for group in shown)
    return answer("DescribeUserGroups", f"<UserGroups>{found}</UserGroups>{marker}")


def _check_members(ids: list[str], engine: str) -> None:
    names = [find_user(one)["UserName"] for one in ids]
    for name in names:
        if names.count(name) > 1:
            raise Refused("DuplicateUserName", f"There are several users named {name}.")
    if engine == "redis" and "default" not in names:
        raise Refused(
            "DefaultUserRequired", "A user group of Redis OSS needs a user named default."
        )


def _find_group(group_id: str) -> Record:
    from ministack.services import elasticache

    found: Record | None = elasticache._user_groups.get(group_id.lower())
    if found is None:
        raise Refused("UserGroupNotFound", f"User group {group_id} not found.", 404)
    return found


def _require_active(group: Record) -> None:
    if _group_status(group) != "active":
        raise Refused(
            "InvalidUserGroupState", f"User group {group['UserGroupId']} is not in active state."
        )


def _group_status(group: Record) -> str:
    """A group is being modified while one of its users is."""
    from ministack.services import elasticache

    states = [elasticache._users[one]["Status"] for one in group["UserIds"]]
    own = str(group["Status"])
    return "modifying" if own == "active" and "modifying" in states else own


def _group_xml(group: Record) -> str:
    users = "".join(f"<member>{one}</member>" for one in group["UserIds"])
    cached = "".join(f"<member>{one}</member>" for one in group["ReplicationGroups"])
    return (
        f"<UserGroupId>{group['UserGroupId']}</UserGroupId>"
        f"<Status>{_group_status(group)}</Status><Engine>{group['Engine']}</Engine>"
        f"<UserIds>{users}</UserIds>"
        f"<MinimumEngineVersion>{MINIMUM_ENGINE_VERSION}</MinimumEngineVersion>"
        f"<ReplicationGroups>{cached}</ReplicationGroups><ARN>{group['ARN']}</ARN>"
    )

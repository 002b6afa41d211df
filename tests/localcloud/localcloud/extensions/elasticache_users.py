"""ElastiCache's users and user groups are users of the real servers.

MiniStack keeps a record of them and no more: any number of passwords, any access string, no state.
Here they are what Redis knows: a password opens the cache when it was set, two at most at a time,
and a change is under way for a moment (``modifying``), in which another one is refused.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from localcloud.extensions import elasticache as caches
from localcloud.extensions.elasticache import Parameters, Record, Response
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
from localcloud.servers.redis import hash_password
from localcloud.settings import ACCOUNT_ID, REGION

PASSWORDS_MAX = 2
PASSWORD_LENGTHS = range(16, 129)
TYPES = ("AWS::ElastiCache::User", "AWS::ElastiCache::UserGroup")

_PASSWORD = re.compile(r"[!-~]+")
# On and off, keys, channels, commands and categories, and the long words for all or none of them.
# Passwords are none of the access string's business.
_ACCESS_RULE = re.compile(
    r"on|off|(%(R|W|RW))?~\S*|&\S*|[+-]@?[A-Za-z0-9|_-]+"
    r"|(all|reset)(keys|channels)|(all|no)commands|clearselectors|\(|\)"
)


def install() -> None:
    """Replace the operations, for the API and for stacks."""
    from ministack.core.responses import request_scope
    from ministack.services import elasticache
    from ministack.services.cloudformation import provisioners, stacks

    for name, operation in {
        "create_user": _create_user,
        "modify_user": _modify_user,
        "delete_user": _delete_user,
        "describe_users": _describe_users,
    }.items():
        setattr(elasticache, f"_{name}", refusing(operation))
    # Stacks wait for a change to be made, and so they do on a thread of their own.
    on_worker_thread = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda kind: kind in TYPES or on_worker_thread(kind)
    for kind, records in zip(TYPES, (elasticache._users, elasticache._user_groups), strict=True):
        handlers = provisioners._RESOURCE_HANDLERS[kind]
        for operation in ("create", "update"):
            handlers[operation] = caches.waiting(handlers[operation], records)
    with request_scope(ACCOUNT_ID, REGION):
        elasticache._users["default"] = _record(
            "default", "default", "redis", "on ~* +@all", [], elasticache._arn_user("default")
        )


def _record(
    user_id: str, name: str, engine: str, access: str, hashes: list[str], arn: str
) -> Record:
    return {
        "UserId": user_id,
        "UserName": name,
        "Engine": engine,
        "Status": "active",
        "AccessString": access,
        "UserGroupIds": [],
        "ARN": arn,
        "_password_hashes": hashes,
    }


def _create_user(p: Parameters) -> Response:
    from ministack.services import elasticache

    user_id = identifier(p, "UserId")
    name, access = text(p, "UserName"), text(p, "AccessString")
    if not name:
        raise Refused("InvalidParameterValue", "UserName is required.")
    if user_id in elasticache._users:
        raise Refused("UserAlreadyExists", f"User {user_id} already exists.")
    _check_access(access)
    hashes = _asked_passwords(p)
    if hashes is None:
        raise Refused(
            "InvalidParameterCombination", "Either passwords or NoPasswordRequired is needed."
        )
    arn = elasticache._arn_user(user_id)
    user = _record(user_id, name, text(p, "Engine") or "redis", access, hashes, arn)
    elasticache._users[user_id] = user
    elasticache._tags[arn] = elasticache._extract_tags(p)
    return answer("CreateUser", _user_xml(user))


def _modify_user(p: Parameters) -> Response:
    user = find_user(text(p, "UserId"))
    if user["Status"] != "active":
        raise Refused("InvalidUserState", f"User {user['UserId']} is not in active state.")
    access = text(p, "AccessString") or user["AccessString"]
    if more := text(p, "AppendAccessString"):
        access = f"{access} {more}"
    _check_access(access)
    hashes = _asked_passwords(p)
    user["Status"] = "modifying"

    def apply() -> None:
        user["AccessString"] = access
        if hashes is not None:
            user["_password_hashes"] = hashes
        _tell_caches(user)

    caches.settle(user, "active", apply, f"user-{user['UserId']}")
    return answer("ModifyUser", _user_xml(user))


def _delete_user(p: Parameters) -> Response:
    from ministack.services import elasticache

    user = find_user(text(p, "UserId"))
    groups = [elasticache._user_groups[one] for one in user["UserGroupIds"]]
    if user["UserId"] == "default":
        raise Refused("InvalidParameterValue", "The default user cannot be deleted.")
    if user["UserName"] == "default" and groups:
        raise Refused(
            "DefaultUserAssociatedToUserGroup",
            f"User {user['UserId']} is the default user of a user group.",
        )
    if user["Status"] != "active":
        raise Refused("InvalidUserState", f"User {user['UserId']} is not in active state.")
    for group in groups:
        group["UserIds"].remove(user["UserId"])
    del elasticache._users[user["UserId"]]
    elasticache._tags.pop(user["ARN"], None)
    _tell_caches(user)
    return answer("DeleteUser", _user_xml(user | {"Status": "deleting"}))


def _describe_users(p: Parameters) -> Response:
    from ministack.services import elasticache

    wanted, engine = text(p, "UserId"), text(p, "Engine")
    users = [find_user(wanted)] if wanted else list(elasticache._users.values())
    users = [user for user in users if not engine or user["Engine"] == engine]
    shown, marker = page(p, sorted(users, key=lambda user: user["UserId"]))
    found = "".join(f"<member>{_user_xml(user)}</member>" for user in shown)
    return answer("DescribeUsers", f"<Users>{found}</Users>{marker}")


def _tell_caches(user: Record) -> None:
    from localcloud.extensions import elasticache_user_groups

    elasticache_user_groups.tell_caches(user["UserGroupIds"])


def _asked_passwords(p: Parameters) -> list[str] | None:
    """The hashes of the passwords that are asked for; None when nothing is said about them."""
    mode = text(p, "AuthenticationMode.Type")
    passwords = members(p, "Passwords") or members(p, "AuthenticationMode.Passwords")
    none_needed = text(p, "NoPasswordRequired").lower() == "true" or mode == "no-password-required"
    if mode == "iam":
        raise Refused(
            "InvalidParameterValue", "The local cloud has no IAM authentication for caches."
        )
    if none_needed and passwords:
        raise Refused(
            "InvalidParameterCombination", "No password is required, and yet one is given."
        )
    if not passwords:
        return [] if none_needed else None
    if len(passwords) > PASSWORDS_MAX:
        raise Refused(
            "InvalidParameterValue", f"A user can have at most {PASSWORDS_MAX} passwords."
        )
    for password in passwords:
        if len(password) not in PASSWORD_LENGTHS or not _PASSWORD.fullmatch(password):
            raise Refused(
                "InvalidParameterValue",
                "A password must have 16 to 128 printable ASCII characters and no space.",
            )
    return [hash_password(password) for password in dict.fromkeys(passwords)]


def _check_access(access: str) -> None:
    rules = access.split()
    if not rules:
        raise Refused("InvalidParameterValue", "AccessString is required.")
    for position, rule in enumerate(rules, 1):
        if not _ACCESS_RULE.fullmatch(rule):
            # Not in its own words: it may be a password, put where none belongs.
            raise Refused("InvalidParameterValue", f"Invalid access string: its rule {position}.")


def find_user(user_id: str) -> Record:
    """The user's record; refused when there is none."""
    from ministack.services import elasticache

    found: Record | None = elasticache._users.get(user_id.lower())
    if found is None:
        raise Refused("UserNotFound", f"User {user_id} not found.", 404)
    return found


def _user_xml(user: Record) -> str:
    groups = "".join(f"<member>{one}</member>" for one in user["UserGroupIds"])
    count = len(user["_password_hashes"])
    return (
        f"<UserId>{user['UserId']}</UserId><UserName>{escape(user['UserName'])}</UserName>"
        f"<Status>{user['Status']}</Status><Engine>{user['Engine']}</Engine>"
        f"<MinimumEngineVersion>{MINIMUM_ENGINE_VERSION}</MinimumEngineVersion>"
        f"<AccessString>{escape(user['AccessString'])}</AccessString>"
        f"<UserGroupIds>{groups}</UserGroupIds>"
        f"<Authentication><Type>{'password' if count else 'no-password'}</Type>"
        f"<PasswordCount>{count}</PasswordCount></Authentication><ARN>{user['ARN']}</ARN>"
    )

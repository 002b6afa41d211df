"""What IAM is asked on AWS and MiniStack does not ask: with it, a policy that is too wide or too
narrow is found here and not in production.

MiniStack checks one action on one resource for most calls. The gaps closed here:

- ``iam:PassRole``, with ``iam:PassedToService``, where a call hands a role to a service;
- ECS services are resources of their own (MiniStack asks for the cluster), and ``ecs:cluster`` says
  which cluster a call is about;
- ElastiCache's users and user groups are resources, too, and so is what is asked for its tags
  (MiniStack asks for ``*``);
- ``events:source``, entry by entry, for ``PutEvents``;
- SES v2's ``SendEmail`` is asked for the identity of the sender (MiniStack asks for ``*``).
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any

from ministack.core import iam_actions, iam_evaluator

from localcloud.settings import Settings

# Which service takes the role that a call to this service names, and under which names.
PASSED_TO = {
    "cloudformation": "cloudformation.amazonaws.com",
    "ecs": "ecs-tasks.amazonaws.com",
    "lambda": "lambda.amazonaws.com",
}
ROLE_FIELDS = ("Role", "executionRoleArn", "taskRoleArn")
# Where an ElastiCache call names users and user groups, and how their ARNs begin.
CACHE_USER_FIELDS = {"UserId": "user", "UserGroupId": "usergroup"}
# Where an ECS call names services.
SERVICE_FIELDS = ("services", "service", "serviceName")


@dataclass(frozen=True)
class Check:
    """One question to IAM: this action, on this resource, under these circumstances."""

    resource: str
    # The action of the call itself, unless another one is asked for.
    action: str = ""
    context: dict[str, Any] = field(default_factory=dict)


# The service that the request at hand is for, and the questions that it raises beside the one that
# MiniStack asks. What MiniStack does in its course for another service is not meant.
_checks: ContextVar[tuple[str, tuple[Check, ...]]] = ContextVar(
    "localcloud_checks", default=("", ())
)
# The action that was refused, where it is not the call's own.
_refused: ContextVar[str] = ContextVar("localcloud_refused", default="")


def install(settings: Settings) -> None:
    """Ask the missing questions; without IAM enforced nothing is asked at all."""
    if not settings.authentication:
        return
    extract, enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce
    deny = iam_actions.access_denied_response

    def extract_and_note(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        parameters: dict[str, Any],
        region: str,
        account_id: str,
    ) -> str:
        resource = extract(service, method, path, headers, body, parameters, region, account_id)
        _refused.set("")
        prefix = f"{region}:{account_id}"
        checks = _roles_passed(service, body, parameters)
        if service == "ecs":
            checks += _ecs(body, prefix, resource)
        if service == "elasticache":
            checks += [Check(arn) for arn in _cache_resources(parameters, prefix)]
        if service == "events":
            checks += _entries(body, prefix)
        if service == "ses":
            checks += _sender(path, body, prefix)
        _checks.set((service, tuple(checks)))
        own = [check.resource for check in checks if not check.action]
        return own[0] if own else resource

    def enforce_all(
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        asked_for, checks = _checks.get()
        if asked_for != service:
            checks = ()
        own = [check for check in checks if not check.action] or [Check(resource_arn)]
        for check in [*own, *(check for check in checks if check.action)]:
            denied = enforce(
                access_key,
                check.action or action,
                service,
                region,
                resource_arn=check.resource,
                service_context={**(service_context or {}), **check.context},
            )
            if denied:
                _refused.set(check.action)
                return denied
        return None

    def deny_by_name(service: str, action: str, *rest: Any, **more: Any) -> tuple:
        return deny(service, _refused.get() or action, *rest, **more)

    iam_actions.extract_resource_arn = extract_and_note
    iam_evaluator.enforce = enforce_all
    iam_actions.access_denied_response = deny_by_name


def _roles_passed(service: str, body: bytes, parameters: dict[str, Any]) -> list[Check]:
    """A question for each role that the call hands on."""
    if service not in PASSED_TO:
        return []
    if service == "cloudformation":
        given = parameters.get("RoleARN") or []
        roles = given if isinstance(given, list) else [given]
    else:
        fields = _json(body)
        roles = [fields[name] for name in ROLE_FIELDS if isinstance(fields.get(name), str)]
    context = {"iam:PassedToService": PASSED_TO[service]}
    return [Check(role, "iam:PassRole", context) for role in roles if role]


def _ecs(body: bytes, prefix: str, resource: str) -> list[Check]:
    """A question for each service that the call names, else for what MiniStack asks about; all
    with the cluster that they are in.
    """
    fields = _json(body)
    if not fields.get("cluster") and not any(fields.get(name) for name in SERVICE_FIELDS):
        return []
    cluster = str(fields.get("cluster") or "default").rsplit("/", 1)[-1]
    named = next((fields[name] for name in SERVICE_FIELDS if fields.get(name)), [])
    services = named if isinstance(named, list) else [named]
    arns = [
        one if one.startswith("arn:") else f"arn:aws:ecs:{prefix}:service/{cluster}/{one}"
        for one in services
        if isinstance(one, str)
    ]
    context = {"ecs:cluster": f"arn:aws:ecs:{prefix}:cluster/{cluster}"}
    return [Check(arn, "", context) for arn in arns or [resource]]


def _cache_resources(parameters: dict[str, Any], prefix: str) -> list[str]:
    """The ARNs of the users, the user groups and the tagged resource that the call names."""
    arns = [
        f"arn:aws:elasticache:{prefix}:{kind}:{one}"
        for field, kind in CACHE_USER_FIELDS.items()
        for one in _listed(parameters.get(field))
    ]
    return arns + _listed(parameters.get("ResourceName"))


def _listed(value: Any) -> list[str]:
    """A parameter of the query protocol as a list, given or not."""
    return value if isinstance(value, list) else [value] if value else []


def _entries(body: bytes, prefix: str) -> list[Check]:
    """A question for each bus and source among the entries of ``PutEvents``."""
    pairs: dict[tuple[str, str], None] = {}
    entries = _json(body).get("Entries")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            bus = str(entry.get("EventBusName") or "default")
            arn = bus if bus.startswith("arn:") else f"arn:aws:events:{prefix}:event-bus/{bus}"
            pairs[(arn, str(entry.get("Source") or ""))] = None
    return [Check(arn, "", {"events:source": source}) for arn, source in pairs]


def _sender(path: str, body: bytes, prefix: str) -> list[Check]:
    """A question for the verified identity that a letter is sent by: the address or its domain."""
    from ministack.services import ses_v2

    address = _json(body).get("FromEmailAddress")
    if path.rstrip("/") != "/v2/email/outbound-emails" or not isinstance(address, str):
        return []
    address = parseaddr(address)[1]
    domain = address.rpartition("@")[2]
    identity = address if address in ses_v2._identities else domain
    return [Check(f"arn:aws:ses:{prefix}:identity/{identity}")]


def _json(body: bytes) -> dict[str, Any]:
    """The body's fields; none where it is not a JSON object."""
    try:
        fields = json.loads(body or b"{}")
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return fields if isinstance(fields, dict) else {}

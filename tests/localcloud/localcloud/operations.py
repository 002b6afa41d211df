"""What a request is: which service's which operation, called by whom.

AWS has half a dozen wire protocols, and each says it differently: in a header, in the body, in the
path. The service is always the one that the request is signed for.
"""

from __future__ import annotations

import functools
import re
import urllib.parse
from dataclasses import dataclass
from typing import Any

import botocore.loaders

from localcloud.gateway import Request

# Signing name → name of botocore's model, for the services whose operations are known by their
# path alone.
REST_MODELS = {
    "s3": "s3",
    "lambda": "lambda",
    "scheduler": "scheduler",
    "route53": "route53",
    "elasticfilesystem": "efs",
    "pipes": "pipes",
    "backup": "backup",
    "xray": "xray",
    "ses": "sesv2",
}

_SCOPE = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/")
_CBOR_PATH = re.compile(r"^/service/[^/]+/operation/([^/]+)$")


@dataclass(frozen=True)
class Operation:
    """One AWS call, as far as it can be told from the request."""

    service: str
    name: str
    access_key_id: str


def identify(request: Request) -> Operation | None:
    """The AWS call that a request makes; None for anything that is not signed."""
    scope = _SCOPE.search(request.headers.get("authorization", ""))
    if scope:
        access_key_id, service = scope.groups()
    else:
        parts = request.query().get("X-Amz-Credential", [""])[0].split("/")
        if len(parts) != 5:
            return None
        access_key_id, service = parts[0], parts[3]
    return Operation(service, _name(service, request), access_key_id)


def _name(service: str, request: Request) -> str:
    target = request.headers.get("x-amz-target", "")
    if target:
        return target.rsplit(".", 1)[-1]
    if cbor := _CBOR_PATH.match(request.path):
        return cbor.group(1)
    if action := request.query().get("Action"):
        return action[0]
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = urllib.parse.parse_qs(request.body.decode("utf-8", "replace"))
        if action := form.get("Action"):
            return action[0]
    return _rest_name(service, request) or f"{request.method} {request.path}"


@dataclass(frozen=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    # Query parameters that must be there, with their values where these are fixed.
    required: dict[str, str]
    # Headers that must be there: S3 tells copying from putting by one of them.
    headers: frozenset[str]
    # Of two routes that match, the one that fixes more is meant.
    weight: int
    operation: str


def _rest_name(service: str, request: Request) -> str | None:
    model = REST_MODELS.get(service)
    if model is None:
        return None
    path = request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0]
    query = request.query()
    for route in _routes(model):
        if (
            route.method == request.method
            and route.pattern.match(path)
            and route.headers <= request.headers.keys()
            and all(
                name in query and (not value or value in query[name])
                for name, value in route.required.items()
            )
        ):
            return route.operation
    return None


@functools.cache
def _routes(model: str) -> tuple[_Route, ...]:
    """A service's routes, the most particular first."""
    description = botocore.loaders.Loader().load_service_model(model, "service-2")
    routes = [
        _route(name, operation, description["shapes"])
        for name, operation in description["operations"].items()
    ]
    return tuple(sorted(routes, key=lambda route: -route.weight))


def _route(name: str, operation: dict[str, Any], shapes: dict[str, Any]) -> _Route:
    path, _, query = operation["http"]["requestUri"].partition("?")
    required = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    # `x-id` repeats the operation's name; SDKs send it or not.
    required.pop("x-id", None)
    headers = set()
    shape = shapes.get(operation.get("input", {}).get("shape"), {})
    for member_name in shape.get("required", ()):
        member = shape["members"][member_name]
        if member.get("location") == "querystring":
            required.setdefault(member["locationName"], "")
        elif member.get("location") == "header":
            headers.add(member["locationName"].lower())
    pattern, weight = "", len(required) + len(headers)
    for part in re.split(r"(\{[^}]+\})", path.rstrip("/")):
        if part.endswith("+}"):
            pattern += ".+"
        elif part.startswith("{"):
            pattern += "[^/]+"
        else:
            pattern += re.escape(part)
            # A fixed segment says more than any parameter.
            weight += 10 * part.count("/")
    return _Route(
        operation["http"]["method"],
        re.compile(f"^{pattern}/?$"),
        required,
        frozenset(headers),
        weight,
        name,
    )

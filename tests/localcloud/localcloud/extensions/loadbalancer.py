"""The load balancer tells the truth about its targets, and is reached by the tenants' host names.

MiniStack routes requests by listener rules already, but calls every target healthy, sends requests
to any of them, and is reached by the load balancer's own name alone. Here targets are checked
(``localcloud.health_checks``), requests go to healthy ones, and any request to the cloud's port
that is not an AWS call and whose Host a rule names goes to that rule's load balancer:

    curl -H 'Host: demo.dev.example.com' http://127.0.0.1:PORT/
"""

from __future__ import annotations

import random
from typing import Any
from xml.sax.saxutils import escape

from localcloud import gateway, health_checks
from localcloud.gateway import Proceed, Request, Send
from localcloud.health_checks import Health, TargetKey
from localcloud.settings import ACCOUNT_ID, REGION, Settings

OWN_NAMES = frozenset({"127.0.0.1", "localhost"})

_NOT_IN_USE = Health(
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
_NOT_REGISTERED = Health(
    "unused", "Target.NotRegistered", "Target is not registered to the target group"
)


def install(_settings: Settings) -> None:
    """Check targets, answer truthfully, and open the door for tenants' requests."""
    from ministack.services import alb

    alb._ACTION_MAP["DescribeTargetHealth"] = _describe_target_health
    alb._forward_to_tg = _to_healthy_targets(alb._forward_to_tg)
    gateway.add_door(_route)
    health_checks.start()


def _describe_target_health(params: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    from ministack.services import alb

    arn = alb._p(params, "TargetGroupArn")
    group = alb._tgs.get(arn)
    if group is None:
        refusal: tuple[int, dict[str, str], bytes] = alb._error(
            "TargetGroupNotFound", f"Target group '{arn}' not found."
        )
        return refusal
    registered = health_checks.targets_of(group)
    asked = alb._parse_targets_param(params)
    if asked:
        shown = [
            {"Id": one["Id"], "Port": health_checks.port_of(one, group)}
            if "Port" in one
            else next((known for known in registered if known["Id"] == one["Id"]), one)
            for one in asked
        ]
    else:
        shown = registered
    used = health_checks.in_use(arn)
    members = ""
    for target in shown:
        port = health_checks.port_of(target, group)
        key = (arn, str(target["Id"]), port)
        if not any((one["Id"], one["Port"]) == key[1:] for one in registered):
            health = _NOT_REGISTERED
        else:
            health = health_checks.of(key) if used else _NOT_IN_USE
        members += _health_xml(key, health)
    answer: tuple[int, dict[str, str], bytes] = alb._xml(
        200,
        "DescribeTargetHealth",
        f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>",
    )
    return answer


def _health_xml(key: TargetKey, health: Health) -> str:
    _, target_id, port = key
    told = f"<State>{health.state}</State>"
    if health.reason:
        told += f"<Reason>{health.reason}</Reason>"
    if health.description:
        told += f"<Description>{escape(health.description)}</Description>"
    return (
        f"<member><Target><Id>{escape(target_id)}</Id><Port>{port}</Port></Target>"
        f"<HealthCheckPort>{port}</HealthCheckPort><TargetHealth>{told}</TargetHealth></member>"
    )


def _to_healthy_targets(forward: Any) -> Any:
    """Choose among healthy targets; when there is none, among all, as AWS does ("fail open")."""

    async def forward_to_healthy(
        arn: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, list[str]],
        raw_query_string: str | None = None,
        raw_path: str | None = None,
    ) -> Any:
        from ministack.services import alb

        group = alb._tgs.get(arn)
        targets = health_checks.targets_of(group) if group else []
        if group is None or not targets or group.get("TargetType") == "lambda":
            return await forward(
                arn, method, path, headers, body, query, raw_query_string, raw_path
            )
        healthy = [
            one
            for one in targets
            if health_checks.of((arn, one["Id"], one["Port"])).state == "healthy"
        ]
        target = random.choice(healthy or targets)
        return await alb._proxy_http_target(
            target, group, method, raw_path or path, headers, body, query, raw_query_string
        )

    return forward_to_healthy


async def _route(request: Request, send: Send, proceed: Proceed) -> None:
    host = request.headers.get("host", "").partition(":")[0].lower()
    signed = request.headers.get("authorization", "").startswith("AWS4-")
    found = None if signed or host in OWN_NAMES else _load_balancer_for(host)
    if found is None:
        await proceed(request, send)
        return
    await _dispatch(found, request, send)


def _load_balancer_for(host: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The load balancer and listener of which a rule names this host, or which has that name."""
    from ministack.core.responses import request_scope
    from ministack.services import alb

    with request_scope(ACCOUNT_ID, REGION):
        for rule in alb._rules.values():
            listener = alb._listeners.get(rule.get("ListenerArn"))
            if listener is None:
                continue
            by_host = [one for one in rule.get("Conditions", []) if one["Field"] == "host-header"]
            named = by_host and all(
                alb._match_condition(one, "GET", "/", {"host": host}, {}) for one in by_host
            )
            balancer = alb._lbs.get(listener["LoadBalancerArn"])
            if balancer and (named or balancer["DNSName"].lower() == host):
                return balancer, listener
    return None


async def _dispatch(
    found: tuple[dict[str, Any], dict[str, Any]], request: Request, send: Send
) -> None:
    from ministack import app
    from ministack.core.responses import StreamingResponse, request_scope
    from ministack.services import alb

    balancer, listener = found
    raw_path = request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0]
    with request_scope(ACCOUNT_ID, REGION):
        status, headers, body = await alb.dispatch_request(
            balancer,
            request.method,
            request.path,
            dict(request.headers),
            request.body,
            request.query(),
            int(listener.get("Port", 80)),
            client_ip=request.client[0],
            raw_query_string=request.scope.get("query_string", b"").decode("latin-1"),
            raw_path=raw_path or None,
        )
    if isinstance(body, StreamingResponse):
        await app._send_streaming_response(send, request.receive, status, headers, body)
    else:
        await app._send_response(send, status, headers, body, head=request.method == "HEAD")

"""Sinks as tests use them: plain HTTP requests over verified TLS."""

from __future__ import annotations

import contextlib
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from cloud import Cloud

TOKEN = "xoxb-000000000000-localcloud"
CHANNEL = "C0CRITICAL"
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
TIMEOUT_SECONDS = 10.0


def send(
    cloud: Cloud,
    sink: str,
    path: str,
    body: Any,
    headers: dict[str, str] | None = None,
    timeout: float = TIMEOUT_SECONDS,
    method: str = "POST",
) -> tuple[int, Any, dict[str, str]]:
    """Send something to a sink: status, JSON or text, and headers of the answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        cloud.control("GET", "sinks")[sink]["url"] + path,
        data=content,
        headers={"Content-Type": "application/json; charset=utf-8"} | (headers or {}),
        method=method,
    )
    trust = ssl.create_default_context(cafile=cloud.ready["ca_bundle"])
    try:
        answer = urllib.request.urlopen(request, timeout=timeout, context=trust)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read().decode()
        sent = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status, _json(text), sent


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def slack(cloud: Cloud, method: str, token: str | None = TOKEN, **arguments: Any) -> Any:
    """Call a method of Slack's Web API; what it says."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return send(cloud, "slack", f"/api/{method}", arguments, headers)[1]


def kept(cloud: Cloud, sink: str) -> Any:
    """What the sink has now."""
    return cloud.control("GET", f"sinks/{sink}")["kept"]


def requests(cloud: Cloud, sink: str) -> list[dict]:
    """What came in at the sink."""
    return cloud.control("GET", f"sinks/{sink}")["requests"]


@contextlib.contextmanager
def failing(cloud: Cloud, sink: str, *rules: dict) -> Iterator[None]:
    """Have the sink fail in these ways for as long as the block lasts."""
    cloud.control("PUT", f"sinks/{sink}/faults", {"rules": list(rules)})
    try:
        yield
    finally:
        cloud.control("DELETE", f"sinks/{sink}/faults")


@contextlib.contextmanager
def set_up(cloud: Cloud, sink: str, **wishes: Any) -> Iterator[None]:
    """Have the sink's settings so for as long as the block lasts."""
    before = cloud.control("GET", f"sinks/{sink}")["settings"]
    cloud.control("PUT", f"sinks/{sink}", wishes)
    try:
        yield
    finally:
        cloud.control("PUT", f"sinks/{sink}", {name: before[name] for name in wishes})

"""The front door: every request passes here before MiniStack sees it.

The control API is answered here. Everything else is an AWS call (or traffic for the load balancer)
and goes on to MiniStack.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTROL_PREFIX = "/_localcloud/"


class Gateway:
    """The ASGI application that is served."""

    def __init__(self, ministack: App) -> None:
        self._ministack = ministack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection's request."""
        if scope["type"] == "http" and scope["path"].startswith(CONTROL_PREFIX):
            await answer_json(send, 200, {"status": "ok"})
            return
        await self._ministack(scope, receive, send)


async def answer_json(send: Send, status: int, body: Any) -> None:
    """Send one JSON answer."""
    payload = json.dumps(body).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(payload)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})

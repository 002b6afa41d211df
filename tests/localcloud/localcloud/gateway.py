"""The front door: every request passes here before MiniStack sees it.

MiniStack is one ASGI application. The extensions that need to see requests (the control API, the
load balancer, the call recorder, the faults) put themselves in front of it as *doors*, and a
request goes through them from the outermost inwards. The body is read once, here, because what a
call is called stands in its body in half of AWS's protocols.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from hypercorn.asyncio import tcp_server

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass
class Request:
    """One HTTP request, with its body."""

    scope: Scope
    body: bytes
    headers: dict[str, str]
    # What comes after the body: the caller's leaving.
    receive: Receive
    # What the doors tell one another about this request.
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The HTTP method, in capitals."""
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        """The path, percent-decoded."""
        return str(self.scope["path"])

    def query(self) -> dict[str, list[str]]:
        """The query string's parameters."""
        raw = self.scope.get("query_string", b"").decode("latin-1")
        return urllib.parse.parse_qs(raw, keep_blank_values=True)

    @property
    def client(self) -> tuple[str, int]:
        """The caller's end of the connection."""
        host, port = (self.scope.get("client") or ("", 0))[:2]
        return str(host), int(port)


Proceed = Callable[[Request, Send], Awaitable[None]]
# A door either answers by itself or calls `proceed`.
Door = Callable[[Request, Send, Proceed], Awaitable[None]]

_doors: list[Door] = []
# Open connections by the caller's address, so that a fault can cut one of them.
_connections: dict[tuple[str, int], tcp_server.TCPServer] = {}


def add_door(door: Door) -> None:
    """Put a door in front of MiniStack and of all doors added before."""
    _doors.append(door)


class Gateway:
    """The ASGI application that is served."""

    def __init__(self, ministack: App) -> None:
        self._ministack = ministack
        _track_connections()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection's request."""
        if scope["type"] != "http":
            await self._ministack(scope, receive, send)
            return
        body = await _read_body(receive)
        if body is None:
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        await self._through(len(_doors) - 1, Request(scope, body, headers, receive), send)

    async def _through(self, position: int, request: Request, send: Send) -> None:
        if position < 0:
            await self._ministack(request.scope, _replay(request.body, request.receive), send)
            return

        async def proceed(inner: Request, inner_send: Send) -> None:
            await self._through(position - 1, inner, inner_send)

        await _doors[position](request, send, proceed)


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body, or None when the caller left before it was complete."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands the body out once and then listens for the caller's leaving."""
    handed_out = False

    async def again() -> dict[str, Any]:
        nonlocal handed_out
        if handed_out:
            return await receive()
        handed_out = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


class Answer:
    """An answer kept back instead of sent: its status and whether there is one at all."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    async def keep(self, message: dict[str, Any]) -> None:
        """Take the place of `send`."""
        self.messages.append(message)


async def answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    """Send one whole answer."""
    raw = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
    ]
    raw.append((b"content-length", str(len(body)).encode("ascii")))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def answer_json(send: Send, status: int, body: Any) -> None:
    """Send one JSON answer."""
    await answer(send, status, {"content-type": "application/json"}, json.dumps(body).encode())


def hang_up(request: Request) -> None:
    """Cut the caller's connection; the door that does so then returns without an answer."""
    connection = _connections.get(request.client)
    if connection is not None:
        connection.writer.transport.abort()


def _track_connections() -> None:
    """Hypercorn tells the application the caller's address only; keep the connection beside it."""
    original = tcp_server.TCPServer.run

    async def run(self: tcp_server.TCPServer) -> None:
        peer = self.writer.get_extra_info("peername")
        key = (str(peer[0]), int(peer[1])) if peer else ("", 0)
        _connections[key] = self
        try:
            await original(self)
        finally:
            _connections.pop(key, None)

    tcp_server.TCPServer.run = run

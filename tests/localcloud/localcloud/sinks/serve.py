"""The sinks on the network: each at an address of its own, on HTTPS and on HTTP.

They are served beside AWS, on a thread and a loop of their own: neither waits for the other.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import socket
import threading
import time
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config

from localcloud import authority, gateway
from localcloud.gateway import Receive, Scope, Send
from localcloud.servers import ServerError, addresses, storage
from localcloud.sinks.faults import Rule
from localcloud.sinks.sink import Incoming, Outgoing, Sink

HTTPS_PORT, HTTP_PORT = 443, 80
START_SECONDS = 20.0
POLL_SECONDS = 0.02
# A request that was never answered.
NO_ANSWER = 0


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a sink can be reached."""

    sink: Sink
    address: str
    https_port: int
    http_port: int

    @property
    def url(self) -> str:
        """The address that stands for the real one; its certificate is the local authority's."""
        return f"https://{self.address}{_suffix(self.https_port, HTTPS_PORT)}"

    @property
    def plain_url(self) -> str:
        """The same without TLS, for figures without it."""
        return f"http://{self.address}{_suffix(self.http_port, HTTP_PORT)}"


def start(sinks: list[Sink], state_dir: Path) -> dict[str, Place]:
    """Serve these sinks from now on; where each of them is."""
    places = {}
    for sink in sinks:
        address, https_port = addresses.allocate_for(HTTPS_PORT)
        places[sink.name] = Place(sink, address, https_port, _free_port(address, HTTP_PORT))
    folder = storage.root(state_dir) / "sinks"
    storage.private_folder(folder, None)
    material = authority.server_certificate(
        state_dir, [*(place.address for place in places.values()), "localhost"]
    )
    config = Config()
    config.bind = [f"{place.address}:{place.https_port}" for place in places.values()]
    config.insecure_bind = [f"{place.address}:{place.http_port}" for place in places.values()]
    config.certfile = str(storage.private_file(folder / "tls.crt", material.certificate, None))
    config.keyfile = str(storage.private_file(folder / "tls.key", material.key, None))
    config.alpn_protocols = ["http/1.1"]
    config.errorlog = logging.getLogger("hypercorn")
    config.accesslog = None
    app = _App({place.address: place.sink for place in places.values()})

    async def run() -> None:
        # Ends with the process: whoever waits for an answer then has lost it.
        await hypercorn_serve(app, config, shutdown_trigger=asyncio.Event().wait)  # type: ignore[arg-type]

    threading.Thread(target=lambda: asyncio.run(run()), name="sinks", daemon=True).start()
    deadline = time.monotonic() + START_SECONDS
    for place in places.values():
        for port in (place.https_port, place.http_port):
            while not _listens(place.address, port):
                if time.monotonic() > deadline:
                    raise ServerError(f"the sink {place.sink.name} does not listen on {port}")
                time.sleep(POLL_SECONDS)
    return places


class _App:
    """Brings each request to the sink at whose address it came in."""

    def __init__(self, sinks: dict[str, Sink]) -> None:
        self._sinks = sinks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        request = await gateway.read(scope, receive) if scope["type"] == "http" else None
        if request is None:
            return
        sink = self._sinks[str(scope["server"][0])]
        incoming = Incoming(
            request.method, request.path, request.query(), request.headers, request.body
        )
        rule = sink.rule_for(incoming)
        answer = await _through(sink, incoming, rule)
        fault = None if rule is None else f"{rule.kind} {rule.when}"
        # Before the sender can see the answer: whoever was answered finds its request.
        sink.write_down(incoming, NO_ANSWER if answer is None else answer.status, fault)
        if answer is None:
            gateway.hang_up(request)
            return
        await _send(send, answer)


async def _through(sink: Sink, request: Incoming, rule: Rule | None) -> Outgoing | None:
    """The sink's answer, or the fault's, or None for none at all."""
    if rule is None:
        return sink.take(request)
    if rule.kind == "slow":
        await asyncio.sleep(rule.seconds)
        return sink.take(request)
    if rule.when == "after":
        sink.take(request)
    if rule.kind == "refuse":
        body = (rule.body or "").encode()
        return Outgoing(rule.status, body, retry_after=rule.retry_after)
    if rule.kind == "error_body":
        return sink.error_answer(rule.error)
    if rule.kind == "timeout":
        await asyncio.sleep(rule.seconds)
    return None


async def _send(send: Send, answer: Outgoing) -> None:
    await gateway.answer(send, answer.status, answer.headers(), answer.body)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Tell the server that there is nothing to prepare."""
    while True:
        message: dict[str, Any] = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _suffix(port: int, default: int) -> str:
    return "" if port == default else f":{port}"


def _free_port(address: str, wanted: int) -> int:
    """This port of the address, or another one where this one is not to be had."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise addresses.NoAddressError(f"{address} has no free port")


def _listens(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex((address, port)) == 0

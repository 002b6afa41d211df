"""The sinks on the network: each at an address of its own, on HTTPS and on HTTP.

They are served beside AWS, on a thread and a loop of their own: neither waits for the other.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
import socket
import ssl
import threading
from pathlib import Path

from localcloud import authority
from localcloud.servers import ServerError, addresses, storage
from localcloud.sinks import http1
from localcloud.sinks.faults import Rule
from localcloud.sinks.sink import Incoming, Outgoing, Sink

logger = logging.getLogger("localcloud")

HTTPS_PORT, HTTP_PORT = 443, 80
START_SECONDS = 20.0
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
    folder = storage.private_folder(storage.root(state_dir) / "sinks", None)
    material = authority.server_certificate(
        state_dir, [*(place.address for place in places.values()), "localhost"]
    )
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(
        storage.private_file(folder / "tls.crt", material.certificate, None),
        storage.private_file(folder / "tls.key", material.key, None),
    )
    started = threading.Event()
    threading.Thread(
        target=lambda: asyncio.run(_serve(list(places.values()), tls, started)),
        name="sinks",
        daemon=True,
    ).start()
    if not started.wait(START_SECONDS):
        raise ServerError("the sinks do not listen: see the log")
    return places


async def _serve(places: list[Place], tls: ssl.SSLContext, started: threading.Event) -> None:
    """Listen until the process ends; whoever waits for an answer then has lost it."""
    for place in places:
        converse = functools.partial(http1.converse, functools.partial(_answer, place.sink))
        for port, context in ((place.https_port, tls), (place.http_port, None)):
            await asyncio.start_server(
                converse, place.address, port, ssl=context, limit=http1.HEAD_BYTES_MAX
            )
    started.set()
    await asyncio.Event().wait()


async def _answer(sink: Sink, request: Incoming) -> Outgoing | None:
    """The sink's answer, once it is written down: whoever is answered finds its request."""
    rule = sink.rule_for(request)
    try:
        answer = await _through(sink, request, rule)
    except Exception:
        logger.exception("the sink %s failed on %s %s", sink.name, request.method, request.path)
        answer = Outgoing(500, b"the local cloud's sink failed: see its log")
    fault = None if rule is None else f"{rule.kind} {rule.when}"
    sink.write_down(request, NO_ANSWER if answer is None else answer.status, fault)
    return answer


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

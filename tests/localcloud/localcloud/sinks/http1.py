"""HTTP/1.1 as far as a sink needs it.

A storm of alerts must not be held up by whoever pretends to be its receiver, and some of the faults
are about the connection itself. So this is a few lines on the loop's own streams and no framework.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import urllib.parse
from collections.abc import Awaitable, Callable

from localcloud.sinks.sink import Incoming, Outgoing

# More than any sink takes; what is longer is not read at all.
BODY_BYTES_MAX = 64 * 1024 * 1024
HEAD_BYTES_MAX = 64 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

# The answer to a request, or None to hang up.
Answerer = Callable[[Incoming], Awaitable[Outgoing | None]]


async def converse(
    answer: Answerer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer all requests of one connection."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ValueError):
        while True:
            request = await _read(reader, writer)
            outgoing = await answer(request)
            if outgoing is None:
                writer.transport.abort()
                return
            closing = request.headers.get("connection", "").lower() == "close"
            writer.write(_encoded(outgoing, closing=closing))
            await writer.drain()
            if closing:
                break
    writer.close()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Incoming:
    """The next request; a ValueError when it is none."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise ValueError("the head of the request is too long") from error
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(_CONTINUE)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = await _chunks(reader)
    else:
        body = await reader.readexactly(_allowed(int(headers.get("content-length") or 0)))
    place = urllib.parse.urlsplit(target)
    query = urllib.parse.parse_qs(place.query, keep_blank_values=True)
    return Incoming(method, urllib.parse.unquote(place.path), query, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(_allowed(size + len(body)) - len(body))
        await reader.readline()
    while (await reader.readline()).strip():
        """Trailers say nothing that is of use."""
    return body


def _allowed(size: int) -> int:
    if not 0 <= size <= BODY_BYTES_MAX:
        raise ValueError("the body of the request is too long")
    return size


def _encoded(answer: Outgoing, *, closing: bool) -> bytes:
    phrase = http.HTTPStatus(answer.status).phrase if answer.status in _KNOWN else "Unknown"
    lines = [f"HTTP/1.1 {answer.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers().items()]
    if answer.status != http.HTTPStatus.NO_CONTENT:
        lines.append(f"content-length: {len(answer.body)}")
    if closing:
        lines.append("connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + answer.body


_KNOWN = frozenset(status.value for status in http.HTTPStatus)

"""All that a function writes during an invocation is in its log when the invocation ends.

MiniStack reads a function's output on a thread, and takes an invocation's to be complete once
nothing has arrived for five milliseconds. On a busy machine the thread may rest longer than that:
the last lines then appear with the environment's next invocation, or never. Whoever looks into logs
for what must be there, or must not, would be deceived. Here the end is exact: what the function
wrote before it answered lies in the pipe by then, so its output is complete when the pipe is empty
and everything from it has been taken over.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import select
import struct
import termios
import threading
import time
from typing import Any

from localcloud.settings import Settings

CHUNK_BYTES = 65_536
# A function that goes on writing after its answer is not waited for any longer.
DRAIN_SECONDS = 0.25
POLL_SECONDS = 0.001


def install(_settings: Settings) -> None:
    """Read functions' output in such a way that its end can be told."""
    from ministack.core import lambda_runtime

    worker = lambda_runtime.ProvidedWorker
    worker._pump_output = _pump  # type: ignore[method-assign]
    worker._drain_stderr_bounded = _drain  # type: ignore[method-assign]


def _pump(self: Any, stream: Any, lines: queue.Queue[str]) -> None:
    """Takes over what the function writes, for as long as it lives.

    Reading and taking over is one step under the lock: who holds the lock and finds the pipe empty
    knows that nothing is on its way.
    """
    rest = b""
    descriptor = stream.fileno()
    try:
        while True:
            select.select([descriptor], [], [])
            with _lock(self):
                chunk = os.read(descriptor, CHUNK_BYTES)
                *whole, rest = (rest + chunk).split(b"\n")
                if not chunk and rest:
                    whole.append(rest)
                for line in whole:
                    _put(lines, line.decode("utf-8", errors="replace").rstrip("\r"))
            if not chunk:
                return
    finally:
        with _lock(self):
            stream.close()


def _put(lines: queue.Queue[str], line: str) -> None:
    """Adds a line; the oldest gives way where there are too many, for the pipe must not fill up."""
    while True:
        try:
            lines.put_nowait(line)
            return
        except queue.Full:
            with contextlib.suppress(queue.Empty):
                lines.get_nowait()


def _drain(self: Any) -> str:
    """Everything that the function had written when it answered."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while not _is_read(self) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return str(self._drain_stderr())


def _is_read(self: Any) -> bool:
    """Whether nothing that was written is left in the pipe; so it is after the process's end, too,
    which the pump outlives by nothing.
    """
    process = self._proc
    with _lock(self):
        if process is None or process.stdout.closed:
            return True
        unread = fcntl.ioctl(process.stdout.fileno(), termios.FIONREAD, struct.pack("i", 0))
        return struct.unpack("i", unread)[0] == 0


def _lock(self: Any) -> threading.Lock:
    """The lock of this environment's output, made by whoever comes first."""
    lock: threading.Lock = self.__dict__.setdefault("_localcloud_output_lock", threading.Lock())
    return lock

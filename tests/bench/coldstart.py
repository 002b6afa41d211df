#!/usr/bin/env python3
"""Measure how fast a function's process comes up, and how much memory it takes.

A cold start is what a tenant's first event waits for. Of its parts only one is ours: from the start
of the process to its first request for an event (``GET …/invocation/next`` of Lambda's Runtime
API). This program plays the Runtime API for a ``bootstrap``, takes that time over many runs, and
reads the process's peak memory from the kernel (``VmHWM``; what ``getrusage`` says of a child
includes the memory of the parent that started it).

    coldstart.py target/lambda/tenant-onboarding/bootstrap.zip --runs 50

prints JSON. A zip is unpacked and started with the variables that the manifest gives to the
function whose folder it lies in; a program is started as it is, with those of ``--env``. With
``--event FILE`` each run also handles that event ``--invocations`` times before memory is read, so
that connections and what the work itself takes count too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import packages

# A function that has not asked for an event by then never will; Lambda itself allows 10 s.
START_LIMIT_SECONDS = 10.0
# Lambda's own limit is 15 min; a measured event takes milliseconds.
INVOCATION_LIMIT_SECONDS = 30.0


class MeasurementError(Exception):
    """The function did not do what is measured; the message says what it did instead."""


@dataclass
class Run:
    """One start of the process."""

    start_ms: float
    peak_rss_mib: float


class RuntimeApi:
    """The part of Lambda's Runtime API that a function needs, on one connection at a time.

    No thread and no framework: between the request's arrival and the clock there must be nothing.
    """

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.stream: BinaryIO | None = None

    def request(self, limit_seconds: float) -> tuple[str, bytes]:
        """Wait for the next request; answer with its path and body."""
        while True:
            if self.stream is None:
                self.listener.settimeout(limit_seconds)
                connection, _ = self.listener.accept()
                connection.settimeout(limit_seconds)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.stream = connection.makefile("rwb")
                connection.close()  # The stream keeps it open.
            line = self.stream.readline()
            if line:
                break
            self.stream = None  # The function closed it; it may open another.
        length = 0
        while header := self.stream.readline().strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return line.split(b" ")[1].decode(), self.stream.read(length)

    def answer(self, status: str, headers: dict[str, str], body: bytes) -> None:
        """Answer the request that was read last."""
        assert self.stream is not None
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self.stream.write("\r\n".join(lines).encode() + body)
        self.stream.flush()

    def close(self) -> None:
        """Close what is open; the port is free afterwards."""
        if self.stream is not None:
            self.stream.close()
        self.listener.close()


def environment(address: str, extra: dict[str, str]) -> dict[str, str]:
    """Give the variables that Lambda sets, and nothing of ours by accident."""
    return {
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_LAMBDA_FUNCTION_NAME": "coldstart",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "measured",
        "AWS_SECRET_ACCESS_KEY": "measured",
        "AWS_SESSION_TOKEN": "measured",
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": ":UTC",
        **extra,
    }


def peak_rss_mib(pid: int) -> float:
    """Read the most memory the process has had resident so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise MeasurementError(f"process {pid} has ended before its memory could be read")


def expect(api: RuntimeApi, what: str, limit_seconds: float) -> bytes:
    """Wait for the request whose path ends in ``what``; anything else is not what is measured."""
    path, body = api.request(limit_seconds)
    if not path.endswith(what):
        raise MeasurementError(f"the function called {path}: {body.decode(errors='replace')}")
    return body


def invoke(api: RuntimeApi, number: int, event: bytes) -> None:
    """Answer the request for an event, and wait for the function's answer to the event."""
    deadline_ms = int((time.time() + INVOCATION_LIMIT_SECONDS) * 1000)
    headers = {
        "Lambda-Runtime-Aws-Request-Id": f"measured-{number}",
        "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:1:function:coldstart",
        "Content-Type": "application/json",
    }
    api.answer("200 OK", headers, event)
    expect(api, "/response", INVOCATION_LIMIT_SECONDS)
    api.answer("202 Accepted", {}, b"")
    expect(api, "/next", INVOCATION_LIMIT_SECONDS)


def measure(bootstrap: Path, variables: dict[str, str], event: bytes | None, times: int) -> Run:
    """Start the function once, have it handle ``event``, and end it."""
    api = RuntimeApi()
    with tempfile.TemporaryFile() as log:
        actions = [(os.POSIX_SPAWN_DUP2, log.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2)]
        arguments = [str(bootstrap)]
        variables = environment(api.address, variables)
        began = time.perf_counter()
        pid = os.posix_spawn(bootstrap, arguments, variables, file_actions=actions)
        try:
            expect(api, "/next", START_LIMIT_SECONDS)
            start_ms = (time.perf_counter() - began) * 1000
            if event is not None:
                for number in range(times):
                    invoke(api, number, event)
            return Run(start_ms, peak_rss_mib(pid))
        except (MeasurementError, OSError) as error:
            log.seek(0)
            said = log.read()[-2000:].decode(errors="replace")
            raise MeasurementError(f"{bootstrap}: {error}\nIts output:\n{said}") from error
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            api.close()


def summary(values: list[float]) -> dict[str, float]:
    """Sum up: median and 90th percentile are what is compared, least and most show the spread."""
    ordered = sorted(values)
    p90 = ordered[min(len(ordered) - 1, round(0.9 * (len(ordered) - 1)))]
    figures = {
        "median": statistics.median(ordered),
        "p90": p90,
        "least": ordered[0],
        "most": ordered[-1],
    }
    return {name: round(value, 2) for name, value in figures.items()}


def machine() -> dict[str, object]:
    """Say where it was measured: the figures mean nothing without."""
    try:
        model = subprocess.run(
            ["sh", "-c", "grep -m1 'model name' /proc/cpuinfo | cut -d: -f2"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        model = ""
    return {
        "cpus": os.cpu_count(),
        "cpu": model or platform.machine(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "date": datetime.now(UTC).date().isoformat(),
    }


def variable(text: str) -> tuple[str, str]:
    """Parse NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, not {text!r}")
    return name, value


def arguments() -> argparse.ArgumentParser:
    """Say what can be asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("function", type=Path, help="the function's zip, or its program")
    parser.add_argument("--runs", type=int, default=30, help="starts to measure (default 30)")
    parser.add_argument("--env", type=variable, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--event", type=Path, help="a file with an event for every run to handle")
    parser.add_argument("--invocations", type=int, default=1, help="how often (default once)")
    return parser


def figures(
    bootstrap: Path, variables: dict[str, str], runs: int, event: bytes | None, invocations: int
) -> dict[str, object]:
    """Measure a program over many starts."""
    # The first start reads the program from the disk; later ones find it in memory.
    measure(bootstrap, variables, None, 0)
    measured = [measure(bootstrap, variables, event, invocations) for _ in range(runs)]
    return {
        "program_bytes": bootstrap.stat().st_size,
        "runs": runs,
        "invocations_per_run": invocations if event is not None else 0,
        "start_to_first_next_ms": summary([run.start_ms for run in measured]),
        "peak_rss_mib": summary([run.peak_rss_mib for run in measured]),
    }


def main() -> int:
    """Measure as the arguments say and print the figures as JSON."""
    parser = arguments()
    asked = parser.parse_args()
    if asked.runs < 1 or asked.invocations < 1:
        parser.error("--runs and --invocations are at least 1")
    function = asked.function.resolve()
    if not function.is_file():
        parser.error(f"there is no {function}; `make package` builds the functions")
    event = asked.event.read_bytes() if asked.event else None
    shown = {"function": str(asked.function), "bytes": function.stat().st_size}
    with tempfile.TemporaryDirectory(prefix="caretaker-coldstart-") as folder:
        program, variables = function, dict(asked.env)
        if function.suffix == ".zip":
            program = packages.unpack(function, Path(folder))
            variables = packages.variables(function.parent.name, Path(folder)) | variables
        try:
            shown |= figures(program, variables, asked.runs, event, asked.invocations)
        except (MeasurementError, OSError) as error:
            print(error, file=sys.stderr)
            return 1
    print(json.dumps(shown | {"machine": machine()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

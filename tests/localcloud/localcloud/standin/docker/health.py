"""A container's health check: its command, run again and again, as an engine does.

Once the container is healthy the asked interval counts. Until then, and after a failure, the checks
follow each other quickly: what takes minutes on AWS should take seconds here, and the number of
tries says the same as there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

NANOSECONDS = 1_000_000_000
# Docker's own defaults, for what a health check leaves out.
INTERVAL_SECONDS = 30.0
TIMEOUT_SECONDS = 30.0
RETRIES = 3
# Between checks of a container that is not known to be healthy.
QUICK_SECONDS = 0.5


class HealthCheck:
    """Watches one container until it ends."""

    def __init__(
        self,
        check: Mapping[str, Any],
        run: Callable[[list[str], float], int],
        running: Callable[[], bool],
    ) -> None:
        self.status = "starting"
        self._command = [str(word) for word in check["test"]]
        self._interval = check.get("interval", 0) / NANOSECONDS or INTERVAL_SECONDS
        self._timeout = check.get("timeout", 0) / NANOSECONDS or TIMEOUT_SECONDS
        self._retries = check.get("retries", 0) or RETRIES
        self._start_period = check.get("start_period", 0) / NANOSECONDS
        self._run = run
        self._running = running

    @staticmethod
    def wanted(check: Mapping[str, Any] | None) -> bool:
        """Whether there is anything to check."""
        return bool(check and check.get("test") and check["test"][0] != "NONE")

    def start(self, name: str) -> None:
        """Begin; the thread ends with the container."""
        threading.Thread(target=self._watch, name=f"health-{name}", daemon=True).start()

    def _watch(self) -> None:
        began = time.monotonic()
        failures = 0
        while self._running():
            if self._run(self._command, self._timeout) == 0:
                failures, self.status = 0, "healthy"
                self._pause(self._interval)
                continue
            # Failures do not count while the container may still be starting.
            in_start_period = time.monotonic() - began < self._start_period
            if not (in_start_period and self.status == "starting"):
                failures += 1
            if failures >= self._retries:
                self.status = "unhealthy"
            self._pause(QUICK_SECONDS)

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._running() and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, QUICK_SECONDS))


def run_command(
    test: list[str], timeout: float, env: Mapping[str, str], cwd: Path, inside: Callable[[str], str]
) -> int:
    """Run one check to its end; a check that takes too long has failed."""
    kind, *words = test
    command = ["/bin/sh", "-c", words[0]] if kind == "CMD-SHELL" else words
    try:
        process = subprocess.Popen(
            [inside(word) for word in command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return 127
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return 124

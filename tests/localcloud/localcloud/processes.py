"""Children of the server: database servers, caches, tasks of ECS.

The guardian (``guardian.py``) ends whatever is left when the server is gone; this module is for the
ordinary case, in which the server itself starts and ends its children. Each child leads a session
of its own, so that it can be ended together with everything it has started, and Ctrl-C on a
terminal never reaches it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# How long a child may take to end after SIGTERM before it is killed, unless its caller says else.
STOP_SECONDS = 5.0
# All children together, when the cloud goes down: they stop side by side.
STOP_ALL_SECONDS = 10.0
POLL_SECONDS = 0.02

# Variables that are the server's own: its AWS account, MiniStack's configuration, and a folder for
# temporary files into which other users may not write.
NOT_INHERITED = ("AWS_", "MINISTACK_", "DOCKER_", "GATEWAY_PORT", "AUTH", "PYTHONPATH", "TMPDIR")


class StartError(RuntimeError):
    """A child could not be started; the message says which and why."""


class Child:
    """One running process, its session, and the file that its output goes to."""

    def __init__(
        self, name: str, popen: subprocess.Popen[bytes], output: Path, *, end_signal: int
    ) -> None:
        self.name = name
        self.output = output
        self.end_signal = end_signal
        self._popen = popen

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its session and process group."""
        return self._popen.pid

    def exit_code(self) -> int | None:
        """None while it runs; 128 + signal when a signal ended it, as shells and engines count."""
        code = self._popen.poll()
        if code is None:
            return None
        return code if code >= 0 else 128 - code

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for the end, at most so long; the exit code, or None when it still runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(seconds)
        return self.exit_code()

    def send(self, number: int) -> None:
        """Send a signal to the process alone; one that has ended is left in peace."""
        self._popen.send_signal(number)

    def stop(self, seconds: float = STOP_SECONDS, number: int = signal.SIGTERM) -> int:
        """End it: politely, then with force. What it has started ends with it."""
        self.send(number)
        self.wait(seconds)
        return self.kill()

    def kill(self) -> int:
        """Kill the whole process group, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        with _lock:
            _children.discard(self)
        code = self.exit_code()
        return 0 if code is None else code


_children: set[Child] = set()
_lock = threading.Lock()
_ending = False


def spawn(
    command: Sequence[str],
    *,
    name: str,
    output: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
    end_signal: int = signal.SIGTERM,
) -> Child:
    """Start a child whose output is appended to a file.

    ``env`` is all of its environment (see `base_environment`). ``user`` matters only when we are
    root: database servers refuse to run as root. ``end_signal`` is what ends it when the whole
    cloud goes down: nobody reads a database's files after that, so it need not put them in order.
    """
    if _ending:
        raise StartError(f"cannot start {name}: the cloud is going down")
    identity = _identity(user)
    try:
        with output.open("ab") as sink:
            popen = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(env if env is not None else base_environment()),
                cwd=cwd,
                start_new_session=True,
                **identity,
            )
    except OSError as error:
        raise StartError(f"cannot start {name} ({command[0]}): {error.strerror}") from error
    child = Child(name, popen, output, end_signal=end_signal)
    with _lock:
        _children.add(child)
    return child


def run(command: Sequence[str], *, user: str | None = None, seconds: float) -> str:
    """Run a helper to its end and return its output; a failure tells what it printed."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            # The caller's home is nothing to another user: not even to look for a file there.
            env=base_environment() | ({"HOME": "/"} if user else {}),
            cwd="/",
            timeout=seconds,
            start_new_session=True,
            **_identity(user),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"{command[0]} failed: {error}") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-500:]
        raise StartError(f"{command[0]} ended with status {done.returncode}: {said}")
    return done.stdout


def base_environment() -> dict[str, str]:
    """Our environment without what names an AWS account or configures MiniStack."""
    return {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}


def service_user(wanted: str) -> str | None:
    """Whom a server that refuses root runs as: ``wanted`` when we are root, else ourselves."""
    if os.geteuid() != 0:
        return None
    for candidate in (wanted, "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(candidate).pw_name
    raise StartError(f"{wanted} must not run as root and there is no user {wanted} or nobody")


def give_to(path: Path, user: str | None) -> None:
    """Make a file or folder belong to the user that a server runs as."""
    if user is not None:
        shutil.chown(path, user, pwd.getpwnam(user).pw_gid)


def alive() -> list[Child]:
    """The children that run right now."""
    with _lock:
        return [child for child in _children if child.exit_code() is None]


def stop_all(seconds: float = STOP_ALL_SECONDS) -> None:
    """End all children side by side; nothing can be started any more."""
    global _ending
    _ending = True
    children = alive()
    for child in children:
        child.send(child.end_signal)
    deadline = time.monotonic() + seconds
    for child in children:
        child.wait(max(0.0, deadline - time.monotonic()))
    for child in children:
        child.kill()


def _identity(user: str | None) -> dict[str, object]:
    if user is None or os.geteuid() != 0:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


atexit.register(stop_all)

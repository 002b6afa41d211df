"""The process that a person starts, and that sees to it that nothing outlives the cloud.

The server itself may be killed at any moment, and its children have children of their own:
PostgreSQL's backends, gunicorn's workers. So the server runs below a guardian, which is the
*subreaper* of everything started under it: when a process dies, its orphans become the guardian's
children instead of init's, and the guardian ends whatever is left. Should the guardian itself be
killed, the kernel tells the server, which then stops in order.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from localcloud.server import LOG_FILE, READY_FILE
from localcloud.settings import Settings

# From <linux/prctl.h>.
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

LOCK_FILE = ".lock"
# Written when a state folder is made, so that no other folder is ever wiped by mistake.
MARKER = ".localcloud"

# MiniStack imports some 5 s worth of modules on a loaded two-core machine; ten times that is a
# hang.
START_SECONDS = 60.0
# A hundred databases shut down in order within this time; after it they are killed.
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05
# Orphans that end become zombies until their new parent, the guardian, looks at them.
REAP_SECONDS = 1.0

_libc = ctypes.CDLL(None, use_errno=True)


class UpError(RuntimeError):
    """The cloud could not be brought up; the message says why and what to do."""


def up(settings: Settings, *, keep: bool, watch: int | None) -> int:
    """Run the cloud until it is told to stop; the exit code is the process's own."""
    stop = _Stop(watch)
    lock = _claim(settings.state_dir)
    if not keep:
        _wipe(settings.state_dir)
    with contextlib.suppress(FileNotFoundError):
        (settings.state_dir / READY_FILE).unlink()
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    listening = _listen(settings.port)
    server = _start_server(settings, listening)
    listening.close()
    try:
        if _await_ready(server, settings.state_dir, stop):
            print(_ready_line(settings.state_dir), flush=True)
            while not stop.wait_for(server, REAP_SECONDS):
                _reap_orphans(server.pid)
        return _exit_code(server, stop, settings.state_dir)
    finally:
        _stop_server(server)
        _end_descendants()
        _remove_data_outside(settings.state_dir)
        with contextlib.suppress(FileNotFoundError):
            (settings.state_dir / READY_FILE).unlink()
        lock.close()


def down(state_dir: Path) -> None:
    """Stop the cloud that runs on a state folder, from another terminal, and wait for its end."""
    owner = _owner(state_dir)
    if owner is None:
        raise UpError(f"no local cloud runs on {state_dir}")
    ended = os.pidfd_open(owner)
    try:
        os.kill(owner, signal.SIGTERM)
        ready, _, _ = select.select([ended], [], [], 2 * STOP_SECONDS)
    finally:
        os.close(ended)
    if not ready:
        raise UpError(f"the local cloud (process {owner}) has not ended; its log is in {state_dir}")


def _owner(state_dir: Path) -> int | None:
    """The process that holds the state folder, if one does."""
    try:
        with (state_dir / LOCK_FILE).open("r+", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(lock.read())
    except (FileNotFoundError, ValueError):
        pass
    return None


class _Stop:
    """The three ways to be told to stop: a signal, the watched process's end, the server's end."""

    def __init__(self, watch: int | None) -> None:
        self._asked_read, self._asked_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.asked = False
        self._watched: int | None = None
        if watch is not None:
            try:
                self._watched = os.pidfd_open(watch)
            except ProcessLookupError:
                raise UpError(f"the process to watch, {watch}, does not exist") from None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, _number: int, _frame: object) -> None:
        self.asked = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._asked_write, b"x")

    def wait_for(self, server: subprocess.Popen[bytes], seconds: float | None = None) -> bool:
        """Wait for any of the three, at most so long; whether one of them came."""
        ended = os.pidfd_open(server.pid)
        try:
            sources = [self._asked_read, ended]
            if self._watched is not None:
                sources.append(self._watched)
            ready, _, _ = select.select(sources, [], [], seconds)
        finally:
            os.close(ended)
        if self._watched in ready:
            self.asked = True
        return bool(ready)


def _claim(state_dir: Path) -> IO[str]:
    """Own the state folder for as long as this process lives."""
    marker = state_dir / MARKER
    if state_dir.is_dir() and any(state_dir.iterdir()) and not marker.exists():
        raise UpError(
            f"{state_dir} holds files that are not the local cloud's and would be wiped: "
            "name an empty or a new folder with --state"
        )
    state_dir.mkdir(parents=True, exist_ok=True)
    marker.touch()
    lock = (state_dir / LOCK_FILE).open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        raise UpError(
            f"a local cloud already runs on {state_dir} (process {owner}): "
            "use that one, stop it, or name another folder with --state"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _wipe(state_dir: Path) -> None:
    """Start from nothing: whatever an earlier cloud left in its folder goes."""
    _remove_data_outside(state_dir)
    for entry in state_dir.iterdir():
        if entry.name in (LOCK_FILE, MARKER):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _listen(port: int) -> socket.socket:
    """Take the port before anything else is set up, so that it cannot be lost on the way."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        raise UpError(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}; "
            "choose another --port, or 0 for a free one"
        ) from error
    listening.listen()
    return listening


def _start_server(settings: Settings, listening: socket.socket) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own: Ctrl-C is for the guardian alone."""
    command = [
        sys.executable,
        "-m",
        "localcloud",
        "serve",
        "--state",
        str(settings.state_dir),
        "--engine",
        settings.engine,
        "--socket",
        str(listening.fileno()),
    ]
    if not settings.authentication:
        command.append("--no-auth")
    with (settings.state_dir / LOG_FILE).open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[listening.fileno()],
            start_new_session=True,
            preexec_fn=_die_with_guardian,
        )


def _die_with_guardian() -> None:
    """In the child: be told by the kernel when the guardian is gone."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _await_ready(server: subprocess.Popen[bytes], state_dir: Path, stop: _Stop) -> bool:
    """Wait until the server has said that it is ready; whether it did."""
    deadline = time.monotonic() + START_SECONDS
    while not (state_dir / READY_FILE).exists():
        if stop.wait_for(server, POLL_SECONDS):
            return False
        if time.monotonic() > deadline:
            raise UpError(
                f"the server did not answer within {START_SECONDS:.0f} s; "
                f"its log is {state_dir / LOG_FILE}"
            )
    return True


def _ready_line(state_dir: Path) -> str:
    ready = json.loads((state_dir / READY_FILE).read_text(encoding="utf-8"))
    return f"local cloud ready at {ready['endpoint']} (state in {state_dir}, Ctrl-C stops it)"


def _exit_code(server: subprocess.Popen[bytes], stop: _Stop, state_dir: Path) -> int:
    """Nothing wrong when we were asked to stop; a server that ended by itself is a failure."""
    if stop.asked:
        return 0
    code = server.wait()
    log = state_dir / LOG_FILE
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    raise UpError(
        f"the server ended with status {code}; the end of its log ({log}) is: {''.join(last)}"
    )


def _stop_server(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to stop in order, then insist."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _end_descendants() -> None:
    """Kill whatever the server left; as the subreaper, we are the parent of all of it."""
    deadline = time.monotonic() + STOP_SECONDS
    while (children := _children()) and time.monotonic() < deadline:
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _remove_data_outside(state_dir: Path) -> None:
    """Remove the servers' data where it had to live elsewhere, in case the server could not."""
    data = state_dir / "data"
    if data.is_symlink():
        shutil.rmtree(data.resolve(), ignore_errors=True)
        data.unlink()


def _reap_orphans(server_pid: int) -> None:
    """Collect orphans that have ended; the server's own exit status is left for whoever waits."""
    for pid in _children():
        if pid != server_pid:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _children() -> list[int]:
    """Our children, those included that were orphaned below us."""
    own = os.getpid()
    return [
        int(pid)
        for pid in Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii").split()
    ]

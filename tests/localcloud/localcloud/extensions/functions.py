"""Lambda functions: the environment AWS would give them, and their sudden death.

MiniStack starts a function's process with the whole environment of its own, so that a function
could lean on variables that no Lambda has. Here it gets what AWS documents and what its
configuration says. And a function can be killed at the very moment of one of its calls, which is
how one finds out whether the next pass picks up where it was.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
from pathlib import Path
from typing import Any

from localcloud.settings import Settings

logger = logging.getLogger("localcloud")

# What a process needs of the machine's environment to run at all, and what MiniStack sets for the
# function to a value that the cloud's own environment happens to have too.
KEPT = frozenset(
    {
        "PATH",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
    }
)

_SOCKET = re.compile(r"^socket:\[(\d+)\]$")


def install(_settings: Settings) -> None:
    """Give functions an environment of their own."""
    from ministack.services import lambda_svc

    original = lambda_svc._provided_worker_env

    def environment(config: dict[str, Any], code_dir: str, port: int) -> dict[str, str]:
        given = original(config, code_dir, port)
        configured = lambda_svc._runtime_env_vars(config)
        own = {
            name: value
            for name, value in given.items()
            if name in configured or name in KEPT or os.environ.get(name) != value
        }
        name = config.get("FunctionName", "unknown")
        log_group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
        own.setdefault("AWS_LAMBDA_LOG_GROUP_NAME", log_group)
        own.setdefault("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        own.setdefault("AWS_EXECUTION_ENV", "AWS_Lambda_" + config.get("Runtime", "provided"))
        return own

    lambda_svc._provided_worker_env = environment


def kill_caller(client: tuple[str, int]) -> int | None:
    """Kill the function whose process holds the other end of this connection.

    All environments of a function share one access key, so the key does not tell which of them
    called; the connection does. Returns the process's id, or None when no function is the caller.
    """
    inode = _socket_inode(client)
    if inode is None:
        return None
    for pid in _function_processes():
        if inode in _socket_inodes(pid):
            logger.info("killing function process %d in the middle of a call", pid)
            os.kill(pid, signal.SIGKILL)
            return pid
    return None


def _function_processes() -> list[int]:
    from ministack.core import lambda_runtime

    with lambda_runtime._lock:
        workers = [worker for pool in lambda_runtime._workers.values() for worker in pool]
    processes = [worker._proc for worker in workers]
    return [process.pid for process in processes if process is not None]


def _socket_inode(address: tuple[str, int]) -> int | None:
    """The socket that is bound to this local address, by the kernel's table."""
    wanted = f":{address[1]:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(wanted) and int(fields[9]):
                    return int(fields[9])
    return None


def _socket_inodes(pid: int) -> set[int]:
    """The sockets that a process has open."""
    inodes = set()
    with contextlib.suppress(FileNotFoundError, PermissionError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if found := _SOCKET.match(str(descriptor.readlink())):
                    inodes.add(int(found.group(1)))
    return inodes

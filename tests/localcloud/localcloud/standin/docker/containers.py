"""Containers: a process group, an address, a folder and a log each."""

from __future__ import annotations

import datetime
import io
import os
import re
import secrets
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from localcloud import authority, processes
from localcloud.servers import addresses
from localcloud.settings import current

from docker.errors import APIError, NotFound
from docker.health import HealthCheck, run_command
from docker.images import Image, ImageCollection

NETWORK = "localcloud"
TASK_LABEL = "com.amazonaws.ecs.task-arn"
# Shells and engines count: 126 is "cannot be executed", 127 is "not found".
NOT_EXECUTABLE, NOT_FOUND = 126, 127
STOP_SECONDS = 10
EXEC_SECONDS = 60.0
LOG_POLL_SECONDS = 0.1
# Inside a container, localhost is the container; here that is its own loopback address.
_LOCALHOST = re.compile(r"\b(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?=[:/\s'\",]|$)")
_NEVER = "0001-01-01T00:00:00Z"


class ExecResult(NamedTuple):
    """What docker-py's ``exec_run`` returns."""

    exit_code: int
    output: bytes


class Container:
    """One container, from ``create`` to ``remove``."""

    def __init__(self, image: Image, command: Any, options: Mapping[str, Any]) -> None:
        self.id = secrets.token_hex(32)
        self.name = options.get("name") or f"container-{self.id[:12]}"
        self.labels: dict[str, str] = dict(options.get("labels") or {})
        self.image = image
        self.folder = current().state_dir / "containers" / self.id[:12]
        self.address = _address_of(self.labels.get(TASK_LABEL, self.id))
        self._command = _words(command) or list(image.command)
        self._entrypoint = _words(options.get("entrypoint")) or list(image.entrypoint)
        self._workdir = Path(options.get("working_dir") or image.workdir)
        self._environment = _pairs(options.get("environment"))
        self._check = options.get("healthcheck")
        self._health: HealthCheck | None = None
        self._child: processes.Child | None = None
        self._exit_code: int | None = None
        self._created = _now()
        self._finished = _NEVER
        self._lock = threading.RLock()
        for part in (self.folder, self.folder / "tmp", self.folder / "root"):
            part.mkdir(parents=True, exist_ok=True)
        self._log.touch()

    @property
    def short_id(self) -> str:
        """The id as people write it."""
        return self.id[:12]

    @property
    def status(self) -> str:
        """``created``, ``running`` or ``exited``: as it is now, not as of the last `reload`."""
        self._observe()
        if self._exit_code is not None:
            return "exited"
        return "created" if self._child is None else "running"

    @property
    def attrs(self) -> dict[str, Any]:
        """What ``docker inspect`` shows, as far as MiniStack looks."""
        status = self.status
        state: dict[str, Any] = {
            "Status": status,
            "Running": status == "running",
            "ExitCode": self._exit_code or 0,
            "FinishedAt": self._finished,
        }
        if self._health is not None:
            state["Health"] = {"Status": self._health.status}
        return {
            "Id": self.id,
            "Name": self.name,
            "Created": self._created,
            "State": state,
            "Config": {"Image": self.image.name, "Labels": self.labels},
            "Labels": self.labels,
            "NetworkSettings": {"Networks": {NETWORK: {"IPAddress": self.address}}},
        }

    def reload(self) -> None:
        """Nothing is cached."""

    def start(self) -> None:
        """Start the process, as if by ``docker start``; a command that is not there exits 127."""
        with self._lock:
            if self.status == "running":
                return
            self._exit_code = None
            env = self.environment()
            command = [
                self.inside(word.replace("${CONTAINER_IP}", self.address))
                for word in [*self._entrypoint, *self._command]
            ]
            program = shutil.which(command[0], path=env["PATH"])
            if program is None:
                self._fail(f'exec: "{command[0]}": executable file not found in $PATH', NOT_FOUND)
                return
            try:
                self._child = processes.spawn(
                    [program, *command[1:]],
                    name=self.name,
                    output=self._log,
                    env=env,
                    cwd=self._workdir,
                )
            except processes.StartError as error:
                self._fail(str(error), NOT_EXECUTABLE)
                return
            if HealthCheck.wanted(self._check):
                self._health = HealthCheck(self._check or {}, self._run_check, self._is_running)
                self._health.start(self.name)

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """SIGTERM, then SIGKILL; the exit code is the process's own."""
        child = self._child
        if child is not None and self._exit_code is None:
            code = child.stop(timeout)
            with self._lock:
                self._note_exit(code)

    def kill(self, signal: str | int | None = None) -> None:
        """SIGKILL unless another signal is named."""
        del signal
        child = self._child
        if child is not None and self._exit_code is None:
            code = child.kill()
            with self._lock:
                self._note_exit(code)

    def wait(self, timeout: float | None = None, **_options: object) -> dict[str, Any]:
        """Wait for the end; docker-py's answer is a dictionary."""
        if self._child is not None:
            self._child.wait(timeout)
        self._observe()
        if self._exit_code is None:
            raise APIError(f"container {self.short_id} still runs")
        return {"StatusCode": self._exit_code, "Error": None}

    def remove(self, v: bool = False, force: bool = False, **_options: object) -> None:
        """Forget a container that has ended, or any when forced."""
        del v
        if self.status == "running":
            if not force:
                raise APIError(f"cannot remove running container {self.short_id}: stop it first")
            self.kill()
        containers.forget(self)
        shutil.rmtree(self.folder, ignore_errors=True)
        if not any(other.address == self.address for other in containers.list(all=True)):
            _release(self.labels.get(TASK_LABEL, self.id))

    def logs(
        self,
        stream: bool = False,
        follow: bool = False,
        tail: int | str = "all",
        **_options: object,
    ) -> Any:
        """The output so far, or as it comes, line by line."""
        if stream:
            return self._follow() if follow else iter(self._log.read_bytes().splitlines(True))
        lines = self._log.read_bytes().splitlines(True)
        return b"".join(lines if tail == "all" else lines[-int(tail) :])

    def exec_run(self, cmd: Any, **_options: object) -> ExecResult:
        """Run a command as if inside the container."""
        done = subprocess.run(
            [self.inside(word) for word in _words(cmd)],
            env=self.environment(),
            cwd=self._workdir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=EXEC_SECONDS,
            start_new_session=True,
        )
        return ExecResult(done.returncode, done.stdout)

    def put_archive(self, path: str, data: bytes) -> bool:
        """Put files into the container: its folder ``root`` stands for its file system."""
        target = self.folder / "root" / path.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(target, filter="data")
        return True

    def environment(self) -> dict[str, str]:
        """The container's whole environment; nothing of the server's own gets in."""
        programs = [str(folder / "bin") for folder in self.image.folders]
        programs += [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        state_dir = current().state_dir
        known = {"${CA_BUNDLE}": str(state_dir / authority.CA_FILE), "${STATE_DIR}": str(state_dir)}
        env = {
            "PATH": os.pathsep.join(programs),
            "HOME": str(self.folder),
            "HOSTNAME": self.short_id,
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONPYCACHEPREFIX": str(state_dir / "pycache"),
            "CONTAINER_IP": self.address,
            **{name: known.get(value, value) for name, value in self.image.env},
        }
        for name, value in self._environment.items():
            # The host, as seen from inside a container, is this machine's own loopback.
            env[name] = value.replace("host.docker.internal", "127.0.0.1")
        return env

    def inside(self, word: str) -> str:
        """A word of a command as it is meant inside: localhost, and files put there."""
        if word.startswith("/"):
            put_there = self.folder / "root" / word.lstrip("/")
            file = put_there if put_there.exists() else self.image.find(word)
            if file is not None:
                return str(file)
        return _LOCALHOST.sub(self.address, word)

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _run_check(self, test: list[str], timeout: float) -> int:
        return run_command(test, timeout, self.environment(), self._workdir, self.inside)

    def _is_running(self) -> bool:
        return self.status == "running"

    def _observe(self) -> None:
        if self._child is None or self._exit_code is not None:
            return
        code = self._child.exit_code()
        if code is not None:
            # What the process started must not outlive it: a container ends as a whole.
            self._child.kill()
            with self._lock:
                self._note_exit(code)

    def _note_exit(self, code: int) -> None:
        if self._exit_code is None:
            self._exit_code = code
            self._finished = _now()

    def _fail(self, message: str, code: int) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(message + "\n")
        self._note_exit(code)

    def _follow(self) -> Iterator[bytes]:
        """Whole lines as they come, until the container has ended and all is told."""
        rest = b""
        with self._log.open("rb") as log:
            while True:
                ended = self.status != "running"
                chunk = rest + log.read()
                lines, _, rest = chunk.rpartition(b"\n")
                if lines:
                    yield lines + b"\n"
                if ended:
                    if rest:
                        yield rest
                    return
                time.sleep(LOG_POLL_SECONDS)


class ContainerCollection:
    """``client.containers``."""

    def __init__(self, images: ImageCollection) -> None:
        global containers
        self._images = images
        self._all: dict[str, Container] = {}
        self._lock = threading.Lock()
        containers = self

    def create(self, image: str, command: Any = None, **options: Any) -> Container:
        """Make a container without starting it."""
        container = Container(self._images.get(image), command, options)
        with self._lock:
            if any(other.name == container.name for other in self._all.values()):
                raise APIError(f"Conflict: the container name {container.name} is in use")
            self._all[container.id] = container
        return container

    def run(self, image: str, command: Any = None, **options: Any) -> Container:
        """Make a container and start it; always in the background, as MiniStack asks."""
        container = self.create(image, command, **options)
        container.start()
        return container

    def get(self, identifier: str) -> Container:
        """By id, the beginning of an id, or name."""
        if identifier:
            for container in list(self._all.values()):
                if container.name == identifier or container.id.startswith(identifier):
                    return container
        raise NotFound(f"No such container: {identifier}")

    def list(
        self, all: bool = False, filters: Mapping[str, Any] | None = None, **_options: object
    ) -> list[Container]:
        """Those that run, or all; with certain labels."""
        wanted = _words((filters or {}).get("label"))
        return [
            container
            for container in [*self._all.values()]
            if (all or container.status == "running") and _has_labels(container, wanted)
        ]

    def forget(self, container: Container) -> None:
        """Drop a removed container."""
        with self._lock:
            self._all.pop(container.id, None)


containers: ContainerCollection

_addresses: dict[str, str] = {}
_addresses_lock = threading.Lock()


def _address_of(owner: str) -> str:
    """One address per task: its containers share it, as they share a network interface on AWS."""
    with _addresses_lock:
        if owner not in _addresses:
            _addresses[owner] = addresses.allocate()
        return _addresses[owner]


def _release(owner: str) -> None:
    with _addresses_lock:
        address = _addresses.pop(owner, None)
    if address is not None:
        addresses.release(address)


def _has_labels(container: Container, wanted: Sequence[str]) -> bool:
    for label in wanted:
        name, has_value, value = label.partition("=")
        if name not in container.labels or (has_value and container.labels[name] != value):
            return False
    return True


def _words(value: Any) -> list[str]:
    if not value:
        return []
    return value.split() if isinstance(value, str) else [str(word) for word in value]


def _pairs(value: Any) -> dict[str, str]:
    if not value:
        return {}
    if isinstance(value, Mapping):
        return {str(name): str(content) for name, content in value.items()}
    return dict(str(pair).partition("=")[::2] for pair in value)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")

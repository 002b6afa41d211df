"""The servers behind RDS's records: which one belongs to which, and how far it is.

MiniStack keeps RDS's records (identifiers, classes, groups, tags); this module keeps the servers.
What the records say about a database is then true: ``creating`` until it answers, an endpoint that
any process on this machine can reach, the master's password as asked, a snapshot that holds data.
Servers are known by the resource id of their record, which is never given twice.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from localcloud.servers import ServerError, addresses, mariadb, postgres, storage
from localcloud.settings import current

logger = logging.getLogger("localcloud.databases")

Server = postgres.PostgresServer | mariadb.MariaDbServer

# Starting a server is mostly CPU: more of them side by side than this only take longer each.
STARTS_AT_ONCE = max(2, os.cpu_count() or 2)
# Above this, whoever waits for a database to start (a stack, mostly) is told that it failed.
WAIT_SECONDS = 600.0

POSTGRES_ENGINES = ("postgres", "aurora-postgresql")
MYSQL_ENGINES = ("mysql", "mariadb", "aurora-mysql")

_starts = threading.BoundedSemaphore(STARTS_AT_ONCE)


class DatabaseError(RuntimeError):
    """A database could not be brought up; the message says why."""


@dataclasses.dataclass
class Wanted:
    """What a database shall be."""

    name: str
    engine: str
    major: int
    port: int
    master: str
    # None when it comes from a snapshot and keeps the password it had.
    password: str | None
    database: str | None
    parameters: Mapping[str, str]
    snapshot: Path | None = None

    def forces_tls(self) -> bool:
        """Whether plain connections are refused: asked for, or the default of this version."""
        if self.engine in MYSQL_ENGINES:
            return _is_on(self.parameters.get("require_secure_transport", "0"))
        # RDS for PostgreSQL: 1 from version 15 on; Aurora PostgreSQL: from version 17 on.
        default_from = 17 if self.engine.startswith("aurora") else 15
        default = "1" if self.major >= default_from else "0"
        return _is_on(self.parameters.get("rds.force_ssl", default))


class Database:
    """One database server and everything that may happen to it."""

    def __init__(self, resource_id: str, wanted: Wanted) -> None:
        self.resource_id = resource_id
        self.wanted = wanted
        self.address, wanted.port = addresses.allocate_for(wanted.port)
        state_dir = current().state_dir
        folder = storage.root(state_dir) / "rds" / resource_id
        kind = mariadb.MariaDbServer if is_mysql(wanted.engine) else postgres.PostgresServer
        self.server: Server = kind(wanted.name, state_dir, folder, self.address, wanted.port)
        self._settled = threading.Event()
        self._lock = threading.RLock()
        self._failure: str | None = None
        self._gone = False

    def bring_up(self) -> None:
        """Make the server and start it, taking as long as RDS would (``rds_available_seconds``)."""
        began = time.monotonic()
        try:
            with _starts, self._lock:
                self._create()
            remaining = current().rds_available_seconds - (time.monotonic() - began)
            # A deleted database need not take its time.
            self._pause(remaining)
        except Exception as error:
            logger.exception("database %s did not come up", self.wanted.name)
            self._failure = str(error)
            self.server.stop()
        finally:
            self._settled.set()

    def wait(self, seconds: float = WAIT_SECONDS) -> None:
        """Wait until it is up; an error when it did not come up or was deleted meanwhile."""
        if not self._settled.wait(seconds):
            raise DatabaseError(f"{self.wanted.name} did not start within {seconds:.0f} s")
        if self._failure is not None:
            raise DatabaseError(self._failure)

    def stop(self) -> None:
        """Stop the server; its data stays."""
        with self._lock:
            self.server.stop()

    def start(self) -> None:
        """Start a stopped server, with the parameters that are wanted now."""
        with self._lock:
            self._configure()
            self.server.start()

    def restart(self, parameters: Mapping[str, str]) -> None:
        """Reboot with these parameters."""
        with self._lock:
            self.wanted.parameters = dict(parameters)
            self.server.stop()
            self._configure()
            self.server.start()

    def apply(self, parameters: Mapping[str, str]) -> None:
        """Take over what can be changed while the server runs."""
        with self._lock:
            self.wanted.parameters = dict(parameters)
            self._configure()
            self.server.reload()

    def set_master_password(self, password: str) -> None:
        """Give the master user another password."""
        with self._lock:
            self.server.set_password(self.wanted.master, password)
            self.wanted.password = password

    def copy_to(self, target: Path) -> None:
        """Copy the data as of now."""
        with self._lock:
            self.server.copy_to(target)

    def remove(self) -> None:
        """End the server and remove its data, even while it is still coming up."""
        self._gone = True
        with self._lock:
            self.server.remove()
            addresses.release(self.address)

    def _create(self) -> None:
        if self._gone:
            raise ServerError(f"{self.wanted.name} was deleted before it was up")
        if self.wanted.snapshot is None:
            # A fresh server is made with the right configuration from the first start on, so the
            # start is one and not two.
            self.server.create(
                self.wanted.master,
                self.wanted.password or "",
                self.wanted.database,
                self.wanted.parameters,
                force_tls=self.wanted.forces_tls(),
            )
            return
        self.server.restore(self.wanted.snapshot)
        self._configure()
        self.server.start()
        if self.wanted.password is not None:
            self.server.set_password(self.wanted.master, self.wanted.password)

    def _configure(self) -> None:
        self.server.configure(self.wanted.parameters, force_tls=self.wanted.forces_tls())

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._gone and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


_databases: dict[str, Database] = {}
_registry_lock = threading.Lock()


def launch(resource_id: str, wanted: Wanted, settled: Callable[[str | None], None]) -> Database:
    """Bring a database up in the background; ``settled`` is told the failure, or None."""
    from ministack.core.concurrency import spawn_background

    database = Database(resource_id, wanted)
    with _registry_lock:
        _databases[resource_id] = database

    def bring_up() -> None:
        database.bring_up()
        settled(database._failure)

    spawn_background(bring_up, thread_name=f"database-{wanted.name}")
    return database


def find(resource_id: str) -> Database | None:
    """The database of this record, if it has one here."""
    return _databases.get(resource_id)


def remove(resource_id: str) -> None:
    """End a database and forget it; the record may go at once, the files follow."""
    from ministack.core.concurrency import spawn_background

    with _registry_lock:
        database = _databases.pop(resource_id, None)
    if database is not None:
        spawn_background(database.remove, thread_name=f"remove-{database.wanted.name}")


def snapshot_folder(name: str) -> Path:
    """Where a snapshot's data lies: tests may look at it, and damage it."""
    return storage.root(current().state_dir) / "snapshots" / name


def is_mysql(engine: str) -> bool:
    """Whether MariaDB serves this engine."""
    return engine in MYSQL_ENGINES


def is_supported(engine: str) -> bool:
    """Whether there is a server for this engine here."""
    return engine in POSTGRES_ENGINES + MYSQL_ENGINES


def major_version(engine_version: str) -> int:
    """15 of ``15.7``; 8 of ``8.0.mysql_aurora.3.04.0``."""
    head = engine_version.split(".", 1)[0]
    return int(head) if head.isdigit() else 0


def _is_on(value: str) -> bool:
    return value.strip().lower() in ("1", "on", "true", "yes")

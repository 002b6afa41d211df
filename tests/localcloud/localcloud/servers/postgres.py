"""A PostgreSQL server that behaves like one of RDS.

Like on RDS, the superuser is ``rdsadmin`` and belongs to nobody; the master user may create roles
and databases and is a member of ``rds_superuser``, but is no superuser. So what works here with
the master's rights works there too.

Made for tests: durability off, small buffers, and a data folder copied from a template instead of
an ``initdb`` per server, so that fifty of them fit on two cores.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from localcloud import authority, processes
from localcloud.servers import ServerError, storage

ADMIN = "rdsadmin"
PORT = 5432
# A template copy starts within a second; a loaded CI machine with fifty of them needs patience.
START_SECONDS = 60.0
STOP_SECONDS = 10.0
INITDB_SECONDS = 60.0
BACKUP_SECONDS = 120.0
CONNECT_SECONDS = 5
POLL_SECONDS = 0.05

_ROLES = (
    "CREATE ROLE rds_superuser NOLOGIN",
    "CREATE ROLE rds_iam NOLOGIN",
    "CREATE ROLE rds_replication NOLOGIN",
    "CREATE ROLE rds_password NOLOGIN",
    "GRANT pg_monitor, pg_signal_backend TO rds_superuser WITH ADMIN OPTION",
    "GRANT pg_checkpoint TO rds_superuser WITH ADMIN OPTION",
    "GRANT rds_replication, rds_password TO rds_superuser WITH ADMIN OPTION",
)
# Extensions that RDS lets its master create although PostgreSQL does not trust them to
# non-superusers; they are there from the start, so `CREATE EXTENSION IF NOT EXISTS` succeeds.
_EXTENSIONS = (
    "CREATE EXTENSION pg_stat_statements",
    "CREATE EXTENSION amcheck",
    "DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT d.objid FROM pg_depend d "
    "JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'amcheck' "
    "WHERE d.deptype = 'e' AND d.classid = 'pg_proc'::regclass "
    "LOOP EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rds_superuser', f); END LOOP; END $$",
)

# Memory and durability are ours to decide, whatever a parameter group asks for; where the server
# listens and whom it trusts as well.
_CONFIGURATION = """
listen_addresses = '{address}'
port = {port}
unix_socket_directories = ''
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
password_encryption = scram-sha-256
max_connections = 60
shared_buffers = 4MB
dynamic_shared_memory_type = mmap
fsync = off
synchronous_commit = off
full_page_writes = off
min_wal_size = 2MB
max_wal_size = 64MB
wal_level = replica
max_wal_senders = 4
max_replication_slots = 2
autovacuum_naptime = 60s
log_line_prefix = '%m [%p] %q%u@%d '
cluster_name = '{name}'
"""
_OURS = frozenset(re.findall(r"^(\w+) =", _CONFIGURATION, re.MULTILINE)) | {
    "shared_preload_libraries",
    "data_directory",
    "hba_file",
    "effective_io_concurrency",
}

_template_lock = threading.Lock()


class PostgresServer:
    """One server: its folder, its address, its process."""

    def __init__(self, name: str, state_dir: Path, folder: Path, address: str, port: int) -> None:
        self.name = name
        self.address = address
        self.port = port
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self._state_dir = state_dir
        self._user = processes.service_user("postgres")
        self._child: processes.Child | None = None

    def create(
        self,
        master: str,
        password: str,
        database: str | None,
        parameters: Mapping[str, str],
        *,
        force_tls: bool,
    ) -> None:
        """Make the data folder, start, and set up the master user and its first database."""
        template = _template(self._state_dir, self._user)
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        storage.copy(template, self.data)
        self.configure(parameters, force_tls=force_tls)
        self.start()
        with self._admin() as connection:
            _create_master(connection, master, password, database)

    def restore(self, source: Path) -> None:
        """Make the data folder from a copy that `copy_to` made; starting it is the caller's."""
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        storage.copy(source, self.data)

    def configure(self, parameters: Mapping[str, str], *, force_tls: bool) -> None:
        """Write the configuration; it counts from the next start (or reload) on.

        Parameters that this server's version does not know are left out, and so are those that
        would undo what makes it fit on a small machine.
        """
        certificate = authority.server_certificate(
            self._state_dir, [self.address, "localhost", "127.0.0.1"]
        )
        storage.private_file(self.data / "server.crt", certificate.certificate, self._user)
        storage.private_file(self.data / "server.key", certificate.key, self._user)
        text = _CONFIGURATION.format(address=self.address, port=self.port, name=self.name[:60])
        text += "".join(
            f"{name} = {_quoted(value)}\n" for name, value in self._accepted(parameters).items()
        )
        storage.private_file(self.data / "postgresql.conf", text, self._user)
        storage.private_file(self.data / "pg_hba.conf", _access_rules(force_tls), self._user)

    def start(self) -> None:
        """Start and wait until connections are answered."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self._child = processes.spawn(
            [str(_binary("postgres")), "-D", str(self.data)],
            name=f"postgres {self.name}",
            output=self.log,
            env=processes.base_environment() | {"TZ": "UTC"},
            user=self._user,
            cwd=self.folder,
            # An immediate shutdown. Killed, it would leave its shared memory to the machine, which
            # has a few thousand places for that.
            end_signal=signal.SIGQUIT,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            code = self._child.exit_code()
            if code is not None or time.monotonic() > deadline:
                self.stop()
                happened = "did not answer in time" if code is None else f"ended with status {code}"
                raise ServerError(f"PostgreSQL {self.name} {happened}: {self._last_words()}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Stop in order; sessions are ended, data is written."""
        if self._child is not None:
            self._child.stop(STOP_SECONDS, signal.SIGINT)
            self._child = None

    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.exit_code() is None

    def remove(self) -> None:
        """Stop and forget the data."""
        self.stop()
        storage.remove(self.folder)

    def set_password(self, user: str, password: str) -> None:
        """Give a user another password, as ModifyDBInstance does for the master."""
        with self._admin() as connection:
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(user), _verifier(connection, user, password)
                )
            )

    def reload(self) -> None:
        """Take over configuration that needs no restart."""
        with self._admin() as connection:
            connection.execute("SELECT pg_reload_conf()")

    def copy_to(self, target: Path) -> None:
        """A consistent copy of the data: the running server's own base backup, or the files."""
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not self.running():
            storage.copy(self.data, target)
            return
        storage.private_folder(target, self._user)
        password_file = storage.private_file(
            self.folder / "backup.pass", f"*:*:*:{ADMIN}:{self._admin_password()}\n", self._user
        )
        connection = (
            f"host={self.address} port={self.port} user={ADMIN} sslmode=require "
            f"passfile={password_file}"
        )
        processes.run(
            [
                str(_binary("pg_basebackup")),
                f"--dbname={connection}",
                f"--pgdata={target}",
                "--wal-method=stream",
                "--checkpoint=fast",
                "--no-sync",
                "--no-manifest",
            ],
            user=self._user,
            seconds=BACKUP_SECONDS,
        )

    @contextlib.contextmanager
    def _admin(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        connection = psycopg.connect(
            host=self.address,
            port=self.port,
            user=ADMIN,
            password=self._admin_password(),
            dbname=database,
            sslmode="require",
            connect_timeout=CONNECT_SECONDS,
            autocommit=True,
        )
        try:
            yield connection
        finally:
            connection.close()

    def _admin_password(self) -> str:
        return (self.data / "rdsadmin.password").read_text(encoding="ascii")

    def _answers(self) -> bool:
        try:
            with self._admin():
                return True
        except psycopg.OperationalError:
            return False

    def _accepted(self, parameters: Mapping[str, str]) -> dict[str, str]:
        known = _known_parameters(self._user)
        return {
            name: value
            for name, value in parameters.items()
            # RDS computes values such as {DBInstanceClassMemory/32768} from the instance class.
            if name in known and name not in _OURS and "{" not in value
        }

    def _last_words(self) -> str:
        if not self.log.exists():
            return "it said nothing"
        return self.log.read_text(encoding="utf-8", errors="replace").strip()[-500:]


def _create_master(
    connection: psycopg.Connection[Any], master: str, password: str, database: str | None
) -> None:
    role = sql.Identifier(master)
    connection.execute(
        sql.SQL("CREATE ROLE {} LOGIN CREATEROLE CREATEDB INHERIT PASSWORD {}").format(
            role, _verifier(connection, master, password)
        )
    )
    connection.execute(sql.SQL("GRANT rds_superuser TO {} WITH ADMIN OPTION").format(role))
    connection.execute(sql.SQL("ALTER DATABASE postgres OWNER TO {}").format(role))
    if database and database != "postgres":
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), role)
        )


def _verifier(connection: psycopg.Connection[Any], user: str, password: str) -> sql.Literal:
    """What the server keeps of a password: a statement with it may appear in a log."""
    made = connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256")
    return sql.Literal(made.decode())


def _template(state_dir: Path, user: str | None) -> Path:
    """A data folder with the superuser, RDS's roles and its extensions, made once per cloud."""
    with _template_lock:
        template = storage.root(state_dir) / "template-postgres"
        if template.exists():
            return template
        draft = storage.draft(template)
        data = storage.private_folder(draft / "data", user)
        password = secrets.token_urlsafe(24)
        password_file = storage.private_file(draft / "password", password, user)
        processes.run(
            [
                str(_binary("initdb")),
                f"--pgdata={data}",
                f"--username={ADMIN}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--wal-segsize=1",
                "--no-sync",
            ],
            user=user,
            seconds=INITDB_SECONDS,
        )
        storage.private_file(data / "rdsadmin.password", password, user)
        _furnish(data, user)
        storage.publish(data, template)
        storage.remove(draft)
        return template


def _furnish(data: Path, user: str | None) -> None:
    """Give the template RDS's roles and extensions.

    In single-user mode, which needs no port and no wait. A statement that this version does not
    support (an extension whose package is missing) is reported in its output and passed over.
    """
    # Roles belong to the whole server, extensions to each database.
    for database, statements in (("template1", (*_ROLES, *_EXTENSIONS)), ("postgres", _EXTENSIONS)):
        script = storage.private_file(data / "furnish.sql", "\n".join(statements) + "\n", user)
        processes.run(
            [
                "sh",
                "-c",
                'exec "$0" --single -F -D "$1" "$2" < "$3"',
                str(_binary("postgres")),
                str(data),
                database,
                str(script),
            ],
            user=user,
            seconds=INITDB_SECONDS,
        )
        script.unlink()


def _access_rules(force_tls: bool) -> str:
    rules = [
        f"hostssl replication {ADMIN} all scram-sha-256",
        f"hostssl all {ADMIN} all scram-sha-256",
        f"host all {ADMIN} all reject",
        "hostssl all all all scram-sha-256",
    ]
    if not force_tls:
        rules.append("hostnossl all all all scram-sha-256")
    return "\n".join(rules) + "\n"


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


_known: frozenset[str] | None = None


def _known_parameters(user: str | None) -> frozenset[str]:
    """The parameters this version has, from the server itself."""
    global _known
    if _known is None:
        lines = processes.run(
            [str(_binary("postgres")), "--describe-config"], user=user, seconds=CONNECT_SECONDS
        ).splitlines()
        _known = frozenset(line.split("\t", 1)[0] for line in lines if "\t" in line)
    return _known


def _binary(name: str) -> Path:
    """One of PostgreSQL's programs: Debian keeps them off the path, one folder per version."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: int(path.parent.parent.name),
        reverse=True,
    )
    if versions:
        return versions[0]
    found = shutil.which(name)
    if found is None:
        raise ServerError(
            f"PostgreSQL's {name} is not installed: install postgresql (`make setup` does)"
        )
    return Path(os.path.realpath(found))

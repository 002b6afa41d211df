"""A MariaDB server that stands in for RDS for MySQL, RDS for MariaDB and Aurora MySQL.

Debian has MariaDB and not MySQL. Protocol, SQL as applications write it, users, grants and TLS are
the same; what is MySQL 8's own (``caching_sha2_password``, its roles' details, its data dictionary)
is not here. As on RDS, the superuser is ``rdsadmin``; the master has every privilege that RDS
gives it, with the right to grant them, and neither SUPER nor FILE nor SHUTDOWN.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import signal
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pymysql

from localcloud import authority, processes
from localcloud.servers import ServerError, storage

ADMIN = "rdsadmin"
PORT = 3306
START_SECONDS = 60.0
STOP_SECONDS = 15.0
INSTALL_SECONDS = 60.0
CONNECT_SECONDS = 5
POLL_SECONDS = 0.05

# One commit reaches the operating system (2), none waits for the disk: see `copy_to`.
_CONFIGURATION = """[mariadbd]
datadir={data}
bind-address={address}
port={port}
socket=server.sock
pid-file=server.pid
ssl-cert=server.crt
ssl-key=server.key
skip-name-resolve
skip-log-bin
character-set-server=utf8mb4
performance-schema=OFF
max-connections=60
key-buffer-size=1M
aria-pagecache-buffer-size=1M
innodb-buffer-pool-size=16M
innodb-log-file-size=8M
innodb-log-buffer-size=2M
innodb-flush-log-at-trx-commit=2
innodb-use-native-aio=OFF
innodb-doublewrite=ON
thread-cache-size=2
"""
_OURS = frozenset(re.findall(r"^([\w-]+)", _CONFIGURATION.replace("-", "_"), re.MULTILINE)) | {
    "log_bin",
    "require_secure_transport",
    "innodb_flush_method",
    "innodb_data_home_dir",
    "innodb_log_group_home_dir",
    "tmpdir",
}
_PARAMETER_NAME = re.compile(r"[a-z][a-z0-9_-]*")

# Variables whose option at the start has another name.
_OPTIONS = {"time_zone": "default-time-zone", "transaction_isolation": "transaction-isolation"}

_NOT_FOR_THE_MASTER = ("SUPER", "FILE", "SHUTDOWN", "CREATE TABLESPACE")

_template_lock = threading.Lock()


class MariaDbServer:
    """One server: its folder, its address, its process."""

    def __init__(self, name: str, state_dir: Path, folder: Path, address: str, port: int) -> None:
        self.name = name
        self.address = address
        self.port = port
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self._state_dir = state_dir
        self._user = processes.service_user("mysql")
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
        with self._admin() as cursor:
            # The host part of a user name is a pattern; RDS's master may come from anywhere.
            cursor.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (master, password))
            cursor.execute("GRANT ALL PRIVILEGES ON *.* TO %s@'%%' WITH GRANT OPTION", (master,))
            for privilege in _NOT_FOR_THE_MASTER:
                cursor.execute(f"REVOKE {privilege} ON *.* FROM %s@'%%'", (master,))
            if database:
                cursor.execute(f"CREATE DATABASE {_identifier(database)}")

    def restore(self, source: Path) -> None:
        """Make the data folder from a copy that `copy_to` made; starting it is the caller's."""
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        storage.copy(source, self.data)

    def configure(self, parameters: Mapping[str, str], *, force_tls: bool) -> None:
        """Write the configuration; it counts from the next start on.

        Parameters that this server does not know (MySQL's own, mostly) are passed over by it, and
        those that would undo what makes it fit on a small machine by us.
        """
        certificate = authority.server_certificate(
            self._state_dir, [self.address, "localhost", "127.0.0.1"]
        )
        storage.private_file(self.data / "server.crt", certificate.certificate, self._user)
        storage.private_file(self.data / "server.key", certificate.key, self._user)
        text = _CONFIGURATION.format(data=self.data, address=self.address, port=self.port)
        text += f"require-secure-transport={'ON' if force_tls else 'OFF'}\n"
        text += "".join(
            f"loose-{name}={value}\n" for name, value in sorted(_accepted(parameters).items())
        )
        storage.private_file(self.data / "server.cnf", text, self._user)

    def start(self) -> None:
        """Start and wait until connections are answered."""
        self._child = processes.spawn(
            [_binary("mariadbd", "mysqld"), f"--defaults-file={self.data / 'server.cnf'}"],
            name=f"mariadb {self.name}",
            output=self.log,
            env=processes.base_environment() | {"TZ": "UTC"},
            user=self._user,
            cwd=self.data,
            end_signal=signal.SIGKILL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            code = self._child.exit_code()
            if code is not None or time.monotonic() > deadline:
                self.stop()
                happened = "did not answer in time" if code is None else f"ended with status {code}"
                raise ServerError(f"MariaDB {self.name} {happened}: {self._last_words()}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Stop in order."""
        if self._child is not None:
            self._child.stop(STOP_SECONDS)
            self._child = None

    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.exit_code() is None

    def remove(self) -> None:
        """Stop and forget the data."""
        if self._child is not None:
            # Nobody will read the data again: there is nothing to write down first.
            self._child.kill()
            self._child = None
        storage.remove(self.folder)

    def set_password(self, user: str, password: str) -> None:
        """Give a user another password, as ModifyDBInstance does for the master."""
        with self._admin() as cursor:
            cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", (user, password))

    def reload(self) -> None:
        """Nothing of the configuration is taken over without a restart."""

    def copy_to(self, target: Path) -> None:
        """A copy of the data as of one moment.

        The server is frozen while its files are copied. What it has committed is in the files
        (or in the page cache, which is what a copy reads), so the copy looks like the disk after
        a power failure, and starting it recovers exactly as InnoDB does then.
        """
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        child = self._child if self.running() else None
        if child is not None:
            child.send(signal.SIGSTOP)
        try:
            storage.copy(self.data, target)
        finally:
            if child is not None:
                child.send(signal.SIGCONT)

    @contextlib.contextmanager
    def _admin(self) -> Iterator[Any]:
        # Which server this is needs no proof here: the address is ours and on this machine.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = pymysql.connect(
            host=self.address,
            port=self.port,
            user=ADMIN,
            password=(self.data / "rdsadmin.password").read_text(encoding="ascii"),
            ssl=context,
            connect_timeout=CONNECT_SECONDS,
            autocommit=True,
        )
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def _answers(self) -> bool:
        try:
            with self._admin():
                return True
        except pymysql.err.OperationalError:
            return False

    def _last_words(self) -> str:
        if not self.log.exists():
            return "it said nothing"
        return self.log.read_text(encoding="utf-8", errors="replace").strip()[-500:]


def _template(state_dir: Path, user: str | None) -> Path:
    """A data folder with the system tables and the superuser, made once per cloud."""
    with _template_lock:
        template = storage.root(state_dir) / "template-mariadb"
        if template.exists():
            return template
        draft = storage.draft(template)
        data = storage.private_folder(draft / "data", user)
        password = secrets.token_urlsafe(24)
        setup = storage.private_file(
            draft / "setup.sql",
            # The installation runs without grant tables until they are loaded.
            "FLUSH PRIVILEGES;\n"
            f"CREATE USER '{ADMIN}'@'%' IDENTIFIED BY '{password}' REQUIRE SSL;\n"
            f"GRANT ALL PRIVILEGES ON *.* TO '{ADMIN}'@'%' WITH GRANT OPTION;\n"
            "DELETE FROM mysql.global_priv WHERE User IN ('', 'root', 'mysql', 'PUBLIC');\n"
            "FLUSH PRIVILEGES;\n",
            user,
        )
        processes.run(
            [
                _binary("mariadb-install-db", "mysql_install_db"),
                "--no-defaults",
                f"--datadir={data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                "--innodb-log-file-size=8M",
                f"--extra-file={setup}",
            ],
            user=user,
            seconds=INSTALL_SECONDS,
        )
        storage.private_file(data / "rdsadmin.password", password, user)
        storage.publish(data, template)
        storage.remove(draft)
        return template


def _accepted(parameters: Mapping[str, str]) -> dict[str, str]:
    return {
        _OPTIONS.get(name, name): value
        for name, value in parameters.items()
        # RDS computes values such as {DBInstanceClassMemory*3/4} from the instance class.
        if _PARAMETER_NAME.fullmatch(name)
        and name.replace("-", "_") not in _OURS
        and "{" not in value
        and "\n" not in value
    }


def _identifier(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _binary(*names: str) -> str:
    for name in names:
        for folder in (None, "/usr/sbin:/usr/local/sbin"):
            found = shutil.which(name, path=folder)
            if found is not None:
                return found
    raise ServerError(
        f"MariaDB's {names[0]} is not installed: install mariadb-server (`make setup` does)"
    )

"""A Redis server that behaves like a node of ElastiCache: TLS when asked, tokens and users as ACLs.

Redis 7 also stands in for Valkey. Tokens are only ever written down as the hashes that Redis itself
keeps. An administrator of our own changes them while the server runs.
"""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localcloud import authority, processes
from localcloud.servers import ServerError, storage

ADMIN = "localcloud-admin"
PORT = 6379
START_SECONDS = 30.0
STOP_SECONDS = 3.0
TIMEOUT_SECONDS = 5.0
POLL_SECONDS = 0.02

# Nothing outlives the server (ElastiCache keeps no data by itself either), and fifty caches fit
# into memory.
_CONFIGURATION = """
bind {address}
{listen}
dir "{folder}"
save ""
appendonly no
maxmemory 64mb
maxmemory-policy volatile-lru
user {admin} on #{admin_hash} ~* &* +@all
user default on {rules} ~* &* +@all
"""
_TLS = """port 0
tls-port {port}
tls-cert-file "{folder}/server.crt"
tls-key-file "{folder}/server.key"
tls-ca-cert-file "{authority}"
tls-auth-clients no"""


@dataclasses.dataclass(frozen=True)
class User:
    """A user of a cache as Redis shall know it."""

    name: str
    # Redis's own rules, without passwords.
    access: str
    # SHA-256, as Redis keeps them; none means that no password is asked for.
    password_hashes: tuple[str, ...]

    def rules(self) -> list[str]:
        """What ACL SETUSER is told, to the last rule: what was before is gone."""
        secrets_accepted = [f"#{one}" for one in self.password_hashes] or ["nopass"]
        # Who is neither on nor off is off, on ElastiCache as here.
        return ["reset", *secrets_accepted, *self.access.split()]


class RedisServer:
    """One cache node: its folder, its address, its process."""

    def __init__(
        self, name: str, state_dir: Path, folder: Path, address: str, port: int, *, tls: bool
    ) -> None:
        self.name = name
        self.address = address
        self.port = port
        self.tls = tls
        self.folder = folder
        self.log = folder / "server.log"
        self._state_dir = state_dir
        self._password = secrets.token_urlsafe(24)
        self._child: processes.Child | None = None

    def start(self, tokens: Sequence[str]) -> None:
        """Start with these tokens (none: open to anybody who connects), and wait for the first
        answer."""
        storage.private_folder(self.folder, None)
        listen = f"port {self.port}"
        if self.tls:
            certificate = authority.server_certificate(
                self._state_dir, [self.address, "localhost", "127.0.0.1"]
            )
            storage.private_file(self.folder / "server.crt", certificate.certificate, None)
            storage.private_file(self.folder / "server.key", certificate.key, None)
            listen = _TLS.format(
                port=self.port,
                folder=self.folder,
                authority=self._state_dir / authority.CA_FILE,
            )
        configuration = _CONFIGURATION.format(
            address=self.address,
            listen=listen,
            folder=self.folder,
            admin=ADMIN,
            admin_hash=hash_password(self._password),
            rules=" ".join(f"#{hash_password(token)}" for token in tokens) or "nopass",
        )
        path = storage.private_file(self.folder / "redis.conf", configuration, None)
        self._child = processes.spawn(
            [_binary(), str(path)],
            name=f"redis {self.name}",
            output=self.log,
            cwd=self.folder,
            end_signal=signal.SIGKILL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            code = self._child.exit_code()
            if code is not None or time.monotonic() > deadline:
                self.stop()
                happened = "did not answer in time" if code is None else f"ended with status {code}"
                said = self.log.read_text(encoding="utf-8", errors="replace").strip()[-500:]
                raise ServerError(f"Redis {self.name} {happened}: {said}")
            time.sleep(POLL_SECONDS)

    def set_tokens(self, tokens: Sequence[str], *, optional: bool) -> None:
        """Accept these tokens from now on, and while they are optional no token, too."""
        hashes = () if optional else tuple(hash_password(token) for token in tokens)
        self.set_users([User("default", "on ~* &* +@all", hashes)])

    def set_users(self, users: Sequence[User]) -> None:
        """Know these users and no others, from now on. Each changes from one moment to the next."""
        wanted = {user.name: user for user in users}
        # Redis always has a default user; nobody is it where it was not asked for.
        wanted.setdefault("default", User("default", "off", ()))
        with self._admin() as client:
            for user in wanted.values():
                client.execute_command("ACL", "SETUSER", user.name, *user.rules())
            known = {_text(name) for name in client.execute_command("ACL", "USERS")}
            for name in known - set(wanted) - {ADMIN}:
                client.execute_command("ACL", "DELUSER", name)

    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.exit_code() is None

    def stop(self) -> None:
        """Stop it."""
        if self._child is not None:
            self._child.stop(STOP_SECONDS)
            self._child = None

    def remove(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        storage.remove(self.folder)

    def _admin(self) -> Any:
        import redis

        return redis.Redis(
            host=self.address,
            port=self.port,
            username=ADMIN,
            password=self._password,
            ssl=self.tls,
            ssl_ca_certs=str(self._state_dir / authority.CA_FILE) if self.tls else None,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )

    def _answers(self) -> bool:
        import redis

        try:
            with self._admin() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def hash_password(password: str) -> str:
    """What Redis keeps of a password."""
    return hashlib.sha256(password.encode()).hexdigest()


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _binary() -> str:
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found is not None:
            return found
    raise ServerError("redis-server is not installed: install redis-server (`make setup` does)")

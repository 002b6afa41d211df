"""MiniStack in this process, extended and served.

MiniStack reads its configuration from the environment while it is being imported, and its
containers come from whatever module ``docker`` it finds. So the order here is everything:
environment, import path, import, extensions, and only then the first request.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import logging
import os
import secrets
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from localcloud import extensions
from localcloud.settings import ACCOUNT_ID, REGION, Settings, start_with

logger = logging.getLogger("localcloud")

# The extensions patch MiniStack's insides; another version has other insides.
MINISTACK_VERSION = "1.5.33"

ADMIN_USER = "localcloud-admin"
READY_FILE = "localcloud.json"
LOG_FILE = "localcloud.log"
STANDIN = Path(__file__).parent / "standin"

# How long requests that are under way at the end may still take; their callers are ending too.
SHUTDOWN_GRACE_SECONDS = 2.0
# Clients keep their connections for a long time; AWS's own front ends close idle ones after about
# this long.
KEEP_ALIVE_SECONDS = 75
BACKLOG = 1024


class StartError(RuntimeError):
    """The cloud cannot start; the message says what to do."""


def serve(settings: Settings, listening: socket.socket) -> None:
    """Serve until SIGTERM, then leave nothing behind."""
    settings.port = listening.getsockname()[1]
    start_with(settings)
    _log_to(settings.state_dir / LOG_FILE)
    _prepare_environment(settings)
    _prepare_import_path(settings)
    _require_version()

    import ministack.app

    if settings.authentication:
        _close_back_doors()
        _stand_for_tls()
    admin = _create_admin()
    extensions.install_all(settings)
    from localcloud.gateway import Gateway

    asyncio.run(_run(Gateway(ministack.app.app), settings, listening, admin))


def _log_to(path: Path) -> None:
    """Everything is logged to one file; the terminal belongs to whoever started us."""
    logging.basicConfig(
        filename=path,
        level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s [%(name)s] %(message)s",
    )


def _prepare_environment(settings: Settings) -> None:
    """MiniStack's configuration; nothing of the caller's own AWS set-up may shine through."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    scratch = settings.state_dir / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    endpoint = f"http://127.0.0.1:{settings.port}"
    os.environ.update(
        {
            "AUTH": "true" if settings.authentication else "false",
            "GATEWAY_PORT": str(settings.port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": endpoint,
            # MiniStack takes the configured key for root's. Ours is secret: whoever has no
            # credentials of the cloud's own is nobody here.
            "AWS_ACCESS_KEY_ID": "AKIA" + secrets.token_hex(8).upper(),
            "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
            "STATE_DIR": str(settings.state_dir / "ministack"),
            "S3_DATA_DIR": str(settings.state_dir / "s3"),
            "TMPDIR": str(scratch),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
        }
    )
    if settings.engine == "process":
        # Any address that is not a Unix socket tells MiniStack that an engine is there.
        os.environ["DOCKER_HOST"] = "process://localcloud"


def _prepare_import_path(settings: Settings) -> None:
    """The stand-in for the module `docker` goes first, unless a real engine is asked for."""
    if settings.engine == "process":
        sys.path.insert(0, str(STANDIN))


def _require_version() -> None:
    """Refuse a MiniStack whose insides nobody has looked at."""
    try:
        found = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        raise StartError(
            f"MiniStack {MINISTACK_VERSION} is not installed for {sys.executable}; run `make setup`"
        ) from None
    if found != MINISTACK_VERSION:
        raise StartError(
            f"MiniStack {found} is installed, the extensions fit {MINISTACK_VERSION}: "
            "run `make setup`, or check every extension against the new version"
        )


def _close_back_doors() -> None:
    """MiniStack takes ``test`` and any account's number for root's access key; AWS does not."""
    from ministack.core import iam_evaluator

    def is_root_access_key(access_key_id: str) -> bool:
        # Unsigned requests come without a key; they are refused or let pass elsewhere.
        return not access_key_id or access_key_id == os.environ["AWS_ACCESS_KEY_ID"]

    iam_evaluator.is_root_access_key = is_root_access_key


def _stand_for_tls() -> None:
    """Tell IAM that calls come over TLS: our plain port stands for AWS's endpoints.

    Otherwise every bucket whose policy demands ``aws:SecureTransport`` would be out of reach.
    """
    from ministack import app

    pin = app.pin_request_origin
    app.pin_request_origin = lambda address, _secure: pin(address, True)


def _create_admin() -> dict[str, str]:
    """The first user, who may do everything; every other right is granted through it."""
    from ministack.services import iam

    key_id = "AKIA" + secrets.token_hex(8).upper()
    secret = secrets.token_urlsafe(30)
    iam._users[ADMIN_USER] = {
        "UserName": ADMIN_USER,
        "Arn": f"arn:aws:iam::{ACCOUNT_ID}:user/{ADMIN_USER}",
        "UserId": "AIDA" + secrets.token_hex(8).upper(),
        "CreateDate": iam._now(),
        "Path": "/",
        "PermissionsBoundary": "",
        "AttachedPolicies": ["arn:aws:iam::aws:policy/AdministratorAccess"],
        "Tags": [],
    }
    iam._access_keys[key_id] = {
        "UserName": ADMIN_USER,
        "AccessKeyId": key_id,
        "SecretAccessKey": secret,
        "Status": "Active",
        "CreateDate": iam._now(),
    }
    return {"access_key_id": key_id, "secret_access_key": secret}


async def _run(
    app: Any, settings: Settings, listening: socket.socket, admin: dict[str, str]
) -> None:
    """Accept requests, say so once they are answered, and end on SIGTERM."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config
    from ministack.core import hypercorn_compat

    hypercorn_compat.install()
    config = Config()
    config.bind = [f"fd://{listening.fileno()}"]
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.graceful_timeout = SHUTDOWN_GRACE_SECONDS
    config.backlog = BACKLOG
    config.errorlog = logging.getLogger("hypercorn")
    config.accesslog = None

    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    announcing = asyncio.create_task(_announce(settings, admin))
    await hypercorn_serve(app, config, shutdown_trigger=ending.wait)
    announcing.cancel()
    with contextlib.suppress(FileNotFoundError):
        (settings.state_dir / READY_FILE).unlink()


async def _announce(settings: Settings, admin: dict[str, str]) -> None:
    """Write the ready file as soon as the port answers, in one step, so nobody reads half of it."""
    while not await _answers(settings.port):
        await asyncio.sleep(0.02)
    ready = {
        "endpoint": f"http://127.0.0.1:{settings.port}",
        "region": REGION,
        "account_id": ACCOUNT_ID,
        "admin": admin,
        "ca_bundle": str(settings.state_dir / "ca.pem"),
        "pid": os.getppid(),
    }
    draft = settings.state_dir / f".{READY_FILE}"
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(ready, indent=2) + "\n", encoding="utf-8")
    draft.replace(settings.state_dir / READY_FILE)


async def _answers(port: int) -> bool:
    """Whether our own health path answers over the network."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"GET /_localcloud/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        return b" 200 " in await reader.readline()
    finally:
        writer.close()

"""``python -m localcloud.servers postgres|mariadb``: a database as a container's main process.

What ``postgres:15`` or ``mysql:8.0`` do in a task definition: a fresh server on the container's own
address, set up by the variables that those images know, gone with the container.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from localcloud.servers import ServerError, mariadb, postgres, storage


def main(kind: str) -> int:
    """Serve until SIGTERM."""
    environment = os.environ
    state_dir = Path(environment["LOCALCLOUD_STATE_DIR"])
    name = environment["HOSTNAME"]
    folder = storage.root(state_dir) / "containers" / name
    address = environment["CONTAINER_IP"]
    server: postgres.PostgresServer | mariadb.MariaDbServer
    if kind == "postgres":
        server = postgres.PostgresServer(name, state_dir, folder, address, postgres.PORT)
        user = environment.get("POSTGRES_USER", "postgres")
        password = environment.get("POSTGRES_PASSWORD", "")
        database = environment.get("POSTGRES_DB") or user
    else:
        server = mariadb.MariaDbServer(name, state_dir, folder, address, mariadb.PORT)
        user = environment.get("MYSQL_USER", "app")
        password = environment.get("MYSQL_PASSWORD") or environment.get("MYSQL_ROOT_PASSWORD", "")
        database = environment.get("MYSQL_DATABASE", "")
    if not password:
        print("no password is given: set POSTGRES_PASSWORD or MYSQL_PASSWORD")
        return 1
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    try:
        server.create(user, password, database or None, {}, force_tls=False)
    except ServerError as error:
        print(error)
        return 1
    print(f"{kind} is ready on {address}:{server.port}", flush=True)
    ending.wait()
    server.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""`python role.py worker|beat`: stay, look at the database now and then, and show that it lives.

There is no queue to take from: what the product's own workers do is not stood in for.
"""

import pathlib
import signal
import sys
import tempfile
import time

import database

TICK_SECONDS = 2
# The database is asked more seldom than the health check looks: an idle worker costs next to
# nothing.
ASK_SECONDS = 60


def main(role: str) -> None:
    """Stay until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ask_at = time.monotonic()
    while True:
        pathlib.Path(tempfile.gettempdir(), f"{role}.alive").touch()
        if time.monotonic() >= ask_at:
            print(f"{role}: the database {database.failure() or 'answers'}")
            ask_at = time.monotonic() + ASK_SECONDS
        time.sleep(TICK_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])

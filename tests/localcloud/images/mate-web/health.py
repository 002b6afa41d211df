"""The container's health check: `python health.py web|worker|beat`; exit code 0 is healthy.

Runs every few seconds on a fraction of a core, so it imports next to nothing.
"""

import os
import sys
import tempfile
import time
import urllib.request

TIMEOUT_SECONDS = 5
# A worker shows that it is alive every few seconds; three missed in a row are a sign.
HEARTBEAT_SECONDS_MAX = 30


def main(role: str) -> int:
    """Check one role."""
    if role == "web":
        address = os.environ.get("CONTAINER_IP", "127.0.0.1")
        try:
            url = f"http://{address}:8000/health/live"
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
                return 0 if answer.status == 200 else 1
        except OSError:
            return 1
    try:
        age = time.time() - os.stat(f"{tempfile.gettempdir()}/{role}.alive").st_mtime
    except FileNotFoundError:
        return 1
    return 0 if age < HEARTBEAT_SECONDS_MAX else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "web"))

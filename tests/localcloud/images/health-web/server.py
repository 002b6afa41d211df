"""Answer `/health/live` and `/health/startup` always, anything else with the database's state.

Listens on ${CONTAINER_IP}:${PORT}. SIGTERM ends it at once: there are no sessions to finish.
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import database

ALWAYS = ("/health/live", "/health/startup")


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        """Answer 200, or 503 with the kind of failure when the database does not answer."""
        failure = None if self.path.rstrip("/") in ALWAYS else database.failure()
        body = json.dumps({"status": "ok"} if failure is None else {"status": failure}).encode()
        self.send_response(200 if failure is None else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Load balancers ask all the time; their questions are not worth a line each."""


def main() -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    address = os.environ.get("CONTAINER_IP", "0.0.0.0"), int(os.environ["PORT"])
    with ThreadingHTTPServer(address, Handler) as server:
        server.daemon_threads = True
        print(f"listening on {address[0]}:{address[1]}")
        server.serve_forever()


if __name__ == "__main__":
    main()

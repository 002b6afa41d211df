"""A DynamoDB for the store's tests: MiniStack on a free port, gone when its test is.

MiniStack's own command line takes a port number, which another process may take in between. Here
the socket is bound first and its port printed, so that the caller can connect at once.
"""

import asyncio
import os
import socket
import sys
import threading

SETTINGS = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "IOT_MTLS_ENABLED": "0",  # it would listen on a fixed port
    "LOG_LEVEL": "WARNING",
    "PERSIST_STATE": "0",
    "SERVICES": "dynamodb",
    "SFTP_ENABLED": "0",
}


def leave_with_caller() -> None:
    """End this process when the caller's end of standard input closes, however the caller died."""
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Serve until the caller is gone."""
    os.environ.update(SETTINGS)
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    port = listening.getsockname()[1]
    os.environ["GATEWAY_PORT"] = str(port)
    threading.Thread(target=leave_with_caller, daemon=True).start()

    # Only now: MiniStack reads its settings when it is imported.
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    config = Config()
    config.bind = [f"fd://{listening.fileno()}"]
    config.loglevel = "WARNING"
    print(port, flush=True)
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    main()

"""The command line: ``python -m localcloud up|deploy|calls|down …``."""

from __future__ import annotations

import argparse
import json
import socket
import sys
import urllib.parse
import urllib.request
from pathlib import Path

from localcloud import guardian, server
from localcloud.settings import ENGINES, Settings

CALLS_TIMEOUT_SECONDS = 10


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code says whether it succeeded."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["deploy"]:
        from localcloud.deploy import main as deploy_main

        return deploy_main(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except (guardian.UpError, server.StartError) as error:
        print(f"localcloud: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localcloud", description="AWS on a laptop.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="run a cloud in the foreground")
    _add_server_options(up)
    up.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    up.add_argument("--keep", action="store_true", help="do not wipe the state folder first")
    up.add_argument("--watch", type=int, metavar="PID", help="stop when this process is gone")
    up.set_defaults(run=_up)

    serve = commands.add_parser("serve", help="what `up` starts; not for people")
    _add_server_options(serve)
    serve.add_argument("--socket", type=int, required=True, help="the listening socket")
    serve.set_defaults(run=_serve)

    commands.add_parser("deploy", help="put the suite onto a running cloud", add_help=False)

    down = commands.add_parser("down", help="stop the cloud that runs on a state folder")
    down.add_argument("--state", type=Path, required=True, help="the cloud's state folder")
    down.set_defaults(run=lambda options: guardian.down(options.state))

    calls = commands.add_parser("calls", help="show the AWS calls a running cloud has seen")
    calls.add_argument("--state", type=Path, required=True, help="the cloud's state folder")
    calls.add_argument("--service", help="only this service, such as sqs")
    calls.add_argument("--operation", help="only this operation, such as SendMessage")
    calls.add_argument("--caller", help="only callers whose name contains this")
    calls.set_defaults(run=_calls)
    return parser


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", type=Path, required=True, help="folder for all of its state")
    parser.add_argument("--engine", choices=ENGINES, default="process", help="what runs containers")
    parser.add_argument("--no-auth", action="store_true", help="do not enforce IAM")


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        state_dir=options.state.absolute(),
        port=getattr(options, "port", 0),
        engine=options.engine,
        authentication=not options.no_auth,
    )


def _up(options: argparse.Namespace) -> int:
    return guardian.up(_settings(options), keep=options.keep, watch=options.watch)


def _serve(options: argparse.Namespace) -> None:
    server.serve(_settings(options), socket.socket(fileno=options.socket))


def _calls(options: argparse.Namespace) -> int:
    ready = options.state / server.READY_FILE
    if not ready.exists():
        raise guardian.UpError(
            f"no cloud is running on {options.state} (there is no {ready.name}): "
            f"start one with `python -m localcloud up --state {options.state}`"
        )
    endpoint = json.loads(ready.read_text(encoding="utf-8"))["endpoint"]
    wanted = {
        name: value
        for name in ("service", "operation", "caller")
        if (value := getattr(options, name))
    }
    address = f"{endpoint}/_localcloud/calls?{urllib.parse.urlencode(wanted)}"
    with urllib.request.urlopen(address, timeout=CALLS_TIMEOUT_SECONDS) as answer:
        for call in json.load(answer):
            fault = f"  ({call['fault']})" if call.get("fault") else ""
            print(
                f"{call['n']:>6}  {call['time']}  {call['status']}  {call['duration_ms']:>6} ms  "
                f"{call['service']}:{call['operation']}  {call['caller']}{fault}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())

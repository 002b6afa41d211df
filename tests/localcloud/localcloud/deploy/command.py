"""The command line: `python -m localcloud deploy`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.deploy.manifest import ManifestError
from localcloud.deploy.suite import DEPLOYMENT_FILE, DeployError, Options, deploy


def main(arguments: list[str]) -> int:
    """Deploys as asked; the exit code says whether it succeeded."""
    options = _options(arguments)
    started = time.monotonic()
    step = ""

    def say(what: str, name: str) -> None:
        nonlocal step
        step = f"{what} {name}"
        print(f"deploy: {what:<13} {name}", flush=True)

    try:
        deploy(options, say)
    except (DeployError, ManifestError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        after = f" after {step}" if step else ""
        print(
            f"deploy: the local cloud refused a step{after}: {error}; "
            f"its own words are in {options.state_dir}",
            file=sys.stderr,
        )
        return 1
    took = time.monotonic() - started
    print(f"deploy: done in {took:.1f} s; see {options.state_dir / DEPLOYMENT_FILE}")
    return 0


def _options(arguments: list[str]) -> Options:
    defaults = {field: getattr(Options, field) for field in ("catalogue", "packages", "manifest")}
    parser = argparse.ArgumentParser(
        prog="localcloud deploy", description="Puts the suite onto a running local cloud."
    )
    parser.add_argument("--state", type=Path, required=True, help="the cloud's state folder")
    parser.add_argument("--catalogue", type=Path, default=defaults["catalogue"])
    parser.add_argument("--product", default="", help="by default the catalogue's")
    parser.add_argument("--environment", default=Options.environment)
    parser.add_argument(
        "--zips", type=Path, default=defaults["packages"], help="where `make package` put them"
    )
    parser.add_argument("--manifest", type=Path, default=defaults["manifest"])
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="PATH=VALUE",
        action="append",
        default=[],
        help="over the manifest, such as queue.max_receive_count=2; may be repeated",
    )
    asked = parser.parse_args(arguments)
    return Options(
        state_dir=asked.state.resolve(),
        catalogue=asked.catalogue,
        product=asked.product,
        environment=asked.environment,
        packages=asked.zips,
        manifest=asked.manifest,
        settings=asked.settings,
    )

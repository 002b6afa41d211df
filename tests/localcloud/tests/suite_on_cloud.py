"""The suite on a cloud, with small Python functions in the place of the real zips: they print what
they get, and do the AWS calls that a message asks for.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from cloud import BOOTSTRAP, Cloud, wait_for
from localcloud.deploy import Options, deploy
from localcloud.deploy.manifest import load
from suite_manifest import MANIFEST, PRODUCT, values

# Prints every message it gets, and what it is called with by others than its queue.
# `{"call": [service, operation, arguments]}` is done with the function's own rights;
# `{"fail": true}` is reported as not done.
HANDLER = """
import boto3, botocore.exceptions
def handle(event):
    if "Records" not in event or "body" not in event["Records"][0]:
        print("called " + json.dumps(event), flush=True)
        return {}
    failures = []
    for record in event["Records"]:
        print("got " + record["body"], flush=True)
        body = json.loads(record["body"])
        if "call" in body:
            service, operation, arguments = body["call"]
            try:
                getattr(boto3.client(service), operation)(**arguments)
                outcome = "ok"
            except botocore.exceptions.ClientError as error:
                outcome = error.response["Error"]["Code"] + ": " + str(error)
            print("did " + body["id"] + " " + json.dumps(outcome), flush=True)
        if body.get("fail"):
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
"""


class Deployed:
    """The suite on a cloud, and what one of its functions has printed."""

    def __init__(
        self,
        cloud: Cloud,
        options: Options,
        deployment: dict[str, Any],
        name: str = "tenant-onboarding",
    ) -> None:
        self.cloud = cloud
        self.options = options
        self.deployment = deployment
        self.function = deployment["functions"][name]

    def of(self, name: str) -> Deployed:
        """The same with another function."""
        return Deployed(self.cloud, self.options, self.deployment, name)

    def send(self, body: dict[str, Any]) -> None:
        self.cloud.client("sqs").send_message(
            QueueUrl=self.function["queue_url"], MessageBody=json.dumps(body)
        )

    def printed(self, word: str) -> list[str]:
        """What the function has printed after this word, so far."""
        pages = self.cloud.client("logs").get_paginator("filter_log_events")
        lines = [
            line
            for page in pages.paginate(logGroupName=self.function["log_group"])
            for event in page["events"]
            for line in event["message"].splitlines()
        ]
        return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]

    def got(self, text: str) -> list[str]:
        """The messages with this text in them, once there is one."""
        return wait_for(
            f"the function to get {text}",
            lambda: [body for body in self.printed("got") if text in body],
        )

    def tried(self, name: str, service: str, operation: str, /, **arguments: Any) -> str:
        """How an AWS call with the function's own rights ends."""
        self.send({"id": name, "call": [service, operation, arguments]})
        outcomes = wait_for(
            f"the function to try {name}",
            lambda: [text for text in self.printed("did") if text.startswith(f"{name} ")],
        )
        return json.loads(outcomes[0].removeprefix(f"{name} "))


def packages(folder: Path) -> Path:
    """A package for every function of the manifest, all with the same handler."""
    bootstrap = BOOTSTRAP.format(
        python=sys.executable, path=[entry for entry in sys.path if entry], code=HANDLER
    )
    for name in load(MANIFEST, values())["functions"]:
        file = folder / name / "bootstrap.zip"
        file.parent.mkdir(parents=True)
        with zipfile.ZipFile(file, "w") as archive:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, bootstrap)
    return folder


def quietly(_what: str, _name: str) -> None:
    """Steps that no one reads."""


def deploy_probe(cloud: Cloud, folder: Path) -> Deployed:
    """Deploys the suite for the product that these tests speak of."""
    catalogue = folder / "probe.toml"
    catalogue.write_text(f'product = "{PRODUCT}"\n')
    options = Options(
        state_dir=cloud.state_dir,
        catalogue=catalogue,
        packages=packages(folder / "zips"),
        settings=["queue.visibility_timeout_seconds=30", "queue.max_receive_count=2"],
    )
    return Deployed(cloud, options, deploy(options, quietly))

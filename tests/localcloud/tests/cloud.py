"""A running local cloud as the tests see it: plain boto3 clients and the control API."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.config

PACKAGE_ROOT = Path(__file__).parent.parent
START_SECONDS = 60.0
# The files of dozens of servers are removed; a disk that others use takes its time.
STOP_SECONDS = 180.0
WAIT_SECONDS = 60.0
POLL_SECONDS = 0.05

# A Lambda function in Python for the `provided.al2023` runtime: its bootstrap speaks the Runtime
# API, and calls `handle(event)`.
BOOTSTRAP = """#!{python}
import json, os, sys, urllib.request
sys.path[:0] = {path!r}
{code}
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime"
while True:
    with urllib.request.urlopen(api + "/invocation/next") as got:
        event, request_id = json.load(got), got.headers["Lambda-Runtime-Aws-Request-Id"]
    try:
        path, answer = "response", handle(event)
    except Exception as error:
        path, answer = "error", {{"errorType": type(error).__name__, "errorMessage": str(error)}}
    report = f"{{api}}/invocation/{{request_id}}/{{path}}"
    urllib.request.urlopen(report, json.dumps(answer).encode()).close()
"""


def wait_for(what: str, condition: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
    """Wait until the condition gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds:.0f} s"
        time.sleep(POLL_SECONDS)
    return found


class Cloud:
    """One running cloud."""

    def __init__(self, state_dir: Path, process: subprocess.Popen) -> None:
        self.state_dir = state_dir
        self.process = process
        self.ready = json.loads((state_dir / "localcloud.json").read_text())

    @property
    def endpoint(self) -> str:
        return self.ready["endpoint"]

    def client(self, service: str, *, attempts: int = 1, credentials: dict | None = None) -> Any:
        """A client with the admin's credentials, or with these; one attempt unless told."""
        keys = credentials or self.ready["admin"]
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.ready["region"],
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
            config=botocore.config.Config(
                retries={"mode": "standard", "total_max_attempts": attempts}
            ),
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API; a refusal is an AssertionError with its words."""
        request = urllib.request.Request(
            f"{self.endpoint}/_localcloud/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["error"]) from None

    @contextlib.contextmanager
    def faults(self, *rules: dict, seed: int = 1) -> Iterator[None]:
        """Have these faults for as long as the block lasts."""
        self.control("PUT", "faults", {"rules": list(rules), "seed": seed})
        try:
            yield
        finally:
            self.control("DELETE", "faults")

    @contextlib.contextmanager
    def settings(self, **wishes: Any) -> Iterator[None]:
        """Have these settings for as long as the block lasts."""
        before = self.control("GET", "settings")
        self.control("PUT", "settings", wishes)
        try:
            yield
        finally:
            self.control("PUT", "settings", {name: before[name] for name in wishes})

    def role(self, name: str, *actions: str, service: str = "lambda") -> str:
        """A role for a service that may do these actions on everything; its ARN."""
        iam = self.client("iam")
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": f"{service}.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"][
            "Arn"
        ]
        iam.put_role_policy(
            RoleName=name,
            PolicyName="may",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Action": ["logs:*", *actions], "Resource": "*"}
                    ],
                }
            ),
        )
        return arn

    def function(self, name: str, code: str, *actions: str, timeout: int = 10) -> str:
        """A function whose `handle(event)` is in the code and whose role may do the actions."""
        bootstrap = BOOTSTRAP.format(
            python=sys.executable, path=[entry for entry in sys.path if entry], code=code
        )
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, bootstrap)
        return self.client("lambda").create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=self.role(f"{name}-role", *actions),
            Code={"ZipFile": package.getvalue()},
            Timeout=timeout,
        )["FunctionArn"]

    def queue(self, name: str, **attributes: str) -> tuple[str, str]:
        """A queue; its URL and its ARN."""
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        return url, arn["QueueArn"]

    def take_messages(self, queue_url: str) -> list[str]:
        """All messages that are visible now, taken off the queue."""
        sqs = self.client("sqs")
        bodies = []
        while found := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in found:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def stack(self, name: str, resources: dict, **more: Any) -> dict:
        """Create a stack and wait for its end; its description."""
        cloudformation = self.client("cloudformation")
        created = cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps({"Resources": resources, **more.pop("template", {})}),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            **more,
        )
        return self.settled(created["StackId"])

    def settled(self, stack: str) -> dict:
        """The stack's description, once nothing is in progress."""
        cloudformation = self.client("cloudformation")

        def look() -> dict | None:
            found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
            return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

        return wait_for(f"the end of what is in progress on {stack}", look)

    def delete_stack(self, name: str) -> dict:
        """Delete a stack and wait for its end; its description."""
        cloudformation = self.client("cloudformation")
        stack_id = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=name)
        return self.settled(stack_id)

    def stack_events(self, name: str) -> list[tuple[str, str, str]]:
        """What became of a stack's resources, in order: (logical id, status, reason)."""
        events = self.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
        return [
            (one["LogicalResourceId"], one["ResourceStatus"], one.get("ResourceStatusReason", ""))
            for one in reversed(events)
        ]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the cloud as a person would; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


def environment() -> dict[str, str]:
    """The environment in which `python -m localcloud` is found."""
    return {**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)}


def start(state_dir: Path, *options: str) -> Cloud:
    """Start a cloud of one's own; it ends with this process at the latest."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "localcloud", "up", "--state", str(state_dir)),
            *("--watch", str(os.getpid()), *options),
        ],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    line = process.stdout.readline()
    assert "ready at" in line, f"the cloud did not start: {line}{process.stdout.read()}"
    return Cloud(state_dir, process)

"""A function may do what its code does and nothing else, as far as its text tells.

That a permission is missing shows on the local cloud, when the call is made; that one is not needed
any more would show nowhere.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import botocore.session
import pytest
import yaml
from botocore import xform_name

ROOT = Path(__file__).resolve().parents[3]
FUNCTIONS = yaml.safe_load((ROOT / "infra/manifest.yaml").read_text())["functions"]

# The SDK's crates by what IAM and boto call their service.
SERVICES = {
    "aws-sdk-cloudformation": ("cloudformation", "cloudformation"),
    "aws-sdk-cloudwatch": ("cloudwatch", "cloudwatch"),
    "aws-sdk-dynamodb": ("dynamodb", "dynamodb"),
    "aws-sdk-ecs": ("ecs", "ecs"),
    "aws-sdk-elasticache": ("elasticache", "elasticache"),
    "aws-sdk-elasticloadbalancingv2": ("elasticloadbalancing", "elbv2"),
    "aws-sdk-eventbridge": ("events", "events"),
    "aws-sdk-rds": ("rds", "rds"),
    "aws-sdk-secretsmanager": ("secretsmanager", "secretsmanager"),
    "aws-sdk-sesv2": ("ses", "sesv2"),
    "aws-sdk-sns": ("sns", "sns"),
    "aws-sdk-sqs": ("sqs", "sqs"),
}

# What no line of a function calls, by why it needs it all the same.
NOT_CALLED = {
    # Lambda itself, as the function: its log, its traces, its place in the network, its queue.
    *("logs:CreateLogStream", "logs:PutLogEvents"),
    *("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    *("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses", "ec2:DescribeSubnets"),
    *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"),
    *("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
    # Other calls ask for it: those with tags, with a role, with a key, and RotateSecret.
    *("cloudformation:TagResource", "iam:PassRole", "kms:Decrypt", "kms:GenerateDataKey"),
    "lambda:InvokeFunction",
}


def granted(function: str) -> set[str]:
    """All actions of a function's policy."""
    return {action for one in FUNCTIONS[function]["policy"] for action in one["Action"]}


@cache
def code(folder: str) -> str:
    """The sources below a folder, those of tests left out."""
    files = sorted((ROOT / folder).rglob("*.rs"))
    return "\n".join(file.read_text() for file in files if file.name != "tests.rs")


@cache
def operations(service: str) -> tuple[str, ...]:
    """What can be called of a service."""
    return tuple(botocore.session.get_session().get_service_model(service).operation_names)


def is_called(operation: str, sources: str) -> bool:
    """Whether the sources call it, as the SDK spells it."""
    return re.search(rf"\.{xform_name(operation)}\(\)", sources) is not None


def called(function: str) -> dict[str, set[str]]:
    """What a function calls by itself, and the actions of which one must be granted for it."""
    manifest = tomllib.loads((ROOT / "functions" / function / "Cargo.toml").read_text())
    found: dict[str, set[str]] = {}
    for crate in manifest["dependencies"].keys() & SERVICES.keys():
        prefix, service = SERVICES[crate]
        for operation in operations(service):
            if is_called(operation, code(f"functions/{function}/src")):
                found.setdefault(operation, set()).add(f"{prefix}:{operation}")
    return found


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_a_function_calls_is_granted(function):
    calls = called(function)
    assert len(calls) >= 4, "the calls were not found"
    missing = {call: any_of for call, any_of in calls.items() if not any_of & granted(function)}
    assert missing == {}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_granted_is_called(function):
    sources = "\n".join(
        code(folder)
        for folder in (f"functions/{function}/src", "shared/store/src", "shared/runtime/src")
    )
    unused = {
        action
        for action in granted(function) - NOT_CALLED
        if not is_called(action.partition(":")[2], sources)
    }
    assert unused == set()

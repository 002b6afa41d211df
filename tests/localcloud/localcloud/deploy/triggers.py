"""What makes a function run beside the messages that are sent to its queue: rules and topics that
send to the queue, and services that call the function itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from localcloud.deploy.cloud import Cloud


def rule(
    cloud: Cloud, name: str, asked: Mapping[str, Any], queue_arn: str, dead_letters_arn: str
) -> None:
    """A rule that sends what it matches to the queue."""
    events = cloud.client("events")
    trigger: dict[str, Any] = {}
    if "event_pattern" in asked:
        trigger["EventPattern"] = json.dumps(asked["event_pattern"])
    if "schedule_expression" in asked:
        trigger["ScheduleExpression"] = asked["schedule_expression"]
    events.put_rule(
        Name=name,
        EventBusName=asked["bus"],
        Description=asked["description"],
        State="ENABLED",
        **trigger,
    )
    target: dict[str, Any] = {
        "Id": "queue",
        "Arn": queue_arn,
        "DeadLetterConfig": {"Arn": dead_letters_arn},
    }
    if "input" in asked:
        target["Input"] = json.dumps(asked["input"])
    answer = events.put_targets(Rule=name, EventBusName=asked["bus"], Targets=[target])
    if answer["FailedEntryCount"]:
        failed = answer["FailedEntries"][0]
        raise RuntimeError(
            f"the rule {name} could not be given the queue {queue_arn} as its target: "
            f"{failed['ErrorCode']}: {failed['ErrorMessage']}"
        )


def rule_arn(cloud: Cloud, name: str, bus: str) -> str:
    """A rule's ARN: the default bus is not named in it."""
    return cloud.arn("events", f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}")


def subscription(cloud: Cloud, topic_arn: str, queue_arn: str, dead_letters_arn: str) -> None:
    """Sends a topic's messages to the queue, wrapped as SNS wraps them: the topic, the subject and
    the time are half of what is said.
    """
    # Subscribing twice gives the first subscription again.
    cloud.client("sns").subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint=queue_arn,
        Attributes={
            "RawMessageDelivery": "false",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_letters_arn}),
        },
    )


def invoker(cloud: Cloud, function: str, caller: str, asked: Mapping[str, Any]) -> None:
    """Lets a service call the function, on behalf of this account or resource only."""
    functions = cloud.client("lambda")
    on_behalf = {"source_account": "SourceAccount", "source_arn": "SourceArn"}
    # A statement cannot be changed, only taken away and made anew.
    try:
        functions.remove_permission(FunctionName=function, StatementId=caller)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
    functions.add_permission(
        FunctionName=function,
        StatementId=caller,
        Action="lambda:InvokeFunction",
        Principal=asked["principal"],
        **{word: asked[key] for key, word in on_behalf.items() if key in asked},
    )

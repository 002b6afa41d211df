"""Creates one function with all that belongs to it: queue, role, triggers and alarms."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localcloud.deploy.base import Base, Say
from localcloud.deploy.cloud import Cloud, already_there
from localcloud.deploy.queues import allow, queue
from localcloud.deploy.shared import role
from localcloud.deploy.triggers import invoker, rule, rule_arn, subscription

# Lambda's words for the processor of this machine.
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
# Asked every half second: creating a function is unpacking a zip.
ACTIVE_WAIT = {"Delay": 1, "MaxAttempts": 60}


@dataclass(frozen=True)
class Names:
    """What everything of one function is called."""

    function: str
    role: str
    queue: str
    dead_letter_queue: str
    log_group: str

    @classmethod
    def of(cls, prefix: str, name: str) -> Names:
        """The names, all from the function's own."""
        full_name = f"{prefix}-{name}"
        return cls(
            function=full_name,
            role=full_name,
            queue=full_name,
            dead_letter_queue=f"{full_name}-dead-letters",
            log_group=f"/aws/lambda/{full_name}",
        )


def create(
    cloud: Cloud,
    base: Base,
    prefix: str,
    names: Names,
    described: Mapping[str, Any],
    environment: Mapping[str, str],
    package: Path,
    say: Say,
) -> dict[str, str]:
    """Makes one function; the answer is what `deployment.json` says about it."""
    topic_arns = [cloud.arn("sns", f"{prefix}-{topic}") for topic in described["topics"]]
    dead_letters_url, queue_url = _queues(cloud, names, described, topic_arns, say)
    _log_group(cloud, names.log_group, described["log_retention_days"])
    role_arn = role(
        cloud, names.role, "lambda.amazonaws.com", described["description"], described["policy"]
    )
    say("role", names.role)
    function_arn = _function(cloud, base, names, described, environment, package, role_arn)
    say("function", f"{names.function} from {package}")
    _event_source(cloud, names, described["queue"]["event_source"])
    say("event source", f"{names.queue} → {names.function}")
    queue_arn = cloud.arn("sqs", names.queue)
    dead_letters_arn = cloud.arn("sqs", names.dead_letter_queue)
    for rule_name, asked in described["rules"].items():
        rule(cloud, f"{names.function}-{rule_name}", asked, queue_arn, dead_letters_arn)
        say("rule", f"{names.function}-{rule_name} on {asked['bus']} → {names.queue}")
    for topic_arn in topic_arns:
        subscription(cloud, topic_arn, queue_arn, dead_letters_arn)
        say("subscription", f"{topic_arn.rpartition(':')[2]} → {names.queue}")
    for caller, asked in described["invoked_by"].items():
        invoker(cloud, names.function, caller, asked)
        say("permission", f"{asked['principal']} → {names.function}")
    return {
        "function_name": names.function,
        "function_arn": function_arn,
        "role_arn": role_arn,
        "queue_url": queue_url,
        "queue_arn": queue_arn,
        "dead_letter_queue_url": dead_letters_url,
        "dead_letter_queue_arn": dead_letters_arn,
        "log_group": names.log_group,
    }


def alarms(
    cloud: Cloud, names: Names, described: Mapping[str, Any], topic_arns: list[str], say: Say
) -> None:
    """The alarms that every function has."""
    dimensions = {
        "function": {"Name": "FunctionName", "Value": names.function},
        "queue": {"Name": "QueueName", "Value": names.queue},
        "dead_letter_queue": {"Name": "QueueName", "Value": names.dead_letter_queue},
    }
    for name, alarm in described.items():
        cloud.client("cloudwatch").put_metric_alarm(
            AlarmName=f"{names.function}-{name}",
            AlarmDescription=alarm["description"],
            AlarmActions=topic_arns,
            OKActions=topic_arns,
            Namespace=alarm["namespace"],
            MetricName=alarm["metric_name"],
            Dimensions=[dimensions[alarm["of"]]],
            Statistic=alarm["statistic"],
            Period=alarm["period"],
            EvaluationPeriods=alarm["evaluation_periods"],
            ComparisonOperator=alarm["comparison_operator"],
            Threshold=alarm["threshold"],
            TreatMissingData="notBreaching",
        )
        say("alarm", f"{names.function}-{name}")


def _queues(
    cloud: Cloud, names: Names, described: Mapping[str, Any], topic_arns: list[str], say: Say
) -> tuple[str, str]:
    asked = described["queue"]
    senders = {
        "events.amazonaws.com": [
            rule_arn(cloud, f"{names.function}-{rule_name}", asked_rule["bus"])
            for rule_name, asked_rule in described["rules"].items()
        ],
        "sns.amazonaws.com": topic_arns,
    }
    dead_letters_arn = cloud.arn("sqs", names.dead_letter_queue)
    dead_letters_url = queue(
        cloud,
        names.dead_letter_queue,
        {
            "MessageRetentionPeriod": asked["dead_letter_retention_seconds"],
            "SqsManagedSseEnabled": "true",
            # What EventBridge and SNS could not deliver to the queue ends here too.
            "Policy": allow(dead_letters_arn, senders),
        },
    )
    say("queue", names.dead_letter_queue)
    redrive = {
        "deadLetterTargetArn": dead_letters_arn,
        "maxReceiveCount": asked["max_receive_count"],
    }
    queue_url = queue(
        cloud,
        names.queue,
        {
            "VisibilityTimeout": asked["visibility_timeout_seconds"],
            "MessageRetentionPeriod": asked["message_retention_seconds"],
            "SqsManagedSseEnabled": "true",
            "RedrivePolicy": json.dumps(redrive),
            "Policy": allow(cloud.arn("sqs", names.queue), senders),
        },
    )
    say("queue", names.queue)
    return dead_letters_url, queue_url


def _log_group(cloud: Cloud, name: str, retention_days: int) -> None:
    logs = cloud.client("logs")
    try:
        logs.create_log_group(logGroupName=name)
    except ClientError as error:
        if not already_there(error, "ResourceAlreadyExistsException"):
            raise
    logs.put_retention_policy(logGroupName=name, retentionInDays=retention_days)


def _function(
    cloud: Cloud,
    base: Base,
    names: Names,
    described: Mapping[str, Any],
    environment: Mapping[str, str],
    package: Path,
    role_arn: str,
) -> str:
    functions = cloud.client("lambda")
    # The zip goes up as it is: what is tested is what ships.
    code = package.read_bytes()
    architectures = [ARCHITECTURES[platform.machine()]]
    configuration: dict[str, Any] = {
        "FunctionName": names.function,
        "Description": described["description"],
        "Role": role_arn,
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "MemorySize": described["memory_mb"],
        "Timeout": described["timeout_seconds"],
        "Environment": {"Variables": dict(environment)},
        "TracingConfig": {"Mode": "Active"},
    }
    if described["vpc"]:
        configuration["VpcConfig"] = {
            "SubnetIds": base.private_subnet_ids,
            "SecurityGroupIds": [base.security_group_ids["caretaker"]],
        }
    active = functions.get_waiter("function_active_v2")
    try:
        functions.create_function(
            **configuration, Code={"ZipFile": code}, Architectures=architectures
        )
    except ClientError as error:
        if not already_there(error, "ResourceConflictException"):
            raise
        updated = functions.get_waiter("function_updated_v2")
        functions.update_function_configuration(**configuration)
        updated.wait(FunctionName=names.function, WaiterConfig=ACTIVE_WAIT)
        functions.update_function_code(
            FunctionName=names.function, ZipFile=code, Architectures=architectures
        )
        updated.wait(FunctionName=names.function, WaiterConfig=ACTIVE_WAIT)
    active.wait(FunctionName=names.function, WaiterConfig=ACTIVE_WAIT)
    if described["reserved_concurrency"] >= 0:
        functions.put_function_concurrency(
            FunctionName=names.function,
            ReservedConcurrentExecutions=described["reserved_concurrency"],
        )
    return cloud.arn("lambda", f"function:{names.function}")


def _event_source(cloud: Cloud, names: Names, asked: Mapping[str, Any]) -> None:
    functions = cloud.client("lambda")
    queue_arn = cloud.arn("sqs", names.queue)
    settings = {
        "BatchSize": asked["batch_size"],
        "MaximumBatchingWindowInSeconds": asked["maximum_batching_window_seconds"],
        "ScalingConfig": {"MaximumConcurrency": asked["maximum_concurrency"]},
        "FunctionResponseTypes": asked["function_response_types"],
    }
    existing = functions.list_event_source_mappings(
        EventSourceArn=queue_arn, FunctionName=names.function
    )["EventSourceMappings"]
    if existing:
        functions.update_event_source_mapping(UUID=existing[0]["UUID"], **settings)
    else:
        functions.create_event_source_mapping(
            EventSourceArn=queue_arn, FunctionName=names.function, **settings
        )

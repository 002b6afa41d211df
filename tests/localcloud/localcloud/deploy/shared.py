"""Creates what the functions share: tables, event buses, topics and roles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from localcloud.deploy.base import Say
from localcloud.deploy.cloud import Cloud, already_there

POLICY_NAME = "caretaker"


def create(cloud: Cloud, manifest: Mapping[str, Any], prefix: str, say: Say) -> None:
    """Everything in the manifest that belongs to no single function."""
    for key, table in manifest["tables"].items():
        _table(cloud, f"{prefix}-{key}", table)
        say("table", f"{prefix}-{key}")
    for key in manifest["event_buses"]:
        _event_bus(cloud, f"{prefix}-{key}")
        say("event bus", f"{prefix}-{key}")
    for key, topic in manifest["topics"].items():
        attributes = {"DisplayName": topic["display_name"]}
        cloud.client("sns").create_topic(Name=f"{prefix}-{key}", Attributes=attributes)
        say("topic", f"{prefix}-{key}")
    for key, described in manifest["roles"].items():
        name = f"{prefix}-{key}"
        role(cloud, name, described["service"], described["description"], described["policy"])
        say("role", name)


def role(
    cloud: Cloud, name: str, service: str, description: str, statements: list[dict[str, Any]]
) -> str:
    """Makes a role that a service takes, with one inline policy; the answer is its ARN."""
    iam = cloud.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        ],
    }
    try:
        iam.create_role(
            RoleName=name, Description=description, AssumeRolePolicyDocument=json.dumps(trust)
        )
    except ClientError as error:
        if not already_there(error, "EntityAlreadyExists"):
            raise
    policy = {"Version": "2012-10-17", "Statement": statements}
    iam.put_role_policy(RoleName=name, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(policy))
    return cloud.arn("iam", f"role/{name}")


def _table(cloud: Cloud, name: str, table: Mapping[str, Any]) -> None:
    dynamodb = cloud.client("dynamodb")
    indexes = table["global_secondary_indexes"]
    keys = [table["partition_key"], table["sort_key"]]
    for index in indexes.values():
        keys += [index["partition_key"], index["sort_key"]]
    try:
        dynamodb.create_table(
            TableName=name,
            BillingMode=table["billing_mode"],
            DeletionProtectionEnabled=table["deletion_protection"],
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": "S"} for key in dict.fromkeys(keys)
            ],
            KeySchema=_key_schema(table),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": index_name,
                    "KeySchema": _key_schema(index),
                    "Projection": {"ProjectionType": index["projection"]},
                }
                for index_name, index in indexes.items()
            ],
        )
    except ClientError as error:
        if not already_there(error, "ResourceInUseException"):
            raise
    dynamodb.get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if ttl["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        dynamodb.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": table["ttl_attribute"]},
        )
    dynamodb.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification={
            "PointInTimeRecoveryEnabled": table["point_in_time_recovery"]
        },
    )


def _key_schema(keyed: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"AttributeName": keyed["partition_key"], "KeyType": "HASH"},
        {"AttributeName": keyed["sort_key"], "KeyType": "RANGE"},
    ]


def _event_bus(cloud: Cloud, name: str) -> None:
    try:
        cloud.client("events").create_event_bus(Name=name)
    except ClientError as error:
        if not already_there(error, "ResourceAlreadyExistsException"):
            raise

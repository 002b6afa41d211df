"""The functions may do what they need, and no more: IAM is asked as on AWS."""

from __future__ import annotations

import contextlib
import json

import pytest
from botocore.exceptions import ClientError
from cloud import Cloud
from suite_manifest import PREFIX, PRODUCT

RECORD = {"pk": {"S": "TENANT#demo"}, "sk": {"S": "RECORD"}}
EVENT = {"DetailType": "probe", "Detail": "{}", "EventBusName": f"{PREFIX}-events"}
TRUST = {"Version": "2012-10-17", "Statement": []}
TEMPLATE = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})


def role_arn(name: str) -> str:
    return f"arn:aws:iam::000000000000:role/{name}"


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("dynamodb", "put_item", {"TableName": f"{PREFIX}-records", "Item": RECORD}),
        ("dynamodb", "get_item", {"TableName": f"{PREFIX}-records", "Key": RECORD}),
        (
            "dynamodb",
            "query",
            {
                "TableName": f"{PREFIX}-records",
                "IndexName": "gsi1",
                "KeyConditionExpression": "gsi1pk = :unfinished",
                "ExpressionAttributeValues": {":unfinished": {"S": "UNFINISHED"}},
            },
        ),
        ("events", "put_events", {"Entries": [{**EVENT, "Source": "sbt.application.plane"}]}),
        ("secretsmanager", "get_secret_value", {"SecretId": f"{PRODUCT}-a-dev/database-app"}),
        (
            "cloudformation",
            "create_stack",
            {
                "StackName": f"{PRODUCT}-allowed-dev-data",
                "TemplateBody": TEMPLATE,
                "RoleARN": role_arn(f"{PREFIX}-provisioning"),
            },
        ),
        ("cloudformation", "describe_stacks", {"StackName": f"{PRODUCT}-allowed-dev-data"}),
        (
            "ecs",
            "describe_services",
            {"cluster": f"{PRODUCT}-dev", "services": ["probe-a-dev-web"]},
        ),
    ],
)
def test_the_function_may_do_what_a_pass_needs(deployed, service, operation, arguments):
    if service == "secretsmanager":
        deployed.cloud.client(service).create_secret(Name=arguments["SecretId"], SecretString="{}")
    name = f"allowed-{service}-{operation}"
    assert deployed.tried(name, service, operation, **arguments) == "ok"


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("dynamodb", "delete_table", {"TableName": f"{PREFIX}-records"}),
        ("dynamodb", "scan", {"TableName": f"{PREFIX}-records"}),
        ("secretsmanager", "get_secret_value", {"SecretId": f"{PRODUCT}-a-prod/database-app"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "elsewhere-a-dev/database-app"}),
        ("secretsmanager", "put_secret_value", {"SecretId": "probe-a-dev/x", "SecretString": "x"}),
        (
            "cloudformation",
            "create_stack",
            {"StackName": "elsewhere-a-dev-data", "TemplateBody": TEMPLATE},
        ),
        ("cloudformation", "delete_stack", {"StackName": f"{PRODUCT}-a-prod-data"}),
        ("rds", "delete_db_instance", {"DBInstanceIdentifier": f"{PRODUCT}-a-dev-database"}),
        ("s3", "create_bucket", {"Bucket": f"{PRODUCT}-a-dev-data"}),
        ("iam", "create_role", {"RoleName": "x", "AssumeRolePolicyDocument": json.dumps(TRUST)}),
        ("sqs", "purge_queue", {"QueueUrl": f"{PREFIX}-tenant-onboarding"}),
    ],
)
def test_the_function_may_do_nothing_else(deployed, service, operation, arguments):
    if operation == "purge_queue":
        arguments = {"QueueUrl": deployed.function["queue_url"]}
    name = f"refused-{service}-{operation}-{abs(hash(json.dumps(arguments)))}"
    outcome = deployed.tried(name, service, operation, **arguments)
    assert "AccessDenied" in outcome, outcome


def test_events_under_another_source_are_refused(deployed):
    outcome = deployed.tried(
        "other-source", "events", "put_events", Entries=[{**EVENT, "Source": "sbt.control.plane"}]
    )
    assert "AccessDenied" in outcome


def test_only_the_provisioning_role_can_be_handed_on(deployed):
    outcome = deployed.tried(
        "other-role",
        "cloudformation",
        "create_stack",
        StackName=f"{PRODUCT}-b-dev-data",
        TemplateBody=TEMPLATE,
        RoleARN=role_arn("administrator"),
    )
    assert "AccessDenied" in outcome
    assert "iam:PassRole" in outcome


def managed_secret(cloud: Cloud, name: str, database: str) -> str:
    """The secret of a master user that RDS manages, as it is tagged."""
    arn = f"arn:aws:rds:us-east-1:000000000000:db:{database}"
    tags = [{"Key": "aws:rds:primaryDBInstanceArn", "Value": arn}]
    made = cloud.client("secretsmanager").create_secret(Name=name, SecretString="{}", Tags=tags)
    return made["ARN"]


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("dynamodb", "get_item", {"TableName": f"{PREFIX}-records", "Key": RECORD}),
        ("events", "put_events", {"Entries": [{**EVENT, "Source": "sbt.application.plane"}]}),
        ("secretsmanager", "describe_secret", {"SecretId": f"{PRODUCT}-b-dev/key"}),
        (
            "secretsmanager",
            "put_secret_value",
            {"SecretId": f"{PRODUCT}-b-dev/key", "SecretString": "x"},
        ),
        ("secretsmanager", "get_random_password", {}),
        ("rds", "describe_db_instances", {"DBInstanceIdentifier": "elsewhere"}),
        ("elasticache", "describe_users", {"UserId": "elsewhere"}),
        ("ecs", "list_services", {"cluster": f"{PRODUCT}-dev"}),
        ("ecs", "list_tasks", {"cluster": f"{PRODUCT}-dev"}),
        ("ecs", "list_tasks", {"cluster": f"{PRODUCT}-dev", "serviceName": "probe-a-dev-web"}),
        ("ecs", "describe_services", {"cluster": f"{PRODUCT}-dev", "services": ["probe-a-dev-x"]}),
        ("sns", "publish", {"TopicArn": "alarms", "Message": "binding"}),
    ],
)
def test_what_rotates_may_do_what_a_rotation_needs(deployed, service, operation, arguments):
    if "SecretId" in arguments:
        with contextlib.suppress(ClientError):
            deployed.cloud.client(service).create_secret(
                Name=arguments["SecretId"], SecretString="{}"
            )
    if "TopicArn" in arguments:
        arguments = arguments | {"TopicArn": deployed.deployment["topics"]["alarms"]}
    name = f"allowed-{service}-{operation}-{len(json.dumps(arguments))}"
    rotation = deployed.of("secret-rotation")
    outcome = rotation.tried(name, service, operation, **arguments)
    # A server that is not there may be asked for: the answer tells.
    assert outcome == "ok" or "NotFound" in outcome, outcome


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("secretsmanager", "get_secret_value", {"SecretId": f"{PRODUCT}-a-prod/database-app"}),
        ("secretsmanager", "get_secret_value", {"SecretId": f"{PREFIX}/alerting/slack"}),
        ("secretsmanager", "delete_secret", {"SecretId": f"{PRODUCT}-b-dev/key"}),
        ("dynamodb", "delete_item", {"TableName": f"{PREFIX}-records", "Key": RECORD}),
        ("ecs", "list_services", {"cluster": "elsewhere-dev"}),
        ("ecs", "list_tasks", {"cluster": "elsewhere-dev"}),
        ("ecs", "update_service", {"cluster": f"{PRODUCT}-dev", "service": "elsewhere-a-dev-web"}),
        ("elasticache", "modify_user", {"UserId": "elsewhere-a-dev-app", "Passwords": ["x" * 16]}),
        ("rds", "modify_db_instance", {"DBInstanceIdentifier": f"{PRODUCT}-a-dev-database"}),
        ("sns", "publish", {"TopicArn": "notifications", "Message": "x"}),
    ],
)
def test_what_rotates_may_do_nothing_else(deployed, service, operation, arguments):
    if "TopicArn" in arguments:
        arguments = arguments | {"TopicArn": deployed.deployment["topics"]["notifications"]}
    name = f"refused-{service}-{operation}-{len(json.dumps(arguments))}"
    outcome = deployed.of("secret-rotation").tried(name, service, operation, **arguments)
    assert "AccessDenied" in outcome or "AuthorizationError" in outcome, outcome


def test_a_managed_masters_secret_may_be_rotated_by_whose_database_it_is(deployed):
    rotation = deployed.of("secret-rotation")
    ours = managed_secret(deployed.cloud, "rds!db-ours", f"{PRODUCT}-a-dev-database")
    theirs = managed_secret(deployed.cloud, "rds!db-theirs", "elsewhere-a-dev-database")
    asked = ("secretsmanager", "get_secret_value")
    assert rotation.tried("managed-ours", *asked, SecretId=ours) == "ok"
    assert "AccessDenied" in rotation.tried("managed-theirs", *asked, SecretId=theirs)


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "is_allowed"),
    [
        ("dynamodb", "put_item", {"TableName": f"{PREFIX}-records", "Item": RECORD}, True),
        ("cloudwatch", "describe_alarms", {}, True),
        ("secretsmanager", "get_secret_value", {"SecretId": f"{PREFIX}/alerting/pager"}, True),
        ("sns", "publish", {"TopicArn": "alert-mail", "Message": "x"}, True),
        ("sns", "publish", {"TopicArn": "alarms", "Message": "x"}, False),
        ("secretsmanager", "get_secret_value", {"SecretId": f"{PRODUCT}-c-dev/key"}, False),
        ("cloudwatch", "delete_alarms", {"AlarmNames": ["x"]}, False),
        ("ecs", "list_tasks", {"cluster": f"{PRODUCT}-dev"}, False),
    ],
)
def test_what_tells_people_may_read_its_credentials_and_touch_nothing(
    deployed, service, operation, arguments, is_allowed
):
    if "SecretId" in arguments:
        deployed.cloud.client(service).create_secret(Name=arguments["SecretId"], SecretString="{}")
    if "TopicArn" in arguments:
        topic = deployed.deployment["topics"][arguments["TopicArn"]]
        arguments = arguments | {"TopicArn": topic}
    name = f"alerts-{service}-{operation}-{len(json.dumps(arguments))}"
    outcome = deployed.of("alert-fanout").tried(name, service, operation, **arguments)
    assert (outcome == "ok") is is_allowed, outcome
    assert is_allowed or "AccessDenied" in outcome or "AuthorizationError" in outcome, outcome

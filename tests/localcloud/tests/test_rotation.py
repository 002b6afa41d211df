"""Rotation: the function is driven through its steps, and versions behave as it expects."""

from __future__ import annotations

import json

import pytest
from cloud import wait_for

LAST_ATTEMPT = (3, "testSecret", False)

# Does what AWS's own template does, and notes every step as a tag of the secret.
ROTATOR = """
import boto3
secrets = boto3.client("secretsmanager")
def handle(event):
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    assert event["RotationToken"]
    described = secrets.describe_secret(SecretId=arn)
    noted = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
    steps = noted.get("steps", "") + step + " "
    secrets.tag_resource(SecretId=arn, Tags=[{"Key": "steps", "Value": steps}])
    if noted.get("fail-in") == step:
        raise RuntimeError("cannot " + step)
    if noted.get("fail-once-in") == step and step not in noted.get("steps", ""):
        raise RuntimeError("cannot " + step + " yet")
    stages = described["VersionIdsToStages"]
    if step == "createSecret":
        assert "AWSPENDING" in stages[token], stages
        try:
            secrets.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
        except secrets.exceptions.ResourceNotFoundException:
            secrets.put_secret_value(SecretId=arn, ClientRequestToken=token,
                                     SecretString="new-" + token, VersionStages=["AWSPENDING"],
                                     RotationToken=event["RotationToken"])
    if step == "finishSecret":
        (current,) = [one for one, labels in stages.items() if "AWSCURRENT" in labels]
        if current == token:
            return
        secrets.update_secret_version_stage(SecretId=arn, VersionStage="AWSCURRENT",
                                            MoveToVersionId=token, RemoveFromVersionId=current)
"""


@pytest.fixture(scope="module")
def rotator(cloud):
    arn = cloud.function("rotator", ROTATOR, "secretsmanager:*")
    cloud.client("lambda").add_permission(
        FunctionName="rotator",
        StatementId="rotate",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    return arn


@pytest.fixture
def secret(cloud, request):
    name = "rotated-" + request.node.name.replace("[", "-").replace("]", "")
    return cloud.client("secretsmanager").create_secret(Name=name, SecretString="old")["ARN"]


def steps_of(cloud, secret: str) -> list[str]:
    described = cloud.client("secretsmanager").describe_secret(SecretId=secret)
    noted = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
    return noted.get("steps", "").split()


def rotations(cloud, secret: str) -> list[tuple[int, str, bool]]:
    """The steps that were run for the secret: attempt, step, whether it went well."""
    found = cloud.control("GET", f"rotations?secret={secret}")
    return [(one["attempt"], one["step"], one["failure"] is None) for one in found]


def value_of(cloud, secret: str) -> str:
    return cloud.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]


def test_the_four_steps_follow_one_another_and_the_new_value_becomes_current(
    cloud, rotator, secret
):
    secrets = cloud.client("secretsmanager")
    version = secrets.rotate_secret(SecretId=secret, RotationLambdaARN=rotator)["VersionId"]
    wait_for("the new value", lambda: value_of(cloud, secret) == f"new-{version}")
    described = wait_for(
        "the rotation's date",
        lambda: (
            found
            if "LastRotatedDate" in (found := secrets.describe_secret(SecretId=secret))
            else None
        ),
    )
    assert steps_of(cloud, secret) == ["createSecret", "setSecret", "testSecret", "finishSecret"]
    assert described["RotationEnabled"] is True
    assert "AWSCURRENT" in described["VersionIdsToStages"][version]
    previous = secrets.get_secret_value(SecretId=secret, VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "old"


@pytest.mark.parametrize("step", ["createSecret", "setSecret", "testSecret", "finishSecret"])
def test_a_failing_step_leaves_the_old_value_and_awspending(cloud, rotator, secret, step):
    secrets = cloud.client("secretsmanager")
    secrets.tag_resource(SecretId=secret, Tags=[{"Key": "fail-in", "Value": step}])
    with cloud.settings(rotation_attempts=1):
        version = secrets.rotate_secret(SecretId=secret, RotationLambdaARN=rotator)["VersionId"]
        wait_for("the failing step", lambda: rotations(cloud, secret)[-1:] == [(1, step, False)])
    assert value_of(cloud, secret) == "old"
    stages = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
    assert stages[version] == ["AWSPENDING"]

    secrets.untag_resource(SecretId=secret, TagKeys=["fail-in", "steps"])

    def asked_again() -> bool:
        # Looked at first: once the rotation goes on, it may be over before it is asked for again.
        if steps_of(cloud, secret):
            return True
        # The failed rotation may still be winding up; then this only joins it.
        with pytest.raises(secrets.exceptions.InvalidRequestException, match="isn't complete"):
            secrets.rotate_secret(SecretId=secret)
        return False

    wait_for("the rotation's resumption", asked_again)
    wait_for("the new value", lambda: value_of(cloud, secret) == f"new-{version}")


@pytest.mark.parametrize("step", ["createSecret", "setSecret", "testSecret", "finishSecret"])
def test_a_step_that_failed_is_tried_again_from_the_first_step_on(cloud, rotator, secret, step):
    secrets = cloud.client("secretsmanager")
    secrets.tag_resource(SecretId=secret, Tags=[{"Key": "fail-once-in", "Value": step}])
    with cloud.settings(rotation_retry_seconds=0.1):
        version = secrets.rotate_secret(SecretId=secret, RotationLambdaARN=rotator)["VersionId"]
        wait_for("the new value", lambda: value_of(cloud, secret) == f"new-{version}")
    steps = ["createSecret", "setSecret", "testSecret", "finishSecret"]
    failing = [(1, one, one != step) for one in steps[: steps.index(step) + 1]]
    going_well = [(2, one, True) for one in steps]
    wait_for("the record", lambda: rotations(cloud, secret) == failing + going_well)


def test_a_rotation_is_given_up_after_so_many_attempts(cloud, rotator, secret):
    secrets = cloud.client("secretsmanager")
    secrets.tag_resource(SecretId=secret, Tags=[{"Key": "fail-in", "Value": "testSecret"}])
    with cloud.settings(rotation_attempts=3, rotation_retry_seconds=0):
        version = secrets.rotate_secret(SecretId=secret, RotationLambdaARN=rotator)["VersionId"]
        wait_for("the last attempt", lambda: rotations(cloud, secret)[-1:] == [LAST_ATTEMPT])
        secrets.untag_resource(SecretId=secret, TagKeys=["fail-in"])
    stages = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
    assert stages[version] == ["AWSPENDING"]
    assert len(rotations(cloud, secret)) == 9


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_function_that_is_killed_in_a_step_is_called_again(cloud, rotator, secret, when):
    secrets = cloud.client("secretsmanager")
    kill = {
        "kind": "kill",
        "service": "secretsmanager",
        "operation": "UpdateSecretVersionStage",
        "caller": "rotator",
        "about": secret,
        "count": 1,
        "when": when,
    }
    with cloud.faults(kill), cloud.settings(rotation_retry_seconds=0.1):
        version = secrets.rotate_secret(SecretId=secret, RotationLambdaARN=rotator)["VersionId"]
        wait_for("the end", lambda: rotations(cloud, secret)[-1:] == [(2, "finishSecret", True)])
    assert value_of(cloud, secret) == f"new-{version}"
    assert rotations(cloud, secret)[3] == (1, "finishSecret", False)


def test_a_rotation_ends_when_awspending_is_taken_off_and_another_one_may_begin(
    cloud, rotator, secret
):
    secrets = cloud.client("secretsmanager")
    secrets.tag_resource(SecretId=secret, Tags=[{"Key": "fail-in", "Value": "setSecret"}])
    with cloud.settings(rotation_retry_seconds=0.1, rotation_attempts=1000):
        first = secrets.rotate_secret(SecretId=secret, RotationLambdaARN=rotator)["VersionId"]
        wait_for("a failure", lambda: (1, "setSecret", False) in rotations(cloud, secret))
        secrets.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSPENDING", RemoveFromVersionId=first
        )
        secrets.untag_resource(SecretId=secret, TagKeys=["fail-in"])
        second = secrets.rotate_secret(SecretId=secret)["VersionId"]
        assert second != first
        wait_for("the new value", lambda: value_of(cloud, secret) == f"new-{second}")


def test_the_record_of_calls_says_in_which_step_each_was_made(cloud, rotator, secret):
    cloud.control("DELETE", "calls")
    secrets = cloud.client("secretsmanager")
    version = secrets.rotate_secret(SecretId=secret, RotationLambdaARN=rotator)["VersionId"]
    wait_for("the end", lambda: rotations(cloud, secret)[-1:] == [(1, "finishSecret", True)])
    assert value_of(cloud, secret) == f"new-{version}"
    made = cloud.control("GET", "calls?service=secretsmanager&caller=rotator")
    assert [
        (call["step"], call["operation"]) for call in made if "Tag" not in call["operation"]
    ] == [
        ("createSecret", "DescribeSecret"),
        ("createSecret", "GetSecretValue"),
        ("createSecret", "PutSecretValue"),
        ("setSecret", "DescribeSecret"),
        ("testSecret", "DescribeSecret"),
        ("finishSecret", "DescribeSecret"),
        ("finishSecret", "UpdateSecretVersionStage"),
    ]
    admins = cloud.control("GET", "calls?operation=RotateSecret")
    assert all("step" not in call for call in admins)


def test_the_same_token_asks_for_the_same_rotation(cloud, rotator, secret):
    secrets = cloud.client("secretsmanager")
    token = "0123456789abcdef0123456789abcdef"
    request = {
        "SecretId": secret,
        "RotationLambdaARN": rotator,
        "ClientRequestToken": token,
    }
    assert secrets.rotate_secret(**request)["VersionId"] == token
    wait_for("the new value", lambda: value_of(cloud, secret) == f"new-{token}")
    assert secrets.rotate_secret(**request)["VersionId"] == token
    assert len(steps_of(cloud, secret)) == 4


def test_without_rotating_at_once_only_the_test_is_run(cloud, rotator, secret):
    secrets = cloud.client("secretsmanager")
    secrets.rotate_secret(
        SecretId=secret,
        RotationLambdaARN=rotator,
        RotateImmediately=False,
        RotationRules={"AutomaticallyAfterDays": 30},
    )
    wait_for("the test", lambda: steps_of(cloud, secret) == ["testSecret"])
    assert value_of(cloud, secret) == "old"
    described = wait_for(
        "the end of the test",
        lambda: (
            found
            if len((found := secrets.describe_secret(SecretId=secret))["VersionIdsToStages"]) == 1
            else None
        ),
    )
    assert described["RotationRules"] == {"AutomaticallyAfterDays": 30}


def test_a_function_that_secrets_manager_may_not_call_is_refused(cloud, secret):
    arn = cloud.function("private-rotator", ROTATOR, "secretsmanager:*")
    secrets = cloud.client("secretsmanager")
    with pytest.raises(secrets.exceptions.ClientError, match="cannot invoke the specified Lambda"):
        secrets.rotate_secret(SecretId=secret, RotationLambdaARN=arn)
    assert secrets.describe_secret(SecretId=secret)["RotationEnabled"] is False


def test_a_version_cannot_be_written_twice_with_different_values(cloud, secret):
    secrets = cloud.client("secretsmanager")
    token = "fedcba9876543210fedcba9876543210"
    write = {"SecretId": secret, "ClientRequestToken": token, "VersionStages": ["AWSPENDING"]}
    secrets.put_secret_value(SecretString="one", **write)
    secrets.put_secret_value(SecretString="one", **write)
    with pytest.raises(secrets.exceptions.ResourceExistsException):
        secrets.put_secret_value(SecretString="two", **write)


def test_a_label_is_on_one_version_at_a_time(cloud, secret):
    secrets = cloud.client("secretsmanager")
    for value in ("one", "two"):
        last = secrets.put_secret_value(
            SecretId=secret, SecretString=value, VersionStages=["AWSPENDING"]
        )["VersionId"]
    stages = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
    assert [one for one, labels in stages.items() if "AWSPENDING" in labels] == [last]


def test_a_rotation_token_of_nobody_is_refused(cloud, secret):
    secrets = cloud.client("secretsmanager")
    with pytest.raises(secrets.exceptions.InvalidRequestException, match="RotationToken"):
        secrets.put_secret_value(
            SecretId=secret,
            ClientRequestToken="0123456789abcdef0123456789abcdef",
            SecretString="new",
            RotationToken="0123456789abcdef0123456789abcdef-none",
        )


def test_a_label_that_is_elsewhere_is_moved_only_by_who_says_from_where(cloud, secret):
    secrets = cloud.client("secretsmanager")
    old = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"].popitem()[0]
    new = secrets.put_secret_value(
        SecretId=secret, SecretString="new", VersionStages=["AWSPENDING"]
    )["VersionId"]
    move = {"SecretId": secret, "VersionStage": "AWSCURRENT", "MoveToVersionId": new}
    for wrong in ({}, {"RemoveFromVersionId": new}):
        with pytest.raises(secrets.exceptions.InvalidParameterException, match=old):
            secrets.update_secret_version_stage(**move, **wrong)
    secrets.update_secret_version_stage(**move, RemoveFromVersionId=old)
    stages = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
    assert {one: sorted(labels) for one, labels in stages.items()} == {
        old: ["AWSPREVIOUS"],
        new: ["AWSCURRENT", "AWSPENDING"],
    }


def test_secrets_are_listed_by_the_beginning_of_their_names_and_tags(cloud, rotator):
    secrets = cloud.client("secretsmanager")
    stack = cloud.stack(
        "listed",
        {
            name: {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {
                    "Name": f"listed/{name}",
                    "SecretString": "old",
                    "Tags": [{"Key": "Kind", "Value": f"of-{name}"}],
                },
            }
            for name in ("one", "two")
        },
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    secrets.rotate_secret(SecretId="listed/one", RotationLambdaARN=rotator)
    assert secrets.describe_secret(SecretId="listed/one")["Tags"][0] == {
        "Key": "Kind",
        "Value": "of-one",
    }

    def listed(key, value):
        pages = secrets.get_paginator("list_secrets").paginate(
            Filters=[{"Key": key, "Values": [value]}], PaginationConfig={"PageSize": 1}
        )
        return [one["Name"] for page in pages for one in page["SecretList"]]

    assert listed("name", "listed/") == ["listed/one", "listed/two"]
    assert listed("name", "sted/") == []
    assert listed("tag-value", "of-tw") == ["listed/two"]
    assert listed("all", "OF-ONE listed") == ["listed/one"]
    found = secrets.list_secrets(Filters=[{"Key": "name", "Values": ["listed/one"]}])["SecretList"]
    assert found[0]["RotationLambdaARN"] == rotator


def test_a_schedule_in_a_template_rotates_at_once_and_is_cancelled_with_its_stack(cloud, rotator):
    resources = {
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"Name": "scheduled", "SecretString": "old"},
        },
        "Schedule": {
            "Type": "AWS::SecretsManager::RotationSchedule",
            "Properties": {
                "SecretId": {"Ref": "Secret"},
                "RotationLambdaARN": rotator,
                "RotationRules": {"ScheduleExpression": "rate(30 days)"},
            },
        },
    }
    stack = cloud.stack("scheduled-rotation", resources)
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloud.stack_events("scheduled-rotation")
    wait_for("the first rotation", lambda: value_of(cloud, "scheduled").startswith("new-"))
    secrets = cloud.client("secretsmanager")
    wait_for("its end", lambda: "LastRotatedDate" in secrets.describe_secret(SecretId="scheduled"))
    del resources["Schedule"]
    cloud.client("cloudformation").update_stack(
        StackName="scheduled-rotation", TemplateBody=json.dumps({"Resources": resources})
    )
    assert cloud.settled("scheduled-rotation")["StackStatus"] == "UPDATE_COMPLETE"
    assert secrets.describe_secret(SecretId="scheduled")["RotationEnabled"] is False

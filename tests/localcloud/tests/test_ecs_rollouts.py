"""ForceNewDeployment: how a service's tasks come to the value that a secret has now."""

from __future__ import annotations

import json

import pytest
from cloud import wait_for
from tasks_in_tests import (
    CLUSTER,
    output,
    register,
    remove,
    rolled_out,
    serve,
    service,
    task,
    tasks_of,
)


@pytest.fixture(scope="module", autouse=True)
def cluster(cloud):
    cloud.client("ecs").create_cluster(clusterName=CLUSTER)


@pytest.fixture(scope="module")
def inbox(cloud):
    """A queue that hears of every deployment."""
    url, arn = cloud.queue("deployments")
    cloud.client("sqs").set_queue_attributes(
        QueueUrl=url,
        Attributes={
            "Policy": json.dumps(
                {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "events.amazonaws.com"},
                            "Action": "sqs:SendMessage",
                            "Resource": arn,
                        }
                    ]
                }
            )
        },
    )
    events = cloud.client("events")
    pattern = {"source": ["aws.ecs"], "detail-type": ["ECS Deployment State Change"]}
    events.put_rule(Name="deployments", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="deployments", Targets=[{"Id": "inbox", "Arn": arn}])
    return url


def heard(cloud, inbox, deployment: str, name: str) -> dict:
    """The event of this name about the deployment, once it has come."""
    found: list[dict] = []

    def look():
        found.extend(json.loads(body) for body in cloud.take_messages(inbox))
        return next(
            (
                one
                for one in found
                if one["detail"]["deploymentId"] == deployment
                and one["detail"]["eventName"] == name
            ),
            None,
        )

    return wait_for(f"{name} of {deployment}", look)


def service_with_secret(cloud, name: str) -> str:
    """A service that says what its secret holds and runs on unless that is `bad`; the secret."""
    secret = cloud.client("secretsmanager").create_secret(
        Name=f"{name}-secret", SecretString='{"password": "first"}'
    )["ARN"]
    command = 'echo "$PASSWORD"; test "$PASSWORD" != bad || exit 1; exec sleep 600'
    definition = register(
        cloud,
        name,
        {
            "command": ["sh", "-c", command],
            "secrets": [{"name": "PASSWORD", "valueFrom": f"{secret}:password::"}],
        },
    )
    serve(cloud, name, definition, count=2)
    assert rolled_out(cloud, name)["rolloutState"] == "COMPLETED"
    return secret


def redeploy(cloud, name: str) -> dict:
    """Force a new deployment; the one that begins."""
    answer = cloud.client("ecs").update_service(
        cluster=CLUSTER, service=name, forceNewDeployment=True
    )
    return answer["service"]["deployments"][0]


def test_a_forced_deployment_starts_all_tasks_anew_with_the_secret_s_value_of_now(cloud, inbox):
    secret = service_with_secret(cloud, "forced")
    before = {one["taskArn"]: one for one in tasks_of(cloud, "forced")}
    cloud.client("secretsmanager").put_secret_value(
        SecretId=secret, SecretString='{"password": "second"}'
    )
    deployment = redeploy(cloud, "forced")
    assert (deployment["status"], deployment["rolloutState"]) == ("PRIMARY", "IN_PROGRESS")
    primary = rolled_out(cloud, "forced")
    assert (primary["id"], primary["rolloutState"]) == (deployment["id"], "COMPLETED")
    heard(cloud, inbox, deployment["id"], "SERVICE_DEPLOYMENT_COMPLETED")

    def only_new_ones():
        running = [one for one in tasks_of(cloud, "forced") if one["lastStatus"] == "RUNNING"]
        return running if len(running) == 2 and len(tasks_of(cloud, "forced")) == 2 else None

    for one in wait_for("the end of the old tasks", only_new_ones):
        assert one["taskArn"] not in before
        assert one["createdAt"] >= deployment["createdAt"]
        assert output(cloud, "forced", one["taskArn"]) == ["second"]
    remove(cloud, "forced")


def test_a_forced_deployment_whose_tasks_fail_is_rolled_back_and_the_old_tasks_go_on(cloud, inbox):
    secret = service_with_secret(cloud, "failing")
    before = [one["taskArn"] for one in tasks_of(cloud, "failing")]
    cloud.client("secretsmanager").put_secret_value(
        SecretId=secret, SecretString='{"password": "bad"}'
    )
    deployment = redeploy(cloud, "failing")
    failed = heard(cloud, inbox, deployment["id"], "SERVICE_DEPLOYMENT_FAILED")
    assert "circuit breaker" in failed["detail"]["reason"]

    def rolled_back():
        deployments = service(cloud, "failing")["deployments"]
        primary = next(one for one in deployments if one["status"] == "PRIMARY")
        return primary["id"] != deployment["id"] and primary["rolloutState"] == "COMPLETED"

    wait_for("the rollback", rolled_back)
    assert [task(cloud, arn)["lastStatus"] for arn in before] == ["RUNNING", "RUNNING"]
    remove(cloud, "failing")

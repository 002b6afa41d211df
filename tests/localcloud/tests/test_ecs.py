"""ECS: tasks and services live and die as on Fargate."""

from __future__ import annotations

import urllib.request

import pytest
from cloud import wait_for
from tasks_in_tests import (
    CLUSTER,
    address,
    output,
    register,
    remove,
    rolled_out,
    run,
    serve,
    service,
    start,
    task,
    tasks_of,
    until,
)


@pytest.fixture(scope="module", autouse=True)
def cluster(cloud):
    cloud.client("ecs").create_cluster(clusterName=CLUSTER)


@pytest.mark.parametrize(
    ("name", "command", "code", "said"),
    [
        ("well", ["sh", "-c", "echo done"], 0, ["done"]),
        ("badly", ["sh", "-c", "echo no >&2; exit 3"], 3, ["no"]),
        (
            "absent",
            ["nonesuch"],
            127,
            ['exec: "nonesuch": executable file not found in $PATH'],
        ),
        ("killed", ["sh", "-c", "kill -9 $$"], 137, []),
    ],
)
def test_a_task_s_exit_code_and_log_are_the_process_s_own(cloud, name, command, code, said):
    stopped = run(cloud, f"ends-{name}", {"command": command})
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert stopped["containers"][0]["exitCode"] == code
    if said:
        assert output(cloud, f"ends-{name}", stopped["taskArn"]) == said


def test_environment_overrides_and_secrets_reach_the_process_and_nothing_of_ours_does(cloud):
    secret = cloud.client("secretsmanager").create_secret(
        Name="task-secret", SecretString='{"password": "pa$$ word"}'
    )["ARN"]
    definition = register(
        cloud,
        "environment",
        {
            "command": ["sh", "-c", "echo $PLAIN/$OVERRIDDEN/$PASSWORD; env | grep ^MINISTACK"],
            "environment": [
                {"name": "PLAIN", "value": "plain"},
                {"name": "OVERRIDDEN", "value": "no"},
            ],
            "secrets": [{"name": "PASSWORD", "valueFrom": f"{secret}:password::"}],
        },
    )
    override = {"name": "app", "environment": [{"name": "OVERRIDDEN", "value": "yes"}]}
    arn = start(cloud, definition, overrides={"containerOverrides": [override]})
    until(cloud, arn, "STOPPED")
    assert output(cloud, "environment", arn) == ["plain/yes/pa$$ word"]


@pytest.mark.parametrize(
    ("name", "container", "reason"),
    [
        ("no-image", {"image": "registry.example.com/nope:1"}, "CannotPullContainerError"),
        (
            "no-secret",
            {
                "secrets": [
                    {
                        "name": "PASSWORD",
                        "valueFrom": "arn:aws:secretsmanager:us-east-1:000000000000:secret:x-ab",
                    }
                ]
            },
            "ResourceInitializationError",
        ),
    ],
)
def test_a_task_that_cannot_start_says_why(cloud, name, container, reason):
    stopped = run(cloud, name, container)
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith(reason)
    assert "exitCode" not in stopped["containers"][0]


def test_a_sidecar_ends_with_its_task_and_containers_share_one_address(cloud):
    stopped = run(
        cloud,
        "sidecar",
        {"command": ["sh", "-c", "sleep 0.3; echo $CONTAINER_IP; exit 4"]},
        {
            "name": "sidecar",
            "essential": False,
            "command": ["sh", "-c", "echo $CONTAINER_IP; exec sleep 600"],
        },
    )
    codes = {one["name"]: one["exitCode"] for one in stopped["containers"]}
    assert codes == {"app": 4, "sidecar": 143}
    arn = stopped["taskArn"]
    assert output(cloud, "sidecar", arn) == output(cloud, "sidecar", arn, "sidecar")


@pytest.mark.parametrize(
    ("image", "environment", "question"),
    [
        ("redis:7", {}, "redis-cli -h localhost ping"),
        (
            "public.ecr.aws/docker/library/postgres:15-alpine",
            {"POSTGRES_PASSWORD": "side-car-password", "POSTGRES_DB": "shop"},
            "PGPASSWORD=side-car-password psql -h localhost -U postgres shop -tAc 'SELECT 42'",
        ),
        (
            "mysql:8.0",
            {"MYSQL_PASSWORD": "side-car-password", "MYSQL_DATABASE": "shop"},
            "mariadb -h localhost -u app -pside-car-password shop -Ne 'SELECT 42'",
        ),
    ],
)
def test_well_known_servers_run_as_sidecars_on_localhost(cloud, image, environment, question):
    family = image.rsplit("/", 1)[-1].split(":", 1)[0]
    asking = f"for i in $(seq 300); do {question} && exit 0; sleep 0.1; done; exit 1"
    sidecar = {
        "name": "server",
        "image": image,
        "essential": False,
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
    }
    stopped = run(cloud, f"side-{family}", sidecar, {"command": ["sh", "-c", asking]})
    codes = {one["name"]: one["exitCode"] for one in stopped["containers"]}
    assert codes["app"] == 0, output(cloud, f"side-{family}", stopped["taskArn"])
    assert output(cloud, f"side-{family}", stopped["taskArn"])[-1] in ("PONG", "42")


def test_a_container_that_is_not_essential_may_end(cloud):
    arn = start(
        cloud,
        register(
            cloud,
            "helper",
            {},
            {"name": "helper", "essential": False, "command": ["sh", "-c", "exit 0"]},
        ),
    )

    def helper_has_ended():
        helper = task(cloud, arn)["containers"][1]
        return helper["lastStatus"] == "STOPPED" and helper["exitCode"] == 0

    wait_for("the helper's end", helper_has_ended)
    assert task(cloud, arn)["lastStatus"] == "RUNNING"
    cloud.client("ecs").stop_task(cluster=CLUSTER, task=arn)
    assert until(cloud, arn, "STOPPED")["stopCode"] == "UserInitiated"


def test_a_stopped_task_gets_its_sigterm_and_keeps_its_own_exit_code(cloud):
    definition = register(
        cloud,
        "graceful",
        {
            "command": [
                "sh",
                "-c",
                "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.1; done",
            ]
        },
    )
    arn = start(cloud, definition)
    until(cloud, arn, "RUNNING")
    wait_for("its first word", lambda: output(cloud, "graceful", arn) == ["up"])
    answer = cloud.client("ecs").stop_task(cluster=CLUSTER, task=arn, reason="enough")["task"]
    assert answer["desiredStatus"] == "STOPPED" and answer["lastStatus"] != "STOPPED"
    stopped = until(cloud, arn, "STOPPED")
    assert stopped["stoppedReason"] == "enough"
    assert stopped["containers"][0]["exitCode"] == 5
    assert output(cloud, "graceful", arn) == ["up", "bye"]


def test_each_task_answers_on_an_address_of_its_own(cloud):
    serve(cloud, "two", register(cloud, "two", {"portMappings": [{"containerPort": 8000}]}), 2)
    assert rolled_out(cloud, "two")["rolloutState"] == "COMPLETED"
    running = tasks_of(cloud, "two")
    assert len({address(one) for one in running}) == 2
    for one in running:
        details = {item["name"]: item["value"] for item in one["attachments"][0]["details"]}
        assert details["privateIPv4Address"] == address(one)
        assert details["networkInterfaceId"].startswith("eni-")
        with urllib.request.urlopen(f"http://{address(one)}:8000/any") as answer:
            assert answer.status == 200
    remove(cloud, "two")


def test_a_deployment_is_complete_when_its_containers_are_healthy(cloud):
    check = {"command": ["CMD-SHELL", "curl -fs http://localhost:8000/"], "interval": 5}
    serve(cloud, "checked", register(cloud, "checked", {"healthCheck": check}))
    assert rolled_out(cloud, "checked")["rolloutState"] == "COMPLETED"
    running = tasks_of(cloud, "checked")[0]
    assert running["healthStatus"] == running["containers"][0]["healthStatus"] == "HEALTHY"
    remove(cloud, "checked")


def behind_a_load_balancer(cloud, name, path):
    """A target group that a listener uses, as a service names it."""
    ec2, elb = cloud.client("ec2"), cloud.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    balancer = elb.create_load_balancer(Name=name, Subnets=[subnet])["LoadBalancers"][0]
    group = elb.create_target_group(
        Name=name,
        Protocol="HTTP",
        Port=8000,
        VpcId=vpc,
        TargetType="ip",
        HealthCheckPath=path,
        HealthCheckIntervalSeconds=5,
        UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    return [{"targetGroupArn": group, "containerName": "app", "containerPort": 8000}]


def test_a_deployment_is_complete_when_its_targets_are_healthy(cloud):
    balancers = behind_a_load_balancer(cloud, "balanced", "/health")
    serve(cloud, "balanced", register(cloud, "balanced", {}), loadBalancers=balancers)
    assert rolled_out(cloud, "balanced")["rolloutState"] == "COMPLETED"
    elb = cloud.client("elbv2")
    group = balancers[0]["targetGroupArn"]

    def targets():
        found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return [(one["Target"]["Id"], one["TargetHealth"]["State"]) for one in found]

    assert targets() == [(address(tasks_of(cloud, "balanced")[0]), "healthy")]
    remove(cloud, "balanced")
    wait_for("the target to be withdrawn", lambda: not targets())


def test_tasks_whose_targets_stay_unhealthy_trip_the_circuit_breaker(cloud):
    balancers = behind_a_load_balancer(cloud, "rejected", "/health")
    # It runs, but nothing listens on the port that the load balancer asks.
    mute = register(cloud, "rejected", {"command": ["sleep", "600"]})
    with cloud.settings(ecs_grace_seconds=0.5):
        serve(cloud, "rejected", mute, loadBalancers=balancers)
        assert rolled_out(cloud, "rejected")["rolloutState"] == "FAILED"
    ecs = cloud.client("ecs")
    ended = ecs.list_tasks(cluster=CLUSTER, serviceName="rejected", desiredStatus="STOPPED")
    assert "ELB health checks" in task(cloud, ended["taskArns"][0])["stoppedReason"]
    remove(cloud, "rejected")


@pytest.mark.parametrize(
    ("name", "container", "reason"),
    [
        ("imageless", {"image": "nope:1"}, "CannotPullContainerError"),
        ("dying", {"command": ["sh", "-c", "exit 1"]}, "Essential container in task exited"),
        (
            "sick",
            {"healthCheck": {"command": ["CMD-SHELL", "exit 1"], "interval": 5, "retries": 2}},
            "Task failed container health checks",
        ),
    ],
)
def test_tasks_that_keep_failing_trip_the_circuit_breaker(cloud, name, container, reason):
    serve(cloud, name, register(cloud, name, container))
    deployment = rolled_out(cloud, name)
    assert deployment["rolloutState"] == "FAILED"
    assert "circuit breaker" in deployment["rolloutStateReason"]
    ecs = cloud.client("ecs")
    ended = ecs.list_tasks(cluster=CLUSTER, serviceName=name, desiredStatus="STOPPED")["taskArns"]
    assert task(cloud, ended[0])["stoppedReason"].startswith(reason)
    assert not tasks_of(cloud, name)
    remove(cloud, name)


def test_a_broken_version_is_rolled_back_while_the_old_one_serves(cloud):
    serve(cloud, "rolling", register(cloud, "rolling", {}))
    rolled_out(cloud, "rolling")
    old = tasks_of(cloud, "rolling")[0]
    broken = register(cloud, "rolling", {"command": ["sh", "-c", "exit 1"]})
    ecs = cloud.client("ecs")
    ecs.update_service(cluster=CLUSTER, service="rolling", taskDefinition=broken)
    wait_for(
        "the rollback",
        lambda: service(cloud, "rolling")["taskDefinition"] == old["taskDefinitionArn"],
    )
    assert task(cloud, old["taskArn"])["lastStatus"] == "RUNNING"
    remove(cloud, "rolling")


def test_a_service_replaces_what_is_taken_from_it(cloud):
    serve(cloud, "steady", register(cloud, "steady", {}))
    rolled_out(cloud, "steady")
    first = tasks_of(cloud, "steady")[0]["taskArn"]
    cloud.client("ecs").stop_task(cluster=CLUSTER, task=first)

    def replaced():
        arns = [one["taskArn"] for one in tasks_of(cloud, "steady")]
        return len(arns) == 1 and first not in arns

    wait_for("another task", replaced)
    remove(cloud, "steady")
    wait_for("the end of all tasks", lambda: not tasks_of(cloud, "steady"))


def test_a_template_s_task_definition_keeps_secrets_health_checks_and_volumes(cloud):
    secret = cloud.client("secretsmanager").create_secret(
        Name="template-secret", SecretString='{"key": "value"}'
    )["ARN"]
    stack = cloud.stack(
        "task-definition",
        {
            "Tasks": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {
                    "Family": "of-template",
                    "NetworkMode": "awsvpc",
                    "RequiresCompatibilities": ["FARGATE"],
                    "Cpu": "256",
                    "Memory": "512",
                    "Volumes": [
                        {
                            "Name": "files",
                            "EFSVolumeConfiguration": {
                                "FilesystemId": "fs-1",
                                "AuthorizationConfig": {
                                    "AccessPointId": "fsap-1",
                                    "IAM": "ENABLED",
                                },
                            },
                        }
                    ],
                    "ContainerDefinitions": [
                        {
                            "Name": "app",
                            "Image": "light-web:1",
                            "Command": ["sh", "-c", 'test "$KEY" = value'],
                            "Secrets": [{"Name": "KEY", "ValueFrom": f"{secret}:key::"}],
                            "HealthCheck": {"Command": ["CMD", "true"], "Interval": "5"},
                            "LogConfiguration": {
                                "LogDriver": "awslogs",
                                "Options": {"awslogs-group": "/ecs/tests"},
                            },
                        }
                    ],
                },
            }
        },
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    ecs = cloud.client("ecs")
    found = ecs.describe_task_definition(taskDefinition="of-template")["taskDefinition"]
    assert found["containerDefinitions"][0]["healthCheck"]["interval"] == 5
    volume = found["volumes"][0]["efsVolumeConfiguration"]
    assert volume["fileSystemId"] == "fs-1"
    assert volume["authorizationConfig"]["iam"] == "ENABLED"
    arn = start(cloud, found["taskDefinitionArn"])
    assert until(cloud, arn, "STOPPED")["containers"][0]["exitCode"] == 0

"""ECS tasks and services as tests use them."""

from __future__ import annotations

from typing import Any

from cloud import Cloud, wait_for

CLUSTER = "tests"
LOG_GROUP = "/ecs/tests"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-00000000"]}}
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


def register(cloud: Cloud, family: str, *containers: dict, **more: Any) -> str:
    """A task definition for Fargate whose containers log; its ARN."""
    logs = cloud.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"]:
        logs.create_log_group(logGroupName=LOG_GROUP)
    definitions = []
    for container in containers:
        options = {
            "awslogs-group": LOG_GROUP,
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": family,
        }
        definitions.append(
            {
                "name": "app",
                "image": "light-web:1",
                "essential": True,
                "logConfiguration": {"logDriver": "awslogs", "options": options},
                **container,
            }
        )
    answer = cloud.client("ecs").register_task_definition(
        family=family,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=definitions,
        **more,
    )
    return answer["taskDefinition"]["taskDefinitionArn"]


def start(cloud: Cloud, definition: str, **more: Any) -> str:
    """Run one task; its ARN."""
    answer = cloud.client("ecs").run_task(
        cluster=CLUSTER,
        taskDefinition=definition,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
        **more,
    )
    assert not answer["failures"]
    return answer["tasks"][0]["taskArn"]


def task(cloud: Cloud, arn: str) -> dict:
    """The task as ECS describes it now."""
    return cloud.client("ecs").describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"][0]


def until(cloud: Cloud, arn: str, status: str) -> dict:
    """The task, once it has that status."""
    return wait_for(
        f"{arn} to be {status}",
        lambda: (found := task(cloud, arn))["lastStatus"] == status and found,
    )


def run(cloud: Cloud, family: str, *containers: dict, **more: Any) -> dict:
    """Run one task to its end; the stopped task."""
    return until(cloud, start(cloud, register(cloud, family, *containers), **more), "STOPPED")


def output(cloud: Cloud, family: str, arn: str, container: str = "app") -> list[str]:
    """What a container of the task has said."""
    events = cloud.client("logs").get_log_events(
        logGroupName=LOG_GROUP,
        logStreamName=f"{family}/{container}/{arn.rsplit('/', 1)[-1]}",
    )["events"]
    return [event["message"] for event in events]


def serve(cloud: Cloud, name: str, definition: str, count: int = 1, **more: Any) -> None:
    """A service of that definition."""
    cloud.client("ecs").create_service(
        cluster=CLUSTER,
        serviceName=name,
        taskDefinition=definition,
        desiredCount=count,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
        deploymentConfiguration=BREAKER,
        **more,
    )


def service(cloud: Cloud, name: str) -> dict:
    """The service as ECS describes it now."""
    return cloud.client("ecs").describe_services(cluster=CLUSTER, services=[name])["services"][0]


def rolled_out(cloud: Cloud, name: str) -> dict:
    """The service's deployment, once it is over."""

    def look() -> dict | None:
        deployment = service(cloud, name)["deployments"][0]
        return deployment if deployment["rolloutState"] != "IN_PROGRESS" else None

    return wait_for(f"the deployment of {name}", look)


def tasks_of(cloud: Cloud, name: str) -> list[dict]:
    """The service's running tasks."""
    ecs = cloud.client("ecs")
    arns = ecs.list_tasks(cluster=CLUSTER, serviceName=name)["taskArns"]
    return ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []


def address(task: dict) -> str:
    """The address at which the task's containers listen."""
    return task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]


def remove(cloud: Cloud, name: str) -> None:
    """Delete a service and its tasks."""
    cloud.client("ecs").delete_service(cluster=CLUSTER, service=name, force=True)

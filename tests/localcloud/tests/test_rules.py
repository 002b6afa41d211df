"""The rules of the manifest match what they are for, and not their neighbours' events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloud import Cloud
from localcloud.deploy.manifest import load
from suite_manifest import MANIFEST, PREFIX, PRODUCT, values

CLUSTER = f"{PRODUCT}-dev"
ACCOUNT = {"partition": "aws", "region": "us-east-1", "account_id": "000000000000"}
ECS = "arn:aws:ecs:us-east-1:000000000000"
OURS = f"{PRODUCT}-a-dev"


def matches(cloud: Cloud, function: str, rule: str, event: dict[str, Any]) -> bool:
    """Whether a rule matches an event, in EventBridge's own judgement."""
    settings = values(
        **ACCOUNT,
        prefix=PREFIX,
        product=PRODUCT,
        environment="dev",
        cluster=CLUSTER,
        event_source="sbt.application.plane",
    )
    pattern = load(MANIFEST, settings)["functions"][function]["rules"][rule]["event_pattern"]
    whole = {
        "id": "1",
        "account": ACCOUNT["account_id"],
        "region": ACCOUNT["region"],
        "time": "2026-03-01T12:00:00Z",
        "resources": [],
        "detail": {},
        **event,
    }
    answer = cloud.client("events").test_event_pattern(
        EventPattern=json.dumps(pattern), Event=json.dumps(whole)
    )
    return answer["Result"]


def event(source: str, kind: str, detail: dict[str, Any], *resources: str) -> dict[str, Any]:
    return {"source": source, "detail-type": kind, "detail": detail, "resources": list(resources)}


def task(cluster: str, status: str) -> dict[str, Any]:
    detail = {"clusterArn": f"{ECS}:cluster/{cluster}", "lastStatus": status}
    return event("aws.ecs", "ECS Task State Change", detail)


def deployment(name: str, cluster: str = CLUSTER, service: str = f"{OURS}-web") -> dict[str, Any]:
    arn = f"{ECS}:service/{cluster}/{service}"
    return event("aws.ecs", "ECS Deployment State Change", {"eventName": name}, arn)


def database(identifier: str) -> dict[str, Any]:
    return event("aws.rds", "RDS DB Instance Event", {"SourceIdentifier": identifier})


def finding(label: str, workflow: str) -> dict[str, Any]:
    one = {
        "Severity": {"Label": label},
        "RecordState": "ACTIVE",
        "Workflow": {"Status": workflow},
    }
    return event("aws.securityhub", "Security Hub Findings - Imported", {"findings": [one]})


def guard_duty(severity: float) -> dict[str, Any]:
    return event("aws.guardduty", "GuardDuty Finding", {"severity": severity})


@pytest.mark.parametrize(
    ("function", "rule", "ours", "not_ours"),
    [
        (
            "secret-rotation",
            "rotated",
            [event("sbt.application.plane", "SecretRotated", {})],
            [event("someone.else", "SecretRotated", {})],
        ),
        (
            "secret-rotation",
            "deployments",
            [deployment("SERVICE_DEPLOYMENT_COMPLETED"), deployment("SERVICE_DEPLOYMENT_FAILED")],
            [
                deployment("SERVICE_DEPLOYMENT_IN_PROGRESS"),
                deployment("SERVICE_DEPLOYMENT_FAILED", service="elsewhere-a-dev-web"),
            ],
        ),
        (
            "alert-fanout",
            "tasks",
            [task(CLUSTER, "STOPPED")],
            [task(CLUSTER, "RUNNING"), task("elsewhere-dev", "STOPPED")],
        ),
        (
            "alert-fanout",
            "services",
            [deployment("SERVICE_DEPLOYMENT_FAILED")],
            [deployment("SERVICE_DEPLOYMENT_FAILED", cluster="elsewhere-dev")],
        ),
        (
            "alert-fanout",
            "databases",
            [database(f"{OURS}-database"), database(f"rds:{OURS}-database-2026-03-01-12-00")],
            [database("elsewhere-a-dev-database"), database(f"{PRODUCT}-a-prod-database")],
        ),
        (
            "alert-fanout",
            "guardduty",
            [guard_duty(4), guard_duty(8.5)],
            [guard_duty(2)],
        ),
        (
            "alert-fanout",
            "security-hub",
            [finding("HIGH", "NEW"), finding("CRITICAL", "NEW")],
            [finding("MEDIUM", "NEW"), finding("HIGH", "RESOLVED")],
        ),
        (
            "alert-fanout",
            "costs",
            [event("aws.ce", "Anomaly Detected", {"anomalyId": "1"})],
            [event("aws.ce", "Something Else", {})],
        ),
        (
            "alert-fanout",
            "scaling",
            [
                event("aws.autoscaling", "EC2 Instance Launch Unsuccessful", {}),
                event("aws.application-autoscaling", "Scaling Activity State Change", {}),
            ],
            [event("aws.ec2", "EC2 Instance State-change Notification", {})],
        ),
        (
            "alert-fanout",
            "caretaker",
            [event("sbt.application.plane", "SecretRotationFailed", {})],
            [event("sbt.control.plane", "onboardingRequest", {})],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_rule_matches_what_it_is_for_and_nothing_else(cloud, function, rule, ours, not_ours):
    for one in ours:
        assert matches(cloud, function, rule, one), one
    for one in not_ours:
        assert not matches(cloud, function, rule, one), one

"""The load balancer: target health is what checks find, and requests reach tenants by host."""

from __future__ import annotations

import http.server
import json
import threading
import time
import urllib.error
import urllib.request

import pytest
from cloud import wait_for


class Target:
    """A small HTTP server whose answer to the health check can be changed."""

    def __init__(self, name: str) -> None:
        self.status = 200
        self.delay_seconds = 0.0
        self.checked_by: list[str] = []
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/health/ready":
                    target.checked_by.append(self.headers["User-Agent"])
                    time.sleep(target.delay_seconds)
                    self.send_response(target.status)
                    self.end_headers()
                    return
                body = json.dumps({"target": name, "path": self.path}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Balanced:
    """A load balancer with one tenant behind it."""

    def __init__(self, cloud, name: str) -> None:
        self.cloud = cloud
        self.elb = cloud.client("elbv2")
        ec2 = cloud.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{n}.0/24")["Subnet"]["SubnetId"]
            for n in (1, 2)
        ]
        self.host = f"{name}.dev.example.com"
        balancer = self.elb.create_load_balancer(Name=name, Subnets=subnets)["LoadBalancers"][0]
        self.listener = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[
                {
                    "Type": "fixed-response",
                    "FixedResponseConfig": {"StatusCode": "404", "MessageBody": "no such tenant"},
                }
            ],
        )["Listeners"][0]["ListenerArn"]
        self.dns_name = balancer["DNSName"]
        self.group = self.elb.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=8000,
            VpcId=vpc,
            TargetType="ip",
            HealthCheckPath="/health/ready",
            HealthCheckIntervalSeconds=10,
            HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]

    def add_rule(self) -> None:
        self.elb.create_rule(
            ListenerArn=self.listener,
            Priority=1,
            Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": [self.host]}}],
            Actions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )

    def register(self, port: int) -> None:
        self.elb.register_targets(
            TargetGroupArn=self.group, Targets=[{"Id": "127.0.0.1", "Port": port}]
        )

    def health(self) -> dict:
        (one,) = self.elb.describe_target_health(TargetGroupArn=self.group)[
            "TargetHealthDescriptions"
        ]
        return one["TargetHealth"]

    def wait_until(self, state: str) -> dict:
        return wait_for(
            state, lambda: found if (found := self.health())["State"] == state else None
        )

    def get(self, path: str, host: str | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(
            self.cloud.endpoint + path, headers={"Host": host or self.host}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@pytest.fixture
def target(request):
    running = Target(request.node.name)
    yield running
    running.stop()


def test_a_target_becomes_healthy_by_answering_and_unhealthy_by_failing(cloud, target):
    balanced = Balanced(cloud, "health")
    balanced.register(target.port)
    assert balanced.health() == {
        "State": "unused",
        "Reason": "Target.NotInUse",
        "Description": "Target group is not configured to receive traffic from the load balancer",
    }
    assert target.checked_by == []
    target.status = 503
    balanced.add_rule()
    assert balanced.health()["State"] == "initial"
    assert balanced.wait_until("unhealthy") == {
        "State": "unhealthy",
        "Reason": "Target.ResponseCodeMismatch",
        "Description": "Health checks failed with these codes: [503]",
    }
    target.status = 200
    assert balanced.wait_until("healthy") == {"State": "healthy"}
    assert set(target.checked_by) == {"ELB-HealthChecker/2.0"}
    target.delay_seconds = 3
    assert balanced.wait_until("unhealthy")["Reason"] == "Target.Timeout"


def test_a_target_that_nobody_listens_on_is_unhealthy(cloud):
    balanced = Balanced(cloud, "silent")
    balanced.add_rule()
    balanced.register(1)
    assert balanced.wait_until("unhealthy")["Reason"] == "Target.FailedHealthChecks"


def test_a_target_that_is_not_registered_is_called_so(cloud):
    balanced = Balanced(cloud, "unregistered")
    (one,) = balanced.elb.describe_target_health(
        TargetGroupArn=balanced.group, Targets=[{"Id": "127.0.0.9", "Port": 8000}]
    )["TargetHealthDescriptions"]
    assert one["TargetHealth"]["Reason"] == "Target.NotRegistered"


def test_a_request_reaches_the_tenant_that_its_host_names(cloud, target):
    balanced = Balanced(cloud, "by-host")
    balanced.add_rule()
    balanced.register(target.port)
    balanced.wait_until("healthy")
    status, body = balanced.get("/hello?a=1&b=%20")
    assert status == 200
    assert json.loads(body)["path"] == "/hello?a=1&b=%20"
    assert balanced.get("/", host=balanced.dns_name) == (404, b"no such tenant")


def test_requests_go_to_healthy_targets_only(cloud, target):
    balanced = Balanced(cloud, "healthy-only")
    balanced.add_rule()
    balanced.register(target.port)
    balanced.elb.register_targets(
        TargetGroupArn=balanced.group, Targets=[{"Id": "127.0.0.2", "Port": 1}]
    )

    def states() -> list[str]:
        found = balanced.elb.describe_target_health(TargetGroupArn=balanced.group)
        return sorted(one["TargetHealth"]["State"] for one in found["TargetHealthDescriptions"])

    wait_for("one of each", lambda: states() == ["healthy", "unhealthy"])
    assert {balanced.get("/")[0] for _ in range(20)} == {200}


def test_the_pace_of_checks_can_be_changed(cloud, target):
    balanced = Balanced(cloud, "paced")
    balanced.add_rule()
    with cloud.settings(health_check_pace=60):
        balanced.register(target.port)
        balanced.wait_until("healthy")
        checks = len(target.checked_by)
        target.status = 500
        time.sleep(1)
        assert len(target.checked_by) == checks

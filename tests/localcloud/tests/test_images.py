"""The images: each product's stand-in does what its catalogue asks of it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from cloud import wait_for
from databases_in_tests import MASTER, MYSQL, PASSWORD, create, postgres
from tasks_in_tests import (
    CLUSTER,
    address,
    output,
    register,
    remove,
    rolled_out,
    run,
    serve,
    tasks_of,
)

TOKEN = "token-of-the-images-tests"
HOST = "demo.dev.example.com"


@pytest.fixture(scope="module", autouse=True)
def cluster(cloud):
    cloud.client("ecs").create_cluster(clusterName=CLUSTER)


@pytest.fixture(scope="module")
def databases(cloud):
    """One database of each kind."""
    return {
        "postgres": create(cloud, "images-pg")["Endpoint"],
        "mysql": create(cloud, "images-my", **MYSQL)["Endpoint"],
    }


@pytest.fixture(scope="module")
def cache(cloud):
    """A cache with a token."""
    elasticache = cloud.client("elasticache")
    created = elasticache.create_replication_group(
        ReplicationGroupId="images",
        ReplicationGroupDescription="images",
        Engine="redis",
        CacheNodeType="cache.t4g.micro",
        NumCacheClusters=1,
        TransitEncryptionEnabled=True,
        AuthToken=TOKEN,
    )["ReplicationGroup"]
    return created["NodeGroups"][0]["PrimaryEndpoint"]


def environment(database: dict, cache: dict | None = None) -> list[dict]:
    """A container's environment as the catalogues have it."""
    values = {
        "DATABASE_HOST": database["Address"],
        "DATABASE_PORT": str(database["Port"]),
        "DATABASE_NAME": "shop",
        "DATABASE_USER": MASTER,
        "DATABASE_PASSWORD": PASSWORD,
    }
    if cache:
        values |= {
            "REDIS_HOST": cache["Address"],
            "REDIS_PORT": str(cache["Port"]),
            "REDIS_TLS": "1",
            "REDIS_PASSWORD": TOKEN,
            "SECRET_KEY": "a-key-for-tests-alone",
            "ALLOWED_HOSTS": HOST,
        }
    return [{"name": name, "value": value} for name, value in values.items()]


def get(url: str, body: Any = None) -> tuple[int, dict]:
    """Ask the application as the load balancer does; status and answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, headers={"Host": HOST}, data=data)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def healthy(cloud, name, container):
    """A service of one container that must become healthy; its address."""
    check = {"command": ["CMD", *container.pop("health")], "interval": 30, "startPeriod": 60}
    serve(cloud, name, register(cloud, name, {"healthCheck": check, **container}))
    deployment = rolled_out(cloud, name)
    assert deployment["rolloutState"] == "COMPLETED", deployment
    return address(tasks_of(cloud, name)[0])


def test_mate_lives_before_its_migrations_and_works_after_them(cloud, databases, cache):
    mate = {
        "image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/mate-web:stable",
        "environment": environment(databases["postgres"], cache),
    }
    base = (
        f"http://{healthy(cloud, 'mate', {**mate, 'health': ['python', 'health.py', 'web']})}:8000"
    )
    for path in ("live", "startup", "ready"):
        assert get(f"{base}/health/{path}")[0] == 200
    migrated = run(
        cloud, "mate-migrate", {**mate, "command": ["python", "manage.py", "migrate", "--noinput"]}
    )
    assert migrated["containers"][0]["exitCode"] == 0, output(
        cloud, "mate-migrate", migrated["taskArn"]
    )
    person = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}
    assert get(f"{base}/people/", person)[0] == 201
    assert get(base)[1] == {"people": 1, "messages": 0}
    remove(cloud, "mate")


def test_mate_s_worker_does_what_its_beat_asks_for(cloud, databases, cache):
    mate = {"image": "mate-web:1", "environment": environment(databases["postgres"], cache)}
    for role in ("worker", "beat"):
        healthy(
            cloud,
            f"mate-{role}",
            {
                **mate,
                "command": ["python", "manage.py", role],
                "health": ["python", "health.py", role],
            },
        )
    worker = tasks_of(cloud, "mate-worker")[0]["taskArn"]
    wait_for(
        "a job to be done or to fail for want of tables",
        lambda: any("job count-messages" in line for line in output(cloud, "mate-worker", worker)),
    )
    remove(cloud, "mate-worker")
    remove(cloud, "mate-beat")


def test_a_data_migration_fills_what_was_there_before_it(cloud, databases, cache):
    endpoint = create(cloud, "images-half")["Endpoint"]
    mate = {"image": "mate-web:1", "environment": environment(endpoint, cache)}
    half = ["python", "manage.py", "migrate", "people", "0002"]
    assert run(cloud, "half", {**mate, "command": half})["containers"][0]["exitCode"] == 0
    connection = postgres(cloud, endpoint)
    connection.execute(
        "INSERT INTO people_person (email, first_name, last_name, created_at) "
        "VALUES ('grace@example.com', 'Grace', 'Hopper', now())"
    )
    rest = ["python", "manage.py", "migrate"]
    assert run(cloud, "rest", {**mate, "command": rest})["containers"][0]["exitCode"] == 0
    names = connection.execute("SELECT display_name FROM people_person").fetchall()
    assert names == [("Grace Hopper",)]


@pytest.mark.parametrize(
    ("name", "container", "port", "kind"),
    [
        (
            "social-flow",
            {"image": "social-flow-api:1", "health": ["python", "health.py", "web"]},
            8000,
            "postgres",
        ),
        (
            "ctoprojects",
            {"image": "ctoprojects-web:1", "health": ["node", "health.js"]},
            3000,
            "postgres",
        ),
        (
            "sarc-ng",
            {"image": "sarc-ng-api:1", "health": ["/sarc-ng-api", "health"]},
            8080,
            "mysql",
        ),
    ],
)
def test_the_other_products_are_as_ready_as_their_database(
    cloud, databases, name, container, port, kind
):
    with_database = {**container, "environment": environment(databases[kind])}
    base = f"http://{healthy(cloud, name, with_database)}:{port}"
    assert get(f"{base}/health") == (200, {"status": "ok"})
    remove(cloud, name)

    wrong = {**databases[kind], "Port": 1 if kind == "postgres" else 3306, "Address": "127.0.0.1"}
    without = {**container, "environment": environment(wrong)}
    base = f"http://{healthy(cloud, f'{name}-alone', without)}:{port}"
    assert get(f"{base}/health/live")[0] == 200
    assert get(f"{base}/health")[0] == 503
    remove(cloud, f"{name}-alone")


@pytest.mark.parametrize("role", ["worker", "beat"])
def test_social_flow_s_other_roles_stay_and_show_that_they_live(cloud, databases, role):
    name = f"social-flow-{role}"
    healthy(
        cloud,
        name,
        {
            "image": "social-flow-api:1",
            "environment": environment(databases["postgres"]),
            "command": ["python", f"{role}.py"],
            "health": ["python", "health.py", role],
        },
    )
    task = tasks_of(cloud, name)[0]["taskArn"]
    assert output(cloud, name, task) == [f"{role}: the database answers"]
    remove(cloud, name)

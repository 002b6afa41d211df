"""The engine: real processes, as many as asked, and none that outlives its cloud."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Container
from pathlib import Path

import pytest
from cloud import PACKAGE_ROOT, start, wait_for
from databases_in_tests import MYSQL, available, create, postgres
from tasks_in_tests import CLUSTER, address, output, register, run, until
from tasks_in_tests import start as start_task

DATABASES = 12
EVERY_PROCESS = range(sys.maxsize)


@pytest.fixture
def own_cloud(tmp_path):
    running = start(tmp_path / "state")
    yield running
    running.stop()


def children_of(cloud) -> set[int]:
    """All processes below the cloud's own."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    found, grown = set(), {cloud.process.pid}
    while grown:
        grown = {pid for pid, parent in parents.items() if parent in grown} - found
        found |= grown
    return found


def is_alive(pid: int) -> bool:
    """Whether the process is there, zombies aside."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_server_leaves_no_database_no_cache_and_no_task(own_cloud):
    create(own_cloud, "pg")
    create(own_cloud, "my", **MYSQL)
    own_cloud.client("elasticache").create_replication_group(
        ReplicationGroupId="cache",
        ReplicationGroupDescription="cache",
        Engine="redis",
        CacheNodeType="cache.t4g.micro",
        NumCacheClusters=1,
    )
    own_cloud.client("ecs").create_cluster(clusterName=CLUSTER)
    stubborn = {"command": ["sh", "-c", "trap '' TERM; (setsid sleep 600 &); sleep 600"]}
    task = start_task(own_cloud, register(own_cloud, "stubborn", stubborn))
    until(own_cloud, task, "RUNNING")

    def all_are_there():
        commands = {
            Path(f"/proc/{pid}/comm").read_text().strip()
            for pid in children_of(own_cloud)
            if is_alive(pid)
        }
        return {"postgres", "mariadbd", "redis-server", "sleep"} <= commands

    wait_for("all children", all_are_there)
    everything = children_of(own_cloud)
    server = next(
        pid for pid in everything if b"\0serve\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(server, signal.SIGKILL)
    wait_for("the end of all children", lambda: not any(map(is_alive, everything)))


def shared_memory_of(processes: Container[int]) -> set[str]:
    """What these processes hold of it: System V's by the kernel's table, POSIX's by their maps."""
    table = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()]
    creator = table[0].index("cpid")
    found = {f"segment {row[1]}" for row in table[1:] if int(row[creator]) in processes}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) in processes:
            try:
                maps = (entry / "maps").read_text().split()
            except OSError:
                continue
            found |= {word for word in maps if word.startswith("/dev/shm/PostgreSQL.")}
    return found


def test_postgresql_leaves_no_shared_memory_to_the_machine(own_cloud):
    # What others left: numbers of processes come again.
    before = shared_memory_of(EVERY_PROCESS)
    create(own_cloud, "pg")
    everything = children_of(own_cloud)
    # The one segment by which PostgreSQL sees that another one is at work on its folder.
    [segment] = shared_memory_of(everything) - before
    assert segment.startswith("segment ")
    own_cloud.stop()
    assert shared_memory_of(everything) <= before


# A server whose data is taken away says so.
WATCHED = """
import sys
from pathlib import Path
from localcloud import processes
from localcloud.servers import storage
state = Path(sys.argv[1])
data = storage.root(state)
watch = f"touch {state}/began; while [ -d {data} ]; do :; done; touch {state}/taken_away"
processes.spawn(["sh", "-c", watch], name="server", output=state / "server.log")
while not (state / "began").exists():
    pass
print(data)
"""


@pytest.mark.parametrize("_again", range(3))
def test_data_is_removed_when_no_server_uses_it_any_more(tmp_path, _again):
    environment = os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", WATCHED, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert not (tmp_path / "taken_away").exists()
    data = Path(ended.stdout.strip())
    assert data.is_relative_to(tmp_path) or not data.exists()


def test_a_test_can_bring_images_of_its_own(tmp_path, monkeypatch):
    image = tmp_path / "images" / "greeter"
    (image / "root").mkdir(parents=True)
    (image / "image.toml").write_text(
        'command = ["/greet", "${CONTAINER_IP}"]\n[env]\nGREETING = "hello"\n'
    )
    program = image / "root" / "greet"
    program.write_text('#!/bin/sh\necho "$GREETING $1 from $(basename "$PWD")"\n')
    program.chmod(0o755)
    monkeypatch.setenv("LOCALCLOUD_IMAGES", str(image.parent))
    cloud = start(tmp_path / "state")
    try:
        cloud.client("ecs").create_cluster(clusterName=CLUSTER)
        stopped = run(cloud, "greeter", {"image": "registry.example.com/path/greeter:2"})
        said = output(cloud, "greeter", stopped["taskArn"])
        assert said == [f"hello {address(stopped)} from greeter"]
    finally:
        cloud.stop()


def test_many_databases_come_up_side_by_side(cloud):
    rds = cloud.client("rds")
    names = [f"crowd-{number}" for number in range(DATABASES)]
    for name in names:
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine="postgres",
            DBInstanceClass="db.t4g.micro",
            MasterUsername="master",
            MasterUserPassword="correct-horse-battery",
            AllocatedStorage=20,
        )
    endpoints = [available(cloud, name)["Endpoint"] for name in names]
    assert len({one["Address"] for one in endpoints}) == DATABASES
    for endpoint in endpoints:
        connection = postgres(cloud, endpoint, user="master", dbname="postgres")
        assert connection.execute("SELECT current_user").fetchone() == ("master",)
        connection.close()
    for name in names:
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)

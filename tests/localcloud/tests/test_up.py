"""Starting and stopping: nothing is left behind, whoever dies first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cloud import Cloud, environment, start, wait_for


@pytest.fixture
def own_cloud(tmp_path):
    running = start(tmp_path / "state")
    yield running
    running.stop()


def processes_of(cloud: Cloud, *more: Path) -> set[int]:
    """Every process that works in the cloud's folders or names them in its command line."""
    folders = {str(folder) for folder in (cloud.state_dir, *more)}
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
            where = str((entry / "cwd").readlink())
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z" and any(one in command or one in where for one in folders):
            found.add(int(entry.name))
    return found


def with_database(cloud: Cloud) -> Path:
    """Give the cloud a child that has children of its own; the folder that they work in.

    The folder is one that is to vanish with the cloud: under root, servers run as users of their
    own, who could not walk into the test's private folder.
    """
    rds = cloud.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="left-behind",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername="master",
        MasterUserPassword="correct-horse-battery",
        AllocatedStorage=20,
    )
    wait_for(
        "the database",
        lambda: rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] == "available",
    )
    data = (cloud.state_dir / "data").resolve()
    assert len(processes_of(cloud, data)) > 5, "guardian, server, PostgreSQL and its workers"
    return data if data.parent != cloud.state_dir else data / "gone-with-its-parent"


def test_the_ready_file_says_all_that_a_client_needs(own_cloud):
    assert set(own_cloud.ready) == {
        "endpoint",
        "region",
        "account_id",
        "admin",
        "ca_bundle",
        "pid",
    }
    assert own_cloud.ready["pid"] == own_cloud.process.pid
    identity = own_cloud.client("sts").get_caller_identity()
    assert identity["Account"] == own_cloud.ready["account_id"]
    assert (own_cloud.state_dir / "localcloud.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(own_cloud, number):
    data = with_database(own_cloud)
    assert own_cloud.stop(number) == 0
    assert processes_of(own_cloud, data) == set()
    assert not data.exists()
    assert not (own_cloud.state_dir / "localcloud.json").exists()


def test_killing_the_server_leaves_nothing_behind(own_cloud):
    data = with_database(own_cloud)
    server = int(
        Path(f"/proc/{own_cloud.process.pid}/task/{own_cloud.process.pid}/children")
        .read_text()
        .split()[0]
    )
    os.kill(server, signal.SIGKILL)
    output, _ = own_cloud.process.communicate(timeout=60)
    assert own_cloud.process.returncode == 1
    assert "ended with status -9" in output
    assert processes_of(own_cloud, data) == set()
    assert not data.exists()


def test_killing_the_guardian_leaves_nothing_behind(own_cloud):
    data = with_database(own_cloud)
    own_cloud.process.kill()
    wait_for("the end of all processes", lambda: not processes_of(own_cloud, data))


def test_it_ends_when_the_watched_process_is_gone(tmp_path):
    script = (
        "import sys; sys.path[:0] = sys.argv[2:]; from pathlib import Path; import cloud; "
        "print(cloud.start(Path(sys.argv[1])).process.pid, flush=True); sys.stdin.read()"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "state"), str(Path(__file__).parent)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    guardian = int(caller.stdout.readline())
    caller.kill()
    caller.wait()
    wait_for("the cloud's end", lambda: not Path(f"/proc/{guardian}").exists())


def test_down_stops_a_cloud_from_elsewhere(own_cloud):
    command = [sys.executable, "-m", "localcloud", "down", "--state", str(own_cloud.state_dir)]
    subprocess.run(command, env=environment(), check=True, timeout=60)
    assert own_cloud.process.wait(1) == 0
    again = subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert again.returncode == 1
    assert "no local cloud runs on" in again.stderr


def test_a_second_cloud_on_the_same_folder_is_refused_by_name(own_cloud):
    second = subprocess.run(
        [sys.executable, "-m", "localcloud", "up", "--state", str(own_cloud.state_dir)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert f"process {own_cloud.process.pid}" in second.stderr
    assert own_cloud.control("GET", "health") == {"status": "ok"}


def test_a_folder_of_somebody_else_is_not_wiped(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    refused = subprocess.run(
        [sys.executable, "-m", "localcloud", "up", "--state", str(tmp_path)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert "would be wiped" in refused.stderr
    assert (tmp_path / "thesis.tex").exists()


def test_a_taken_port_is_named(own_cloud, tmp_path):
    port = own_cloud.endpoint.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "localcloud", "up", "--state", str(tmp_path / "b")]
    refused = subprocess.run(
        [*command, "--port", port],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr


def test_iam_is_enforced(cloud):
    iam = cloud.client("iam")
    iam.create_user(UserName="nobody-much")
    key = iam.create_access_key(UserName="nobody-much")["AccessKey"]
    weak = cloud.client(
        "sqs",
        credentials={
            "access_key_id": key["AccessKeyId"],
            "secret_access_key": key["SecretAccessKey"],
        },
    )
    with pytest.raises(weak.exceptions.ClientError, match="not authorized to perform"):
        weak.create_queue(QueueName="forbidden")


@pytest.mark.parametrize("key", ["test", "000000000000", "AKIAIOSFODNN7EXAMPLE"])
def test_there_is_no_key_but_those_that_were_given_out(cloud, key):
    sqs = cloud.client("sqs", credentials={"access_key_id": key, "secret_access_key": "test"})
    with pytest.raises(sqs.exceptions.ClientError, match="security token"):
        sqs.list_queues()


def test_a_wrong_secret_key_is_refused(cloud):
    forged = {**cloud.ready["admin"], "secret_access_key": "guessed"}
    sqs = cloud.client("sqs", credentials=forged)
    with pytest.raises(sqs.exceptions.ClientError, match="signature"):
        sqs.list_queues()


def test_a_function_gets_its_roles_credentials_and_nothing_of_the_servers_environment(cloud):
    cloud.function(
        "introspective",
        "import boto3\n"
        "def handle(event):\n"
        "    names = sorted(os.environ)\n"
        "    return {'names': names, 'arn': boto3.client('sts').get_caller_identity()['Arn'],\n"
        "            'group': os.environ['AWS_LAMBDA_LOG_GROUP_NAME']}\n",
    )
    answer = cloud.client("lambda").invoke(FunctionName="introspective", Payload=b"{}")
    seen = json.load(answer["Payload"])
    assert seen["arn"].endswith(":assumed-role/introspective-role/introspective")
    assert seen["group"] == "/aws/lambda/introspective"
    for foreign in ("GATEWAY_PORT", "DOCKER_HOST", "STATE_DIR", "AUTH", "PYTHONPATH", "HOME"):
        assert foreign not in seen["names"]
    assert "AWS_ENDPOINT_URL" in seen["names"]

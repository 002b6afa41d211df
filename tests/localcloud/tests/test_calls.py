"""The record of calls."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from cloud import environment


@pytest.fixture(autouse=True)
def fresh_record(cloud):
    cloud.control("DELETE", "calls")


def test_a_call_is_recorded_with_its_caller_and_its_outcome(cloud):
    url, _ = cloud.queue("recorded")
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=url + "-not", MessageBody="hello")
    calls = cloud.control("GET", "calls?service=sqs&operation=SendMessage")
    assert [call["status"] for call in calls] == [200, 400]
    assert calls[0]["caller"].endswith(":user/localcloud-admin")
    assert calls[0]["n"] < calls[1]["n"]
    assert calls[0]["duration_ms"] >= 0
    assert "fault" not in calls[0]


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "recorded"),
    [
        ("sqs", "list_queues", {}, "sqs:ListQueues"),
        ("dynamodb", "list_tables", {}, "dynamodb:ListTables"),
        ("sns", "list_topics", {}, "sns:ListTopics"),
        ("cloudwatch", "list_metrics", {}, "monitoring:ListMetrics"),
        ("s3", "list_buckets", {}, "s3:ListBuckets"),
        ("lambda", "list_functions", {}, "lambda:ListFunctions"),
        ("route53", "list_hosted_zones", {}, "route53:ListHostedZones"),
        ("scheduler", "list_schedules", {}, "scheduler:ListSchedules"),
        ("efs", "describe_file_systems", {}, "elasticfilesystem:DescribeFileSystems"),
        ("cloudformation", "list_stacks", {}, "cloudformation:ListStacks"),
        ("elbv2", "describe_load_balancers", {}, "elasticloadbalancing:DescribeLoadBalancers"),
    ],
)
def test_every_protocol_is_understood(cloud, service, operation, arguments, recorded):
    getattr(cloud.client(service), operation)(**arguments)
    (call,) = cloud.control("GET", "calls")
    assert f"{call['service']}:{call['operation']}" == recorded


def test_s3_operations_of_one_path_are_told_apart(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="told-apart")
    s3.put_object(Bucket="told-apart", Key="a/b", Body=b"x")
    s3.copy_object(Bucket="told-apart", Key="c", CopySource="told-apart/a/b")
    s3.get_object(Bucket="told-apart", Key="c")
    s3.list_objects_v2(Bucket="told-apart")
    s3.delete_object(Bucket="told-apart", Key="c")
    assert [call["operation"] for call in cloud.control("GET", "calls")] == [
        "CreateBucket",
        "PutObject",
        "CopyObject",
        "GetObject",
        "ListObjectsV2",
        "DeleteObject",
    ]


def test_a_functions_calls_are_its_roles(cloud):
    cloud.function(
        "caller",
        "import boto3\ndef handle(event):\n    boto3.client('sqs').list_queues()\n",
        "sqs:ListQueues",
    )
    cloud.control("DELETE", "calls")
    cloud.client("lambda").invoke(FunctionName="caller", Payload=b"{}")
    (call,) = cloud.control("GET", "calls?caller=caller-role")
    assert (call["service"], call["operation"]) == ("sqs", "ListQueues")
    assert call["caller"] == "arn:aws:sts::000000000000:assumed-role/caller-role/caller"


def test_what_services_do_among_themselves_is_not_counted(cloud):
    cloud.stack("uncounted", {"Queue": {"Type": "AWS::SQS::Queue"}})
    services = {call["service"] for call in cloud.control("GET", "calls")}
    assert services == {"cloudformation"}


def test_an_unknown_filter_is_refused(cloud):
    with pytest.raises(AssertionError, match="known are service, operation, caller"):
        cloud.control("GET", "calls?servise=sqs")


def test_the_command_line_shows_the_calls(cloud):
    cloud.client("sqs").list_queues()
    shown = subprocess.run(
        [
            *(sys.executable, "-m", "localcloud", "calls", "--state", str(cloud.state_dir)),
            *("--service", "sqs"),
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "sqs:ListQueues" in shown.stdout
    assert json.dumps(cloud.ready["admin"]["secret_access_key"]) not in shown.stdout

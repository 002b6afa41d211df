"""CloudWatch's alarms: who hears of a change of state, and in which words."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from cloud import wait_for

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")
CROSSED = re.compile(
    r"Threshold Crossed: 1 datapoint \[95\.0 \(.*\)\] was greater than the threshold \(90\.0\)\."
)
# Sends what it gets to the queue named `heard-<its name>`.
ECHO = """
import boto3
def handle(event):
    name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    url = os.environ["AWS_ENDPOINT_URL"] + "/000000000000/heard-" + name
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(event))
"""


class Listener:
    """A queue, and what has come in so far."""

    def __init__(self, cloud, name: str, service: str | None = None) -> None:
        self._cloud = cloud
        self.url, self.arn = cloud.queue(name)
        self.topic = ""
        self._received: list[dict] = []
        if service is not None:
            policy = allow(service, "sqs:SendMessage", self.arn)
            cloud.client("sqs").set_queue_attributes(
                QueueUrl=self.url, Attributes={"Policy": policy}
            )

    def next(self) -> dict:
        """The oldest message that was not looked at yet."""

        def look() -> bool:
            self._received += [json.loads(body) for body in self._cloud.take_messages(self.url)]
            return bool(self._received)

        wait_for("a message", look)
        return self._received.pop(0)


def allow(service: str, action: str, resource: str) -> str:
    """A policy that lets a service do one thing."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": action,
        "Resource": resource,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def topic(cloud, request):
    """A topic, and a queue that gets all that is published there."""
    name = f"alarmed-{abs(hash(request.node.name))}"
    sns = cloud.client("sns")
    listener = Listener(cloud, name, "sns.amazonaws.com")
    listener.topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=listener.topic, Protocol="sqs", Endpoint=listener.arn)
    return listener


def put(cloud, name, *actions, **more):
    """An alarm over the load of a database."""
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        **{
            "Namespace": "AWS/RDS",
            "MetricName": "CPUUtilization",
            "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "mate-demo-dev"}],
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 3,
            "DatapointsToAlarm": 2,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 90,
            "AlarmActions": list(actions),
            "OKActions": list(actions),
            **more,
        },
    )


def set_state(cloud, name, value, reason="because"):
    """Have an alarm be in a state."""
    cloud.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=value, StateReason=reason)


def test_a_topic_hears_of_an_alarm_as_on_aws(cloud, topic):
    put(cloud, "cpu", topic.topic, AlarmDescription="The database is busy.")
    set_state(cloud, "cpu", "ALARM")
    envelope = topic.next()
    assert envelope["Type"] == "Notification"
    assert envelope["Subject"] == 'ALARM: "cpu" in US East (N. Virginia)'
    message = json.loads(envelope["Message"])
    assert MOMENT.fullmatch(message.pop("StateChangeTime"))
    assert MOMENT.fullmatch(message.pop("AlarmConfigurationUpdatedTimestamp"))
    assert message == {
        "AlarmName": "cpu",
        "AlarmDescription": "The database is busy.",
        "AWSAccountId": "000000000000",
        "NewStateValue": "ALARM",
        "NewStateReason": "because",
        "Region": "US East (N. Virginia)",
        "AlarmArn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:cpu",
        "OldStateValue": "INSUFFICIENT_DATA",
        "OKActions": [topic.topic],
        "AlarmActions": [topic.topic],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "CPUUtilization",
            "Namespace": "AWS/RDS",
            "StatisticType": "Statistic",
            "Statistic": "AVERAGE",
            "Unit": None,
            "Dimensions": [{"value": "mate-demo-dev", "name": "DBInstanceIdentifier"}],
            "Period": 60,
            "EvaluationPeriods": 3,
            "DatapointsToAlarm": 2,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "missing",
            "EvaluateLowSampleCountPercentile": "",
            "Threshold": 90.0,
        },
    }


def test_the_times_of_two_changes_tell_their_order(cloud, topic):
    put(cloud, "quick", topic.topic)
    for value in ("ALARM", "OK", "ALARM"):
        set_state(cloud, "quick", value)
    messages = [json.loads(topic.next()["Message"]) for _ in range(3)]
    times = [one["StateChangeTime"] for one in messages]
    assert times == sorted(set(times))
    assert [one["OldStateValue"] for one in messages] == ["INSUFFICIENT_DATA", "ALARM", "OK"]
    described = cloud.client("cloudwatch").describe_alarms(AlarmNames=["quick"])["MetricAlarms"][0]
    updated = described["StateUpdatedTimestamp"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:23]
    assert f"{updated}+0000" == times[-1]


def test_an_alarm_over_expressions_has_metrics_instead_of_a_metric(cloud, topic):
    errors = {"Namespace": "AWS/ApplicationELB", "MetricName": "HTTPCode_Target_5XX_Count"}
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName="error-rate",
        Metrics=[
            {"Id": "rate", "Expression": "errors / 60", "Label": "errors per second"},
            {
                "Id": "errors",
                "MetricStat": {"Metric": errors, "Period": 60, "Stat": "Sum"},
                "ReturnData": False,
            },
        ],
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=1,
        AlarmActions=[topic.topic],
    )
    set_state(cloud, "error-rate", "ALARM")
    message = json.loads(topic.next()["Message"])
    assert message["AlarmDescription"] is None
    trigger = message["Trigger"]
    assert "MetricName" not in trigger and trigger["Period"] == 60
    assert [one["Id"] for one in trigger["Metrics"]] == ["rate", "errors"]
    assert trigger["Metrics"][0]["Expression"] == "errors / 60"
    assert trigger["Metrics"][1]["MetricStat"]["Metric"] == {**errors, "Dimensions": []}


def test_a_composite_alarm_tells_its_rule_and_who_set_it_off(cloud, topic):
    put(cloud, "part")
    cloud.client("cloudwatch").put_composite_alarm(
        AlarmName="whole", AlarmRule="ALARM(part)", AlarmActions=[topic.topic]
    )
    set_state(cloud, "part", "ALARM")
    message = json.loads(topic.next()["Message"])
    assert message["AlarmName"] == "whole" and "Trigger" not in message
    assert message["AlarmRule"] == "ALARM(part)"
    (child,) = message["TriggeringChildren"]
    assert child["Arn"].endswith(":alarm:part") and child["State"]["Value"] == "ALARM"


def test_a_function_hears_of_an_alarm_directly_if_its_policy_admits_cloudwatch(cloud):
    heard = Listener(cloud, "heard-alarmed-function")
    function = cloud.function("alarmed-function", ECHO, "sqs:SendMessage")
    put(cloud, "direct", function, AlarmDescription="Straight to the function.")
    set_state(cloud, "direct", "ALARM", "not admitted yet")
    cloud.client("lambda").add_permission(
        FunctionName="alarmed-function",
        StatementId="alarms",
        Action="lambda:InvokeFunction",
        Principal="lambda.alarms.cloudwatch.amazonaws.com",
        SourceAccount="000000000000",
    )
    set_state(cloud, "direct", "OK", "all is well")
    event = heard.next()
    assert event["source"] == "aws.cloudwatch"
    assert event["alarmArn"].endswith(":alarm:direct")
    data = event["alarmData"]
    assert (data["state"]["value"], data["state"]["reason"]) == ("OK", "all is well")
    assert data["previousState"]["reason"] == "not admitted yet"
    assert MOMENT.fullmatch(data["state"]["timestamp"])
    assert data["configuration"]["description"] == "Straight to the function."
    metric = data["configuration"]["metrics"][0]["metricStat"]["metric"]
    assert metric["dimensions"] == {"DBInstanceIdentifier": "mate-demo-dev"}


def test_the_default_bus_hears_of_every_change_even_without_actions(cloud):
    heard = Listener(cloud, "alarm-events", "events.amazonaws.com")
    events = cloud.client("events")
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": ["silent"]}}
    events.put_rule(Name="alarm-events", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="alarm-events", Targets=[{"Id": "queue", "Arn": heard.arn}])
    put(cloud, "silent", ActionsEnabled=False)
    set_state(cloud, "silent", "ALARM")
    event = heard.next()
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"] == ["arn:aws:cloudwatch:us-east-1:000000000000:alarm:silent"]
    assert event["detail"]["state"]["value"] == "ALARM"
    assert event["detail"]["previousState"]["value"] == "INSUFFICIENT_DATA"


def test_a_topic_whose_policy_does_not_admit_cloudwatch_hears_nothing(cloud, topic):
    sns = cloud.client("sns")
    closed = sns.create_topic(Name="closed")["TopicArn"]
    listener = Listener(cloud, "closed", "sns.amazonaws.com")
    sns.subscribe(TopicArn=closed, Protocol="sqs", Endpoint=listener.arn)
    sns.set_topic_attributes(
        TopicArn=closed,
        AttributeName="Policy",
        AttributeValue=allow("events.amazonaws.com", "sns:Publish", closed),
    )
    put(cloud, "unheard", closed, topic.topic)
    set_state(cloud, "unheard", "ALARM")
    assert json.loads(topic.next()["Message"])["AlarmName"] == "unheard"
    assert cloud.take_messages(listener.url) == []


def test_an_alarm_follows_its_own_series_and_no_other(cloud, topic):
    put(cloud, "own", topic.topic, Namespace="Tests/Own")
    cloudwatch = cloud.client("cloudwatch")

    def measure(database, value):
        dimensions = [{"Name": "DBInstanceIdentifier", "Value": database}]
        point = {"MetricName": "CPUUtilization", "Dimensions": dimensions, "Value": value}
        cloudwatch.put_metric_data(Namespace="Tests/Own", MetricData=[point])
        found = cloudwatch.describe_alarms(AlarmNames=["own"])
        return found["MetricAlarms"][0]["StateValue"]

    assert measure("another", 99.0) == "INSUFFICIENT_DATA"
    assert measure("mate-demo-dev", 95.0) == "ALARM"
    assert CROSSED.fullmatch(json.loads(topic.next()["Message"])["NewStateReason"])


def test_alarms_come_in_pages_by_state_and_in_either_protocol(cloud):
    for number in range(3):
        put(cloud, f"paged-{number}", AlarmDescription=f"number <{number}>")
        set_state(cloud, f"paged-{number}", "ALARM")
    pages = (
        cloud.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix="paged-", StateValue="ALARM", PaginationConfig={"PageSize": 2})
    )
    names = [[one["AlarmName"] for one in page["MetricAlarms"]] for page in pages]
    assert names == [["paged-0", "paged-1"], ["paged-2"]]
    old = in_xml(cloud, Action="DescribeAlarms", AlarmNamePrefix="paged-", MaxRecords="2")
    assert "<AlarmDescription>number &lt;1&gt;</AlarmDescription>" in old
    assert "<NextToken>" in old and "paged-2</AlarmName>" not in old
    assert re.search(r"<StateUpdatedTimestamp>\d{4}-.*?\.\d{3}Z</StateUpdatedTimestamp>", old)


def in_xml(cloud, **parameters: str) -> str:
    """Call CloudWatch as older SDKs do."""
    admin = cloud.ready["admin"]
    keys = botocore.credentials.Credentials(admin["access_key_id"], admin["secret_access_key"])
    body = urllib.parse.urlencode({**parameters, "Version": "2010-08-01"})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    signed = botocore.awsrequest.AWSRequest("POST", cloud.endpoint, data=body, headers=kind)
    botocore.auth.SigV4Auth(keys, "monitoring", "us-east-1").add_auth(signed)
    request = urllib.request.Request(cloud.endpoint, body.encode(), dict(signed.headers))
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"StateValue": "FINE"}, "ValidationError"),
        ({"StateReason": "x" * 1024}, "ValidationError"),
        ({"StateReasonData": "{"}, "InvalidFormat"),
        ({"AlarmName": "nobody"}, "ResourceNotFound"),
    ],
)
def test_a_state_that_cannot_be_set_is_refused(cloud, wish, code):
    put(cloud, "refusing")
    cloudwatch = cloud.client("cloudwatch")
    request = {"AlarmName": "refusing", "StateValue": "ALARM", "StateReason": "because"}
    with pytest.raises(cloudwatch.exceptions.ClientError) as refused:
        cloudwatch.set_alarm_state(**request | wish)
    assert refused.value.response["Error"]["Code"] == code


def test_a_stack_s_alarm_is_heard_of_in_the_same_words(cloud, topic):
    dimension = {"Name": "DBInstanceIdentifier", "Value": "mate-demo-dev"}
    metric = {"Namespace": "AWS/RDS", "MetricName": "CPUUtilization", "Dimensions": [dimension]}
    common = {
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 90,
        "AlarmActions": [topic.topic],
    }
    expression = [
        {"Id": "twice", "Expression": "2 * load"},
        {
            "Id": "load",
            "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"},
            "ReturnData": False,
        },
    ]
    one = {"AlarmName": "stack-one", **metric, "Statistic": "Average", "Period": 60}
    alarms = {
        "One": {"Type": "AWS::CloudWatch::Alarm", "Properties": {**one, **common}},
        "Two": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"AlarmName": "stack-two", "Metrics": expression, **common},
        },
    }
    assert cloud.stack("alarmed", alarms)["StackStatus"] == "CREATE_COMPLETE"
    found = [{"name": "DBInstanceIdentifier", "value": "mate-demo-dev"}]
    set_state(cloud, "stack-one", "ALARM")
    message = json.loads(topic.next()["Message"])
    assert message["AlarmDescription"] is None
    assert message["Trigger"]["Dimensions"] == found
    set_state(cloud, "stack-two", "ALARM")
    metrics = json.loads(topic.next()["Message"])["Trigger"]["Metrics"]
    assert metrics[1]["MetricStat"]["Metric"]["Dimensions"] == found

"""Functions that SNS and EventBridge call: tried again, and what fails is not lost."""

from __future__ import annotations

import json

import pytest
from cloud import wait_for

# Notes each attempt in the queue `attempts-<its name>`, and fails as often as the event says.
STUBBORN = """
import boto3
attempts = 0
def handle(event):
    global attempts
    attempts += 1
    name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    url = os.environ["AWS_ENDPOINT_URL"] + "/000000000000/attempts-" + name
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(event))
    said = event if "fail" in event else json.loads(event["Records"][0]["Sns"]["Message"])
    if attempts <= said["fail"]:
        raise RuntimeError("attempt " + str(attempts))
"""


@pytest.fixture
def stubborn(cloud, request):
    """A function that fails on demand: its name, its ARN, the queue of its attempts."""
    name = f"stubborn-{abs(hash(request.node.name))}"
    url, _ = cloud.queue(f"attempts-{name}")
    arn = cloud.function(name, STUBBORN, "sqs:SendMessage")
    with cloud.settings(lambda_retry_seconds=0.1):
        yield name, arn, url


def taken(cloud, url, count):
    """So many messages of a queue, once they are there."""
    found: list[dict] = []

    def look() -> bool:
        found.extend(json.loads(one) for one in cloud.take_messages(url))
        return len(found) >= count

    wait_for(f"{count} messages", look)
    return found


def subscribe(cloud, name, function):
    """A topic that the function is subscribed to."""
    sns = cloud.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
    return topic


def admit(cloud, name, service, source):
    """Let a service invoke the function on behalf of that source."""
    cloud.client("lambda").add_permission(
        FunctionName=name,
        StatementId=service.split(".")[0],
        Action="lambda:InvokeFunction",
        Principal=service,
        SourceArn=source,
    )


def test_a_topic_s_message_is_tried_three_times(cloud, stubborn):
    name, arn, url = stubborn
    topic = subscribe(cloud, name, arn)
    admit(cloud, name, "sns.amazonaws.com", topic)
    cloud.client("sns").publish(TopicArn=topic, Message='{"fail": 2}', Subject="Try again")
    events = taken(cloud, url, 3)
    assert events[0] == events[1] == events[2]
    record = events[0]["Records"][0]
    assert (record["EventSource"], record["EventVersion"]) == ("aws:sns", "1.0")
    assert record["Sns"]["Subject"] == "Try again"
    assert record["Sns"]["MessageAttributes"] == {}


def test_a_topic_that_the_function_does_not_admit_reaches_nobody(cloud, stubborn):
    name, arn, url = stubborn
    closed, admitted = subscribe(cloud, f"{name}-c", arn), subscribe(cloud, f"{name}-o", arn)
    admit(cloud, name, "sns.amazonaws.com", admitted)
    for topic in (closed, admitted):
        cloud.client("sns").publish(TopicArn=topic, Message='{"fail": 0}')
    (event,) = taken(cloud, url, 1)
    assert event["Records"][0]["Sns"]["TopicArn"] == admitted


def test_a_rule_s_event_that_fails_to_the_end_reaches_the_destination(cloud, stubborn):
    name, arn, url = stubborn
    failed, failed_arn = cloud.queue(f"failed-{name}")
    functions, events = cloud.client("lambda"), cloud.client("events")
    functions.put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": failed_arn}},
    )
    pattern = json.dumps({"source": ["tests.async"]})
    rule = events.put_rule(Name=name, EventPattern=pattern)["RuleArn"]
    admit(cloud, name, "events.amazonaws.com", rule)
    events.put_targets(Rule=name, Targets=[{"Id": "function", "Arn": arn, "Input": '{"fail": 9}'}])
    events.put_events(Entries=[{"Source": "tests.async", "DetailType": "Test", "Detail": "{}"}])
    (record,) = taken(cloud, failed, 1)
    assert len(taken(cloud, url, 2)) == 2
    assert record["version"] == "1.0"
    assert record["requestContext"]["functionArn"] == f"{arn}:$LATEST"
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["requestPayload"] == {"fail": 9}
    assert record["responsePayload"]["errorMessage"] == "attempt 2"


def test_a_dead_letter_queue_gets_the_event_itself(cloud, stubborn):
    name, _, url = stubborn
    dead, dead_arn = cloud.queue(f"dead-{name}")
    functions = cloud.client("lambda")
    functions.update_function_configuration(
        FunctionName=name, DeadLetterConfig={"TargetArn": dead_arn}
    )
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"fail": 9}')
    sqs = cloud.client("sqs")

    def look() -> list[dict] | None:
        found = sqs.receive_message(QueueUrl=dead, MessageAttributeNames=["All"])
        return found.get("Messages")

    (letter,) = wait_for("the dead letter", look)
    assert json.loads(letter["Body"]) == {"fail": 9}
    attributes = letter["MessageAttributes"]
    assert attributes["ErrorMessage"]["StringValue"] == "attempt 3"
    assert attributes["RequestID"]["StringValue"]
    assert len(taken(cloud, url, 3)) == 3

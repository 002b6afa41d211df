"""What AWS's own services tell the default bus, and what rules and mappings do with events."""

from __future__ import annotations

import json

import pytest
from cloud import wait_for


def admit(cloud, url: str, arn: str, rule: str) -> None:
    """Let a rule deliver to a queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    cloud.client("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps(policy)}
    )


class Inbox:
    """A queue behind a rule, and all that has come in so far."""

    def __init__(self, cloud, name: str, pattern: dict, **target) -> None:
        self._cloud = cloud
        self._url, arn = cloud.queue(name)
        events = cloud.client("events")
        rule = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
        admit(cloud, self._url, arn, rule)
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn, **target}])
        self.received: list[dict] = []

    def wait_until(self, what: str, condition) -> None:
        def look() -> bool:
            self.received += [json.loads(body) for body in self._cloud.take_messages(self._url)]
            return condition(self.received)

        wait_for(what, look)


def test_a_stack_tells_every_step_with_its_token(cloud):
    inbox = Inbox(
        cloud,
        "stack-events",
        {
            "source": ["aws.cloudformation"],
            "detail-type": ["CloudFormation Stack Status Change"],
            "detail": {"stack-id": [{"wildcard": "*:stack/telling/*"}]},
        },
    )
    resources = {"Queue": {"Type": "AWS::SQS::Queue"}}
    stack = cloud.stack("telling", resources, ClientRequestToken="telling-1")
    inbox.wait_until("both events", lambda received: len(received) == 2)
    first, last = inbox.received
    assert first["detail"] == {
        "stack-id": stack["StackId"],
        "status-details": {"status": "CREATE_IN_PROGRESS", "status-reason": "User Initiated"},
        "client-request-token": "telling-1",
    }
    assert last["detail"]["status-details"]["status"] == "CREATE_COMPLETE"
    assert last["resources"] == [stack["StackId"]]
    assert last["account"] == cloud.ready["account_id"]


def test_whoever_hears_of_a_stacks_end_finds_it_ended(cloud):
    cloud.function(
        "hears",
        "import boto3\n"
        "def handle(event):\n"
        "    cloudformation = boto3.client('cloudformation')\n"
        "    stack = event['detail']['stack-id']\n"
        "    found = cloudformation.describe_stacks(StackName=stack)['Stacks'][0]['StackStatus']\n"
        "    told = event['detail']['status-details']['status']\n"
        "    url = os.environ['AWS_ENDPOINT_URL'] + '/000000000000/heard'\n"
        "    boto3.client('sqs').send_message(QueueUrl=url, MessageBody=told + ' ' + found)\n",
        "cloudformation:DescribeStacks",
        "sqs:SendMessage",
    )
    url, _ = cloud.queue("heard")
    events = cloud.client("events")
    pattern = {
        "source": ["aws.cloudformation"],
        "detail": {
            "stack-id": [{"wildcard": "*:stack/heard-of/*"}],
            "status-details": {"status": [{"suffix": "_COMPLETE"}]},
        },
        "detail-type": ["CloudFormation Stack Status Change"],
    }
    arn = events.put_rule(Name="hears", EventPattern=json.dumps(pattern))["RuleArn"]
    cloud.client("lambda").add_permission(
        FunctionName="hears",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=arn,
    )
    function = cloud.client("lambda").get_function(FunctionName="hears")
    events.put_targets(
        Rule="hears",
        Targets=[{"Id": "function", "Arn": function["Configuration"]["FunctionArn"]}],
    )
    fault = {"kind": "fail_resource", "stack": "heard-of", "logical_id": "Queue"}
    with cloud.faults(fault):
        cloud.stack("heard-of", {"Queue": {"Type": "AWS::SQS::Queue"}})
    cloud.delete_stack("heard-of")
    heard: list[str] = []
    wait_for("both endings", lambda: heard.extend(cloud.take_messages(url)) or len(heard) == 2)
    assert sorted(heard) == [
        "DELETE_COMPLETE DELETE_COMPLETE",
        "ROLLBACK_COMPLETE ROLLBACK_COMPLETE",
    ] or sorted(heard) == [
        "DELETE_COMPLETE DELETE_COMPLETE",
        # The function was slower than the deletion; what it finds is later, never earlier.
        "ROLLBACK_COMPLETE DELETE_COMPLETE",
    ]


def test_a_database_tells_its_birth_its_snapshot_and_its_end(cloud):
    inbox = Inbox(cloud, "rds-events", {"source": ["aws.rds"]})
    rds = cloud.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="telltale",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername="master_user",
        MasterUserPassword="correct-horse-battery",
        AllocatedStorage=20,
    )
    rds.get_waiter("db_instance_available").wait(
        DBInstanceIdentifier="telltale", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    rds.create_db_snapshot(DBInstanceIdentifier="telltale", DBSnapshotIdentifier="told")

    def ids(received: list[dict], source: str) -> list[str]:
        return [
            one["detail"]["EventID"]
            for one in received
            if one["detail"]["SourceIdentifier"] == source
        ]

    inbox.wait_until("the birth", lambda got: "RDS-EVENT-0005" in ids(got, "telltale"))
    inbox.wait_until("the snapshot", lambda got: "RDS-EVENT-0042" in ids(got, "told"))
    rds.delete_db_instance(DBInstanceIdentifier="telltale", SkipFinalSnapshot=True)
    inbox.wait_until("the end", lambda got: "RDS-EVENT-0003" in ids(got, "telltale"))
    (birth,) = [one for one in inbox.received if one["detail"]["EventID"] == "RDS-EVENT-0005"]
    assert birth["detail-type"] == "RDS DB Instance Event"
    assert birth["detail"]["SourceType"] == "DB_INSTANCE"
    assert birth["resources"] == ["arn:aws:rds:us-east-1:000000000000:db:telltale"]


def test_a_task_tells_its_life_in_order_and_its_exit_code_at_the_end(cloud):
    ecs = cloud.client("ecs")
    ecs.create_cluster(clusterName="tasks-told")
    ecs.register_task_definition(
        family="told",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[
            {
                "name": "job",
                "image": "registry/light-web:1",
                "command": ["python", "-c", "exit(7)"],
                "essential": True,
            }
        ],
    )
    inbox = Inbox(
        cloud,
        "task-events",
        {
            "source": ["aws.ecs"],
            "detail-type": ["ECS Task State Change"],
            "detail": {"startedBy": ["the-test"]},
        },
    )
    (task,) = ecs.run_task(
        cluster="tasks-told",
        taskDefinition="told",
        launchType="FARGATE",
        startedBy="the-test",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    )["tasks"]

    def stopped(received: list[dict]) -> bool:
        return any(one["detail"]["lastStatus"] == "STOPPED" for one in received)

    inbox.wait_until("the task's end", stopped)
    # A standard queue does not keep the order; the events' own version does.
    told = sorted(inbox.received, key=lambda one: one["detail"]["version"])
    assert [one["detail"]["version"] for one in told] == list(range(1, len(told) + 1))
    statuses = [one["detail"]["lastStatus"] for one in told]
    assert "RUNNING" in statuses
    assert statuses[-1] == "STOPPED"
    last = told[-1]
    assert last["resources"] == [task["taskArn"]]
    assert last["detail"]["containers"][0]["exitCode"] == 7
    assert last["detail"]["stopCode"] == "EssentialContainerExited"
    assert isinstance(last["detail"]["stoppedAt"], str)


def test_a_service_tells_of_its_deployment(cloud):
    ecs = cloud.client("ecs")
    ecs.create_cluster(clusterName="services-told")
    ecs.register_task_definition(
        family="told-service",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "web", "image": "registry/light-web:1"}],
    )
    inbox = Inbox(
        cloud,
        "service-events",
        {
            "source": ["aws.ecs"],
            "detail-type": ["ECS Deployment State Change", "ECS Service Action"],
            "resources": [{"wildcard": "*:service/services-told/*"}],
        },
    )
    arn = ecs.create_service(
        cluster="services-told",
        serviceName="web",
        taskDefinition="told-service",
        launchType="FARGATE",
        desiredCount=1,
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    )["service"]["serviceArn"]

    def names(received: list[dict]) -> list[str]:
        return [one["detail"]["eventName"] for one in received]

    inbox.wait_until("the steady state", lambda got: "SERVICE_STEADY_STATE" in names(got))
    assert names(inbox.received) == [
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_COMPLETED",
        "SERVICE_STEADY_STATE",
    ]
    assert {one["resources"][0] for one in inbox.received} == {arn}
    ecs.delete_service(cluster="services-told", service="web", force=True)


def test_customers_cannot_speak_for_aws(cloud):
    answer = cloud.client("events").put_events(
        Entries=[{"Source": "aws.ecs", "DetailType": "ECS Task State Change", "Detail": "{}"}]
    )
    assert answer["FailedEntryCount"] == 1


def test_a_rule_delivers_only_where_the_queues_policy_lets_it(cloud):
    events = cloud.client("events")
    pattern = json.dumps({"source": ["test.admitted"]})
    rule = events.put_rule(Name="admitted", EventPattern=pattern)["RuleArn"]
    other = rule.replace("admitted", "another")
    queues = {}
    for name, admitted in (("open", rule), ("silent", None), ("foreign", other), ("dead", rule)):
        queues[name] = cloud.queue(f"admission-{name}")
        if admitted:
            admit(cloud, *queues[name], admitted)
    events.put_targets(
        Rule="admitted",
        Targets=[
            {"Id": "open", "Arn": queues["open"][1]},
            {"Id": "silent", "Arn": queues["silent"][1]},
            {
                "Id": "foreign",
                "Arn": queues["foreign"][1],
                "DeadLetterConfig": {"Arn": queues["dead"][1]},
            },
        ],
    )
    event = {"Source": "test.admitted", "DetailType": "Any", "Detail": "{}"}
    events.put_events(Entries=[event])
    got = {name: len(cloud.take_messages(url)) for name, (url, _) in queues.items()}
    assert got == {"open": 1, "silent": 0, "foreign": 0, "dead": 1}


def test_a_rules_input_transformer_shapes_what_the_queue_gets(cloud):
    inbox = Inbox(
        cloud,
        "transformed",
        {"source": ["test.transformed"]},
        InputTransformer={
            "InputPathsMap": {"tenant": "$.detail.tenant"},
            "InputTemplate": '{"caretaker": "look", "tenant": <tenant>}',
        },
    )
    cloud.client("events").put_events(
        Entries=[
            {
                "Source": "test.transformed",
                "DetailType": "Anything",
                "Detail": json.dumps({"tenant": "demo"}),
            }
        ]
    )
    inbox.wait_until("the message", lambda received: len(received) == 1)
    assert inbox.received == [{"caretaker": "look", "tenant": "demo"}]


def sweep(cloud, name: str, queue_arn: str, role: str) -> None:
    """A schedule like the suite's own, which nobody could wait for."""
    cloud.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(5 minutes)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": queue_arn, "RoleArn": role, "Input": '{"caretaker":"sweep"}'},
    )


def test_a_schedule_fires_when_asked_and_not_before(cloud):
    url, arn = cloud.queue("scheduled-to")
    role = cloud.role("scheduler-role", "sqs:SendMessage", service="scheduler")
    sweep(cloud, "sweep", arn, role)
    assert cloud.take_messages(url) == []
    for _ in range(2):
        cloud.control("POST", "fire", {"schedule": "sweep"})
        assert cloud.take_messages(url) == ['{"caretaker":"sweep"}']


@pytest.mark.parametrize(
    ("name", "actions", "service"),
    [("weak", [], "scheduler"), ("untrusting", ["sqs:SendMessage"], "lambda")],
)
def test_a_schedule_can_do_what_its_role_can(cloud, name, actions, service):
    url, arn = cloud.queue(f"{name}-scheduled")
    role = cloud.role(f"{name}-role", *actions, service=service)
    sweep(cloud, f"{name}-sweep", arn, role)
    cloud.control("POST", "fire", {"schedule": f"{name}-sweep"})
    assert cloud.take_messages(url) == []


def test_a_scheduled_rule_fires_when_asked(cloud):
    url, arn = cloud.queue("rule-scheduled")
    events = cloud.client("events")
    rule = events.put_rule(Name="rule-sweep", ScheduleExpression="rate(5 minutes)")["RuleArn"]
    admit(cloud, url, arn, rule)
    events.put_targets(Rule="rule-sweep", Targets=[{"Id": "q", "Arn": arn, "Input": '{"a":1}'}])
    assert cloud.control("POST", "fire", {"schedule": "rule-sweep"}) == {"fired": rule}
    assert cloud.take_messages(url) == ['{"a":1}']


def test_a_schedule_that_is_not_there_is_answered_with_those_that_are(cloud):
    cloud.client("events").put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
    with pytest.raises(AssertionError, match=r"'daily'.*hourly"):
        cloud.control("POST", "fire", {"schedule": "daily"})


CONSUMER = """
import boto3, time
sqs = boto3.client("sqs")
def handle(event):
    failures = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        note = os.environ["AWS_ENDPOINT_URL"] + "/000000000000/" + body["note"]
        times = record["attributes"]["ApproximateReceiveCount"]
        sqs.send_message(QueueUrl=note, MessageBody=json.dumps([body["name"], int(times)]))
        time.sleep(body.get("work", 0))
        if int(times) <= body.get("failures", 0):
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
"""


@pytest.fixture(scope="module")
def consumer(cloud):
    return cloud.function("consumer", CONSUMER, "sqs:*", timeout=10)


def consume(cloud, consumer: str, name: str, *, redrive: bool = False, **mapping):
    """A queue whose messages the consumer gets, and the queue of its notes."""
    attributes = {"VisibilityTimeout": "1"}
    dead_url = None
    if redrive:
        dead_url, dead_arn = cloud.queue(f"{name}-dead")
        attributes["RedrivePolicy"] = json.dumps(
            {"deadLetterTargetArn": dead_arn, "maxReceiveCount": 3}
        )
    url, arn = cloud.queue(name, **attributes)
    notes, _ = cloud.queue(f"{name}-notes")
    cloud.client("lambda").create_event_source_mapping(
        FunctionName=consumer,
        EventSourceArn=arn,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        **mapping,
    )
    return url, notes, dead_url


def test_only_the_failed_record_of_a_batch_comes_back(cloud, consumer):
    url, notes, _ = consume(cloud, consumer, "partial", BatchSize=10)
    cloud.client("sqs").send_message_batch(
        QueueUrl=url,
        Entries=[
            {
                "Id": name,
                "MessageBody": json.dumps(
                    {"name": name, "note": "partial-notes", "failures": int(name == "bad")}
                ),
            }
            for name in ("good", "bad", "fine")
        ],
    )
    seen: list[list] = []
    wait_for(
        "the second delivery",
        lambda: (
            seen.extend(json.loads(one) for one in cloud.take_messages(notes)) or ["bad", 2] in seen
        ),
    )
    assert sorted(seen) == [["bad", 1], ["bad", 2], ["fine", 1], ["good", 1]]


def test_what_keeps_failing_ends_in_the_dead_letter_queue(cloud, consumer):
    url, notes, dead = consume(cloud, consumer, "hopeless", redrive=True)
    body = json.dumps({"name": "hopeless", "note": "hopeless-notes", "failures": 99})
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody=body)
    found: list[str] = []
    wait_for("the dead letter", lambda: found.extend(cloud.take_messages(dead)) or found)
    assert found == [body]
    tries = [json.loads(one)[1] for one in cloud.take_messages(notes)]
    assert tries == [1, 2, 3]


def test_a_delayed_message_waits(cloud, consumer):
    url, notes, _ = consume(cloud, consumer, "delayed")
    sqs = cloud.client("sqs")

    def send(name: str, delay: int) -> None:
        body = json.dumps({"name": name, "note": "delayed-notes"})
        sqs.send_message(QueueUrl=url, MessageBody=body, DelaySeconds=delay)

    send("later", 2)
    send("now", 0)
    seen: list[str] = []
    wait_for(
        "both",
        lambda: (
            seen.extend(json.loads(one)[0] for one in cloud.take_messages(notes)) or len(seen) == 2
        ),
    )
    assert seen == ["now", "later"]


def test_a_mappings_concurrency_has_a_limit(cloud, consumer):
    url, notes, _ = consume(
        cloud,
        consumer,
        "limited",
        BatchSize=1,
        ScalingConfig={"MaximumConcurrency": 2},
    )
    sqs = cloud.client("sqs")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    for number in range(6):
        body = json.dumps({"name": str(number), "note": "limited-notes", "work": 0.5})
        sqs.send_message(QueueUrl=url, MessageBody=body)
    in_flight = 0
    seen: list[str] = []

    def look() -> bool:
        nonlocal in_flight
        attributes = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )["Attributes"]
        in_flight = max(in_flight, int(attributes["ApproximateNumberOfMessagesNotVisible"]))
        seen.extend(cloud.take_messages(notes))
        return len(seen) == 6

    wait_for("all six", look)
    assert in_flight <= 2


def test_a_test_can_speak_for_any_aws_service(cloud):
    inbox = Inbox(cloud, "health-events", {"source": ["aws.health"]})
    event = {
        "source": "aws.health",
        "detail-type": "AWS Health Event",
        "detail": {"service": "RDS", "eventTypeCategory": "issue"},
        "resources": ["arn:aws:rds:us-east-1:000000000000:db:mate-demo-dev"],
    }
    cloud.control("POST", "events", event)
    inbox.wait_until("the event", lambda received: len(received) == 1)
    received = inbox.received[0]
    assert {name: received[name] for name in event} == event
    assert received["account"] == cloud.ready["account_id"]
    with pytest.raises(AssertionError, match=r"detail: expected a dict.*source"):
        cloud.control("POST", "events", {"source": "mine", "detail": []})

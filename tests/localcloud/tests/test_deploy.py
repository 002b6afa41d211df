"""The deployment of the suite: what the manifest says is there, and works together."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from cloud import wait_for
from localcloud.deploy import DeployError, Options, deploy, main
from suite_manifest import PREFIX, PRODUCT
from suite_on_cloud import quietly

# ── What is deployed works together ──────────────────────────────────────────────────────────────


def test_a_message_on_the_queue_reaches_the_function(deployed):
    deployed.send({"id": "plain message"})
    assert deployed.got("plain message") == ['{"id": "plain message"}']


@pytest.mark.parametrize("detail_type", ["onboardingRequest", "sbt_aws_onboardingRequest"])
def test_a_request_on_the_bus_reaches_the_function_as_it_is(deployed, detail_type):
    entry = {
        "EventBusName": deployed.deployment["event_bus"],
        "DetailType": detail_type,
        "Detail": json.dumps({"tenantId": f"asked-by-{detail_type}"}),
    }
    events = deployed.cloud.client("events")
    events.put_events(
        Entries=[
            {**entry, "Source": "someone.else"},
            {**entry, "Source": deployed.deployment["control_plane_source"]},
        ]
    )
    (body,) = deployed.got(f"asked-by-{detail_type}")
    event = json.loads(body)
    assert event["source"] == "sbt.control.plane"
    assert event["detail-type"] == detail_type


def test_a_tenants_stack_wakes_the_function_and_another_products_does_not(deployed):
    resources = {"Queue": {"Type": "AWS::SQS::Queue"}}
    deployed.cloud.stack("elsewhere-demo-dev-data", resources)
    deployed.cloud.stack(f"{PRODUCT}-demo-prod-data", resources)
    deployed.cloud.stack(f"{PRODUCT}-demo-dev-data", resources)
    deployed.got(f"stack/{PRODUCT}-demo-dev-data/")
    assert not [body for body in deployed.printed("got") if "elsewhere-demo" in body]
    assert not [body for body in deployed.printed("got") if "demo-prod" in body]


def test_the_sweep_comes_every_five_minutes(deployed):
    events = deployed.cloud.client("events")
    rule = events.describe_rule(Name=f"{PREFIX}-tenant-onboarding-sweep")
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(5 minutes)", "ENABLED")
    (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["Arn"] == deployed.function["queue_arn"]
    assert json.loads(target["Input"]) == {"caretaker": "sweep"}
    assert target["DeadLetterConfig"]["Arn"] == deployed.function["dead_letter_queue_arn"]


def test_what_fails_each_time_ends_among_the_dead_letters(deployed):
    sqs = deployed.cloud.client("sqs")
    url = deployed.function["queue_url"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    try:
        deployed.send({"id": "poison", "fail": True})
        deployed.send({"id": "good neighbour"})
        (letter,) = wait_for(
            "the dead letter",
            lambda: deployed.cloud.take_messages(deployed.function["dead_letter_queue_url"]),
        )
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    assert json.loads(letter)["id"] == "poison"
    assert len(deployed.got("poison")) == 2
    assert len(deployed.got("good neighbour")) == 1


def test_what_is_published_can_be_read_in_the_inboxes(deployed):
    cloud, deployment = deployed.cloud, deployed.deployment
    for topic in ("notifications", "alarms"):
        cloud.client("sns").publish(TopicArn=deployment["topics"][topic], Message=f"to {topic}")
        arrived = wait_for(
            f"what was published to {topic}",
            lambda topic=topic: cloud.take_messages(deployment["inboxes"][topic]),
        )
        assert arrived == [f"to {topic}"]


ROTATED = {"DetailType": "SecretRotated", "Source": "sbt.application.plane"}


def test_a_rotated_secret_wakes_the_function_that_relaunches_services(deployed):
    rotation = deployed.of("secret-rotation")
    detail = json.dumps({"secretName": "rotated-secret"})
    bus = deployed.deployment["event_bus"]
    events = deployed.cloud.client("events")
    events.put_events(Entries=[{**ROTATED, "EventBusName": bus, "Detail": detail}])
    (body,) = rotation.got("rotated-secret")
    assert json.loads(body)["detail-type"] == "SecretRotated"


def test_secrets_manager_may_call_the_function_that_rotates_and_no_other(deployed):
    rotation = deployed.of("secret-rotation")
    secrets = deployed.cloud.client("secretsmanager")
    secret = f"{PRODUCT}-called-dev/key"
    secrets.create_secret(Name=secret, SecretString="{}")
    with pytest.raises(ClientError, match="Secrets Manager cannot invoke"):
        secrets.rotate_secret(
            SecretId=secret,
            RotationLambdaARN=deployed.function["function_arn"],
            RotationRules={"AutomaticallyAfterDays": 30},
        )
    secrets.rotate_secret(
        SecretId=secret,
        RotationLambdaARN=rotation.function["function_arn"],
        RotationRules={"AutomaticallyAfterDays": 30},
    )
    called = wait_for("the first step", lambda: rotation.printed("called"))
    assert json.loads(called[0])["Step"] == "createSecret"


def test_onboarding_is_told_which_function_rotates(deployed):
    environment = deployed.function["environment"]
    rotation = deployed.deployment["functions"]["secret-rotation"]
    assert environment["CARETAKER_ROTATION_FUNCTION_ARN"] == rotation["function_arn"]


@pytest.mark.parametrize("topic", ["alarms", "notifications"])
def test_what_is_published_to_people_reaches_the_function_that_tells_them(deployed, topic):
    alerts = deployed.of("alert-fanout")
    arn = deployed.deployment["topics"][topic]
    deployed.cloud.client("sns").publish(
        TopicArn=arn, Subject="a subject", Message=f"words to {topic}"
    )
    (body,) = alerts.got(f"words to {topic}")
    wrapped = json.loads(body)
    assert (wrapped["TopicArn"], wrapped["Subject"]) == (arn, "a subject")


def test_what_caretaker_publishes_reaches_the_function_that_tells_people(deployed):
    alerts = deployed.of("alert-fanout")
    bus = deployed.deployment["event_bus"]
    detail = json.dumps({"reason": "a failed rotation"})
    entry = {**ROTATED, "DetailType": "SecretRotationFailed", "EventBusName": bus}
    deployed.cloud.client("events").put_events(Entries=[{**entry, "Detail": detail}])
    assert len(alerts.got("a failed rotation")) == 1


@pytest.mark.parametrize("name", ["sweep", "heartbeat"])
def test_alerts_are_looked_after_and_the_chain_is_tried_on_a_schedule(deployed, name):
    events = deployed.cloud.client("events")
    rule = events.describe_rule(Name=f"{PREFIX}-alert-fanout-{name}")
    assert rule["ScheduleExpression"].startswith("rate(")
    (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert json.loads(target["Input"]) == {"caretaker": name}


def test_the_alarms_of_the_function_that_tells_people_go_by_mail_too(deployed):
    cloudwatch = deployed.cloud.client("cloudwatch")
    topics = deployed.deployment["topics"]
    for name, told in [
        ("tenant-onboarding", ["alarms"]),
        ("alert-fanout", ["alarms", "alert-mail"]),
    ]:
        alarm = f"{PREFIX}-{name}-dead-letters"
        (found,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        assert found["AlarmActions"] == found["OKActions"] == [topics[topic] for topic in told]


@pytest.mark.parametrize(
    ("principal", "source"),
    [
        ("sns.amazonaws.com", "arn:aws:sns:us-east-1:000000000000:*"),
        ("events.amazonaws.com", "arn:aws:events:us-east-1:000000000000:rule/*"),
        (
            "lambda.alarms.cloudwatch.amazonaws.com",
            "arn:aws:cloudwatch:us-east-1:000000000000:alarm:*",
        ),
    ],
)
def test_topics_rules_and_alarms_of_this_account_may_call_it_directly(deployed, principal, source):
    name = deployed.of("alert-fanout").function["function_name"]
    policy = json.loads(deployed.cloud.client("lambda").get_policy(FunctionName=name)["Policy"])
    (statement,) = [
        one for one in policy["Statement"] if one["Principal"] == {"Service": principal}
    ]
    assert statement["Action"] == "lambda:InvokeFunction"
    assert source in json.dumps(statement["Condition"])


# ── Deploying ────────────────────────────────────────────────────────────────────────────────────


def test_deploying_again_changes_nothing(deployed):
    cloud, functions = deployed.cloud, deployed.cloud.client("lambda")
    assert deploy(deployed.options, quietly) == deployed.deployment
    mappings = functions.list_event_source_mappings(EventSourceArn=deployed.function["queue_arn"])
    assert len(mappings["EventSourceMappings"]) == 1
    vpcs = cloud.client("ec2").describe_vpcs(
        Filters=[{"Name": "tag:Name", "Values": [f"{PRODUCT}-dev"]}]
    )
    assert len(vpcs["Vpcs"]) == 1


def test_the_deployment_is_written_down(deployed):
    file = deployed.cloud.state_dir / "deployment.json"
    assert json.loads(file.read_text()) == deployed.deployment
    environment = deployed.function["environment"]
    assert environment["CARETAKER_CATALOGUE"] == str(deployed.options.catalogue)
    assert environment["CARETAKER_DATABASE_CA_FILE"] == deployed.cloud.ready["ca_bundle"]
    assert environment["CARETAKER_CACHE_CA_FILE"] == deployed.cloud.ready["ca_bundle"]
    assert environment["CARETAKER_SLACK_URL"].startswith("http://127.")
    alerts = deployed.deployment["functions"]["alert-fanout"]["environment"]
    assert alerts["CARETAKER_PAGERDUTY_URL"].startswith("http://127.")
    assert [name for name, value in environment.items() if value == ""] == []


def test_what_was_set_over_the_manifest_holds(deployed):
    attributes = deployed.cloud.client("sqs").get_queue_attributes(
        QueueUrl=deployed.function["queue_url"], AttributeNames=["All"]
    )["Attributes"]
    assert attributes["VisibilityTimeout"] == "30"
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 2


def test_packages_that_are_not_built_are_all_named(cloud, tmp_path):
    catalogue = tmp_path / "mate.toml"
    catalogue.write_text('product = "mate"\n')
    options = Options(state_dir=cloud.state_dir, catalogue=catalogue, packages=tmp_path)
    with pytest.raises(DeployError, match=r"tenant-onboarding/bootstrap\.zip.*make package"):
        deploy(options, quietly)


def test_without_a_cloud_the_command_says_how_to_start_one(tmp_path, capsys):
    assert main(["--state", str(tmp_path)]) == 1
    assert f"python -m localcloud up --state {tmp_path}" in capsys.readouterr().err

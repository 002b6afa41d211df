"""The deployment of the suite: what the manifest says is there, and works together.

The functions here are small Python ones in the place of the real zips, which print what they get
and do the AWS calls that a message asks for.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud import BOOTSTRAP, Cloud, wait_for
from localcloud.deploy import DeployError, ManifestError, Options, deploy, main
from localcloud.deploy.manifest import load, set_values
from localcloud.deploy.suite import ROOT

PRODUCT = "probe"
PREFIX = f"caretaker-{PRODUCT}-dev"
MANIFEST = ROOT / "infra/manifest.yaml"

# Prints every message it gets. `{"call": [service, operation, arguments]}` is done with the
# function's own rights; `{"fail": true}` is reported as not done.
HANDLER = """
import boto3, botocore.exceptions
def handle(event):
    failures = []
    for record in event["Records"]:
        print("got " + record["body"], flush=True)
        body = json.loads(record["body"])
        if "call" in body:
            service, operation, arguments = body["call"]
            try:
                getattr(boto3.client(service), operation)(**arguments)
                outcome = "ok"
            except botocore.exceptions.ClientError as error:
                outcome = error.response["Error"]["Code"] + ": " + str(error)
            print("did " + body["id"] + " " + json.dumps(outcome), flush=True)
        if body.get("fail"):
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
"""


class Deployed:
    """The suite on a cloud, and what its function has printed."""

    def __init__(self, cloud: Cloud, options: Options, deployment: dict[str, Any]) -> None:
        self.cloud = cloud
        self.options = options
        self.deployment = deployment
        self.function = deployment["functions"]["tenant-onboarding"]

    def send(self, body: dict[str, Any]) -> None:
        self.cloud.client("sqs").send_message(
            QueueUrl=self.function["queue_url"], MessageBody=json.dumps(body)
        )

    def printed(self, word: str) -> list[str]:
        """What the function has printed after this word, so far."""
        pages = self.cloud.client("logs").get_paginator("filter_log_events")
        lines = [
            line
            for page in pages.paginate(logGroupName=self.function["log_group"])
            for event in page["events"]
            for line in event["message"].splitlines()
        ]
        return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]

    def got(self, text: str) -> list[str]:
        """The messages with this text in them, once there is one."""
        return wait_for(
            f"the function to get {text}",
            lambda: [body for body in self.printed("got") if text in body],
        )

    def tried(self, name: str, service: str, operation: str, **arguments: Any) -> str:
        """How an AWS call with the function's own rights ends."""
        self.send({"id": name, "call": [service, operation, arguments]})
        outcomes = wait_for(
            f"the function to try {name}",
            lambda: [text for text in self.printed("did") if text.startswith(f"{name} ")],
        )
        return json.loads(outcomes[0].removeprefix(f"{name} "))


def packages(folder: Path) -> Path:
    """A package for every function of the manifest, all with the same handler."""
    bootstrap = BOOTSTRAP.format(
        python=sys.executable, path=[entry for entry in sys.path if entry], code=HANDLER
    )
    for name in ("tenant-onboarding",):
        file = folder / name / "bootstrap.zip"
        file.parent.mkdir(parents=True)
        with zipfile.ZipFile(file, "w") as archive:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, bootstrap)
    return folder


def quietly(_what: str, _name: str) -> None:
    """Steps that no one reads."""


@pytest.fixture(scope="module")
def deployed(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deploy")
    catalogue = folder / "probe.toml"
    catalogue.write_text(f'product = "{PRODUCT}"\n')
    options = Options(
        state_dir=cloud.state_dir,
        catalogue=catalogue,
        packages=packages(folder / "zips"),
        settings=["queue.visibility_timeout_seconds=30", "queue.max_receive_count=2"],
    )
    yield Deployed(cloud, options, deploy(options, quietly))


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


# ── The function may do what it needs, and no more ───────────────────────────────────────────────

RECORD = {"pk": {"S": "TENANT#demo"}, "sk": {"S": "RECORD"}}
EVENT = {"DetailType": "probe", "Detail": "{}", "EventBusName": f"{PREFIX}-events"}
TRUST = {"Version": "2012-10-17", "Statement": []}
TEMPLATE = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})


def role_arn(name: str) -> str:
    return f"arn:aws:iam::000000000000:role/{name}"


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("dynamodb", "put_item", {"TableName": f"{PREFIX}-records", "Item": RECORD}),
        ("dynamodb", "get_item", {"TableName": f"{PREFIX}-records", "Key": RECORD}),
        (
            "dynamodb",
            "query",
            {
                "TableName": f"{PREFIX}-records",
                "IndexName": "gsi1",
                "KeyConditionExpression": "gsi1pk = :unfinished",
                "ExpressionAttributeValues": {":unfinished": {"S": "UNFINISHED"}},
            },
        ),
        ("events", "put_events", {"Entries": [{**EVENT, "Source": "sbt.application.plane"}]}),
        ("secretsmanager", "get_secret_value", {"SecretId": f"{PRODUCT}-a-dev/database-app"}),
        (
            "cloudformation",
            "create_stack",
            {
                "StackName": f"{PRODUCT}-allowed-dev-data",
                "TemplateBody": TEMPLATE,
                "RoleARN": role_arn(f"{PREFIX}-provisioning"),
            },
        ),
        ("cloudformation", "describe_stacks", {"StackName": f"{PRODUCT}-allowed-dev-data"}),
        (
            "ecs",
            "describe_services",
            {"cluster": f"{PRODUCT}-dev", "services": ["probe-a-dev-web"]},
        ),
    ],
)
def test_the_function_may_do_what_a_pass_needs(deployed, service, operation, arguments):
    if service == "secretsmanager":
        deployed.cloud.client(service).create_secret(Name=arguments["SecretId"], SecretString="{}")
    name = f"allowed-{service}-{operation}"
    assert deployed.tried(name, service, operation, **arguments) == "ok"


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("dynamodb", "delete_table", {"TableName": f"{PREFIX}-records"}),
        ("dynamodb", "scan", {"TableName": f"{PREFIX}-records"}),
        ("secretsmanager", "get_secret_value", {"SecretId": f"{PRODUCT}-a-prod/database-app"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "elsewhere-a-dev/database-app"}),
        ("secretsmanager", "put_secret_value", {"SecretId": "probe-a-dev/x", "SecretString": "x"}),
        (
            "cloudformation",
            "create_stack",
            {"StackName": "elsewhere-a-dev-data", "TemplateBody": TEMPLATE},
        ),
        ("cloudformation", "delete_stack", {"StackName": f"{PRODUCT}-a-prod-data"}),
        ("rds", "delete_db_instance", {"DBInstanceIdentifier": f"{PRODUCT}-a-dev-database"}),
        ("s3", "create_bucket", {"Bucket": f"{PRODUCT}-a-dev-data"}),
        ("iam", "create_role", {"RoleName": "x", "AssumeRolePolicyDocument": json.dumps(TRUST)}),
        ("sqs", "purge_queue", {"QueueUrl": f"{PREFIX}-tenant-onboarding"}),
    ],
)
def test_the_function_may_do_nothing_else(deployed, service, operation, arguments):
    if operation == "purge_queue":
        arguments = {"QueueUrl": deployed.function["queue_url"]}
    name = f"refused-{service}-{operation}-{abs(hash(json.dumps(arguments)))}"
    outcome = deployed.tried(name, service, operation, **arguments)
    assert "AccessDenied" in outcome, outcome


def test_events_under_another_source_are_refused(deployed):
    outcome = deployed.tried(
        "other-source", "events", "put_events", Entries=[{**EVENT, "Source": "sbt.control.plane"}]
    )
    assert "AccessDenied" in outcome


def test_only_the_provisioning_role_can_be_handed_on(deployed):
    outcome = deployed.tried(
        "other-role",
        "cloudformation",
        "create_stack",
        StackName=f"{PRODUCT}-b-dev-data",
        TemplateBody=TEMPLATE,
        RoleARN=role_arn("administrator"),
    )
    assert "AccessDenied" in outcome
    assert "iam:PassRole" in outcome


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
    empty = [name for name, value in environment.items() if value == ""]
    assert empty == ["CARETAKER_ROTATION_FUNCTION_ARN"]


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


# ── The manifest ─────────────────────────────────────────────────────────────────────────────────


def values(**others: str) -> dict[str, str]:
    """Something for every placeholder."""
    names = set(re.findall(r"\$\{(\w+)\}", MANIFEST.read_text()))
    return dict.fromkeys(names, "x") | {"prefix": PREFIX} | others


def test_the_manifest_is_within_awss_limits_for_the_longest_names():
    longest = {
        "prefix": "caretaker-twelve-chars-staging",
        "product": "twelve-chars",
        "environment": "staging",
        "region": "ap-southeast-2",
        "account_id": "111122223333",
        "kms_key_arn": "arn:aws:kms:ap-southeast-2:111122223333:key/" + 36 * "x",
        "listener_arn": "arn:aws:elasticloadbalancing:ap-southeast-2:111122223333:" + 80 * "x",
    }
    assert load(MANIFEST, values(**longest))["functions"]


def test_every_queue_waits_six_times_as_long_as_its_function_runs():
    for name, function in load(MANIFEST, values())["functions"].items():
        waits = function["queue"]["visibility_timeout_seconds"]
        assert waits >= 6 * function["timeout_seconds"], name


def test_every_function_there_is_stands_in_the_manifest():
    functions = {main.parent.parent.name for main in ROOT.glob("functions/*/src/main.rs")}
    assert set(load(MANIFEST, values())["functions"]) == functions


def test_terraform_fills_in_every_placeholder_and_no_other():
    main_tf = (ROOT / "infra/main.tf").read_text()
    call = re.search(r'templatefile\("[^"]*manifest.yaml", \{\n(.*?)\n  \}\)\)', main_tf, re.DOTALL)
    terraform = set(re.findall(r"^    (\w+) +=", call[1], re.MULTILINE))
    assert terraform == set(values())


def test_a_placeholder_without_a_value_is_named(tmp_path):
    file = tmp_path / "manifest.yaml"
    file.write_text("tables: { a: ${mystery}, b: ${prefix} }\n")
    with pytest.raises(ManifestError, match=r"\$\{mystery\}; known are prefix"):
        load(file, {"prefix": "p"})


def test_all_mistakes_of_a_manifest_are_told_at_once(tmp_path):
    text = MANIFEST.read_text()
    text = text.replace("timeout_seconds: 30", "timeout_seconds: 300")
    text = text.replace("    vpc: true", "    vcp: true")
    text = text.replace("      sweep:", f"      sweep{60 * 's'}:")
    file = tmp_path / "manifest.yaml"
    file.write_text(text)
    with pytest.raises(ManifestError) as refused:
        load(file, values())
    told = str(refused.value)
    assert "vcp is unknown" in told
    assert "vpc is missing" in told
    assert "hands a message out again after 180 s" in told
    assert "AWS takes 64" in told


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("queue.visibility=3", "no queue.visibility; there it has"),
        ("que.x=3", "no que; there it has"),
        ("functions.nobody.queue.x=3", "no functions.nobody; there it has tenant-onboarding"),
        ("queue.max_receive_count", "expected PATH=VALUE"),
    ],
)
def test_a_setting_that_the_manifest_does_not_know_is_refused(setting, told):
    with pytest.raises(ManifestError, match=re.escape(told)):
        set_values(load(MANIFEST, values()), [setting])


def test_settings_reach_all_functions_or_one_and_may_add_variables():
    manifest = load(MANIFEST, values())
    set_values(
        manifest,
        [
            "queue.max_receive_count=7",
            "functions.tenant-onboarding.rules.sweep.schedule_expression=rate(1 minute)",
            "environment.AWS_LAMBDA_LOG_LEVEL=debug",
        ],
    )
    function = manifest["functions"]["tenant-onboarding"]
    assert function["queue"]["max_receive_count"] == 7
    assert function["rules"]["sweep"]["schedule_expression"] == "rate(1 minute)"
    assert manifest["environment"]["AWS_LAMBDA_LOG_LEVEL"] == "debug"

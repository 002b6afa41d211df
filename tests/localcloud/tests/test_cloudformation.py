"""CloudFormation: what stacks do when all goes well, and when it does not."""

from __future__ import annotations

import json

import pytest
from cloud import wait_for
from templates import QUEUE, database, queue, secret, two_databases


def test_a_repeated_request_is_answered_and_not_carried_out_again(cloud):
    cloudformation = cloud.client("cloudformation")
    request = {
        "StackName": "repeated",
        "TemplateBody": json.dumps({"Resources": {"Queue": QUEUE}}),
        "ClientRequestToken": "repeated-1",
    }
    first = cloudformation.create_stack(**request)["StackId"]
    assert cloudformation.create_stack(**request)["StackId"] == first
    cloud.settled(first)
    assert cloudformation.create_stack(**request)["StackId"] == first
    assert [status for _, status, _ in cloud.stack_events("repeated")].count(
        "CREATE_COMPLETE"
    ) == 2, "one queue and one stack"


def test_a_taken_name_is_refused(cloud):
    cloud.stack("taken", {"Queue": QUEUE})
    cloudformation = cloud.client("cloudformation")
    with pytest.raises(cloudformation.exceptions.AlreadyExistsException):
        cloud.stack("taken", {"Queue": QUEUE}, ClientRequestToken="another")


def test_a_rolled_back_stack_keeps_its_name_until_it_is_deleted(cloud):
    fault = {
        "kind": "fail_resource",
        "stack": "second-try",
        "logical_id": "Queue",
        "reason": "no queues today",
        "count": 1,
    }
    cloudformation = cloud.client("cloudformation")
    with cloud.faults(fault):
        failed = cloud.stack("second-try", {"Queue": QUEUE})
    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    with pytest.raises(cloudformation.exceptions.AlreadyExistsException):
        cloud.stack("second-try", {"Queue": QUEUE})
    assert cloud.delete_stack("second-try")["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(cloudformation.exceptions.ClientError, match="does not exist"):
        cloudformation.describe_stacks(StackName="second-try")
    assert cloud.stack("second-try", {"Queue": QUEUE})["StackStatus"] == "CREATE_COMPLETE"


def test_a_token_that_was_used_for_something_else_is_refused(cloud):
    cloudformation = cloud.client("cloudformation")
    cloud.stack("token-a", {"Queue": QUEUE}, ClientRequestToken="token-shared")
    with pytest.raises(cloudformation.exceptions.TokenAlreadyExistsException):
        cloud.stack("token-b", {"Queue": QUEUE}, ClientRequestToken="token-shared")


def test_the_first_failure_is_the_cause_and_its_neighbours_are_cancelled(cloud):
    resources = {
        "Early": queue("cause-early"),
        "Broken": queue("cause-broken", DependsOn="Early"),
        "Neighbour": queue("cause-neighbour", DependsOn="Early"),
        "Later": queue("cause-later", DependsOn="Neighbour"),
    }
    fault = {
        "kind": "fail_resource",
        "stack": "cause",
        "logical_id": "Broken",
        "reason": "The quota of queues is used up.",
    }
    with cloud.faults(fault):
        stack = cloud.stack("cause", resources)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    failures = [event for event in cloud.stack_events("cause") if event[1] == "CREATE_FAILED"]
    assert failures == [
        ("Broken", "CREATE_FAILED", "The quota of queues is used up."),
        ("Neighbour", "CREATE_FAILED", "Resource creation cancelled"),
    ]
    told = cloud.client("cloudformation").describe_stack_events(StackName="cause")["StackEvents"]
    times = [one["Timestamp"] for one in told]
    assert times == sorted(set(times), reverse=True), "the time alone tells which came first"
    queues = cloud.client("sqs").list_queues(QueueNamePrefix="cause-").get("QueueUrls", [])
    assert queues == [], "nothing half-made is left"


@pytest.mark.parametrize(
    ("wish", "status"),
    [("ROLLBACK", "ROLLBACK_COMPLETE"), ("DO_NOTHING", "CREATE_FAILED"), ("DELETE", None)],
)
def test_on_failure_is_honoured(cloud, wish, status):
    name = f"on-failure-{wish.lower().replace('_', '-')}"
    cloudformation = cloud.client("cloudformation")
    fault = {"kind": "fail_resource", "stack": name, "logical_id": "Queue", "reason": "no"}
    with cloud.faults(fault):
        created = cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps({"Resources": {"Queue": QUEUE}}),
            OnFailure=wish,
        )
        settled = cloud.settled(created["StackId"])["StackStatus"]
        if status:
            assert settled == status
        else:
            wait_for(
                "the deletion",
                lambda: cloud.settled(created["StackId"])["StackStatus"] == "DELETE_COMPLETE",
            )


def test_a_protected_stack_cannot_be_deleted(cloud):
    cloudformation = cloud.client("cloudformation")
    cloud.stack("protected", {"Queue": QUEUE}, EnableTerminationProtection=True)
    with pytest.raises(cloudformation.exceptions.ClientError, match="TerminationProtection"):
        cloudformation.delete_stack(StackName="protected")
    cloudformation.update_termination_protection(
        StackName="protected", EnableTerminationProtection=False
    )
    assert cloud.delete_stack("protected")["StackStatus"] == "DELETE_COMPLETE"


def test_an_update_that_fails_rolls_back_to_what_was(cloud):
    cloudformation = cloud.client("cloudformation")
    cloud.stack("updated", {"Queue": queue("updated-a")})
    with pytest.raises(cloudformation.exceptions.ClientError, match="No updates"):
        cloudformation.update_stack(
            StackName="updated",
            TemplateBody=json.dumps({"Resources": {"Queue": queue("updated-a")}}),
        )
    fault = {"kind": "fail_resource", "stack": "updated", "logical_id": "Two", "reason": "no"}
    with cloud.faults(fault):
        request = {
            "StackName": "updated",
            "TemplateBody": json.dumps(
                {"Resources": {"Queue": queue("updated-a"), "Two": queue("updated-b")}}
            ),
            "ClientRequestToken": "updated-1",
        }
        cloudformation.update_stack(**request)
        assert cloud.settled("updated")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert cloudformation.update_stack(**request)["StackId"], "answered, not carried out"
    urls = cloud.client("sqs").list_queues(QueueNamePrefix="updated-")["QueueUrls"]
    assert [url.rsplit("/", 1)[1] for url in urls] == ["updated-a"]


def test_a_slow_database_does_not_stop_the_cloud(cloud):
    with cloud.settings(rds_available_seconds=2):
        created = cloud.client("cloudformation").create_stack(
            StackName="slow",
            TemplateBody=json.dumps(
                {
                    "Resources": {
                        "Master": secret(
                            SecretStringTemplate='{"username": "master_user"}',
                            GenerateStringKey="password",
                            ExcludePunctuation=True,
                        ),
                        "Database": database("slow-database"),
                    }
                }
            ),
        )["StackId"]
        wait_for(
            "the database's beginning",
            lambda: ("Database", "CREATE_IN_PROGRESS", "") in cloud.stack_events("slow"),
        )
        cloud.control("DELETE", "calls")
        cloud.client("sqs").list_queues()
        (call,) = cloud.control("GET", "calls?service=sqs")
        assert cloud.client("cloudformation").describe_stacks(StackName=created)["Stacks"][0][
            "StackStatus"
        ] == ("CREATE_IN_PROGRESS")
        assert call["duration_ms"] < 1000
        assert cloud.settled(created)["StackStatus"] == "CREATE_COMPLETE"
    assert cloud.delete_stack("slow")["StackStatus"] == "DELETE_COMPLETE"


def test_slow_resources_are_created_side_by_side_and_dependents_after_them(cloud):
    with cloud.settings(rds_available_seconds=2):
        stack = cloud.stack("parallel", two_databases("parallel"))
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloud.stack_events("parallel")
    order = [(one, status) for one, status, _ in cloud.stack_events("parallel")]
    begun = {one: order.index((one, "CREATE_IN_PROGRESS")) for one in two_databases("x")}
    done = {one: order.index((one, "CREATE_COMPLETE")) for one in two_databases("x")}
    assert max(begun["First"], begun["Second"]) < min(done["First"], done["Second"])
    assert done["Second"] < begun["Third"]
    assert cloud.delete_stack("parallel")["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.client("rds").describe_db_instances()["DBInstances"] == []


@pytest.mark.parametrize("failing", ["First", "Second"])
def test_what_was_begun_beside_a_failure_is_deleted_before_the_stack_is_rolled_back(cloud, failing):
    name = f"beside-{failing.lower()}"
    fault = {"kind": "fail_resource", "stack": name, "logical_id": failing, "reason": "no"}
    with cloud.faults(fault):
        stack = cloud.stack(name, two_databases(name))
        assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
        assert cloud.client("rds").describe_db_instances()["DBInstances"] == []
    failures = [one for one in cloud.stack_events(name) if one[1] == "CREATE_FAILED"]
    assert failures[0] == (failing, "CREATE_FAILED", "no")
    assert {reason for _, _, reason in failures[1:]} <= {"Resource creation cancelled"}

"""CloudFormation: what stacks do, and the resource types that were missing or different."""

from __future__ import annotations

import json
import string

import pytest
from cloud import wait_for

QUEUE = {"Type": "AWS::SQS::Queue"}


def queue(name: str, **more) -> dict:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}, **more}


def secret(**wishes) -> dict:
    return {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {"GenerateSecretString": wishes},
    }


def database(name: str, master: str = "Master", **more) -> dict:
    reference = "{{{{resolve:secretsmanager:${{{0}}}:SecretString:{1}}}}}"
    return {
        "Type": "AWS::RDS::DBInstance",
        "DeletionPolicy": "Delete",
        "Properties": {
            "DBInstanceIdentifier": name,
            "DBInstanceClass": "db.t4g.micro",
            "Engine": "postgres",
            "EngineVersion": "15.7",
            "AllocatedStorage": "20",
            "DBName": "mate",
            "MasterUsername": {"Fn::Sub": reference.format(master, "username")},
            "MasterUserPassword": {"Fn::Sub": reference.format(master, "password")},
        },
        **more,
    }


def outputs(stack: dict) -> dict[str, str]:
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


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


def two_databases(name: str) -> dict:
    return {
        "Master": secret(
            SecretStringTemplate='{"username": "master_user"}',
            GenerateStringKey="password",
            ExcludePunctuation=True,
        ),
        "First": database(f"{name}-first"),
        "Second": database(f"{name}-second"),
        "Third": database(f"{name}-third", DependsOn="Second"),
    }


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


def test_a_secrets_reference_is_its_arn(cloud):
    stack = cloud.stack(
        "secret-ref",
        {"Secret": secret(PasswordLength=20)},
        template={"Outputs": {"Secret": {"Value": {"Ref": "Secret"}}}},
    )
    arn = outputs(stack)["Secret"]
    assert arn.startswith("arn:aws:secretsmanager:us-east-1:000000000000:secret:")
    found = cloud.client("secretsmanager").get_secret_value(SecretId=arn)
    assert len(found["SecretString"]) == 20
    cloud.delete_stack("secret-ref")
    secrets = cloud.client("secretsmanager")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId=arn)


@pytest.mark.parametrize(
    ("name", "wishes", "allowed"),
    [
        ("plain", {}, string.ascii_letters + string.digits + string.punctuation),
        ("no-punctuation", {"ExcludePunctuation": True}, string.ascii_letters + string.digits),
        (
            "strings",
            {"ExcludePunctuation": "true", "ExcludeUppercase": "true", "PasswordLength": "64"},
            string.ascii_lowercase + string.digits,
        ),
        (
            "characters",
            {"ExcludeCharacters": "\"@/\\' ", "PasswordLength": 200},
            "".join(
                set(string.ascii_letters + string.digits + string.punctuation) - set("\"@/\\'")
            ),
        ),
        (
            "digits",
            {"ExcludePunctuation": True, "ExcludeLowercase": True, "ExcludeUppercase": True},
            string.digits,
        ),
    ],
)
def test_a_generated_password_honours_every_option(cloud, name, wishes, allowed):
    cloud.stack(f"generated-{name}", {"Secret": secret(**wishes)})
    (found,) = [
        one
        for one in cloud.client("secretsmanager").list_secrets()["SecretList"]
        if one["Name"].startswith(f"generated-{name}-")
    ]
    value = cloud.client("secretsmanager").get_secret_value(SecretId=found["ARN"])["SecretString"]
    assert len(value) == int(wishes.get("PasswordLength", 32))
    assert set(value) <= set(allowed)


def test_a_secret_whose_name_is_taken_fails_the_stack_and_stays_untouched(cloud):
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name="mine", SecretString="precious")
    named = secret()
    named["Properties"]["Name"] = "mine"
    stack = cloud.stack("name-taken", {"Secret": named})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("mine already exists" in reason for _, _, reason in cloud.stack_events("name-taken"))
    assert secrets.get_secret_value(SecretId="mine")["SecretString"] == "precious"


def test_several_secrets_can_be_attached_to_one_database(cloud):
    template = {
        "SecretStringTemplate": '{"username": "one_user"}',
        "GenerateStringKey": "password",
        "ExcludePunctuation": True,
    }
    attachment = {
        "Type": "AWS::SecretsManager::SecretTargetAttachment",
        "Properties": {"TargetType": "AWS::RDS::DBInstance", "TargetId": {"Ref": "Database"}},
    }

    def attach(which: str) -> dict:
        return {
            **attachment,
            "Properties": {**attachment["Properties"], "SecretId": {"Ref": which}},
        }

    stack = cloud.stack(
        "attached",
        {
            "Master": secret(**template),
            "Application": secret(**template),
            "Database": database("attached-database"),
            "MasterAttachment": attach("Master"),
            "ApplicationAttachment": attach("Application"),
        },
        template={
            "Outputs": {
                "Master": {"Value": {"Ref": "Master"}},
                "Application": {"Value": {"Ref": "Application"}},
                "Address": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Address"]}},
                "Port": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Port"]}},
            }
        },
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloud.stack_events("attached")
    found = outputs(stack)
    passwords = set()
    for which in ("Master", "Application"):
        value = json.loads(
            cloud.client("secretsmanager").get_secret_value(SecretId=found[which])["SecretString"]
        )
        passwords.add(value.pop("password"))
        assert value == {
            "username": "one_user",
            "engine": "postgres",
            "host": found["Address"],
            "port": int(found["Port"]),
            "dbname": "mate",
            "dbInstanceIdentifier": "attached-database",
        }
    assert len(passwords) == 2
    cloud.delete_stack("attached")


def test_two_security_groups_may_name_one_another(cloud):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]

    def group(description: str) -> dict:
        return {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupDescription": description, "VpcId": vpc},
        }

    def rule(direction: str, of: str, other: str) -> dict:
        side = "Source" if direction == "Ingress" else "Destination"
        return {
            "Type": f"AWS::EC2::SecurityGroup{direction}",
            "Properties": {
                "GroupId": {"Fn::GetAtt": [of, "GroupId"]},
                "IpProtocol": "tcp",
                "FromPort": 5432,
                "ToPort": 5432,
                f"{side}SecurityGroupId": {"Fn::GetAtt": [other, "GroupId"]},
            },
        }

    resources = {
        "App": group("app"),
        "Db": group("db"),
        "Out": rule("Egress", "App", "Db"),
        "In": rule("Ingress", "Db", "App"),
    }
    stack = cloud.stack("groups", resources)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    wanted = [{"Name": "vpc-id", "Values": [vpc]}]
    found = ec2.describe_security_groups(Filters=wanted)["SecurityGroups"]
    by_description = {one["Description"]: one for one in found}
    app, db = by_description["app"], by_description["db"]
    assert db["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == app["GroupId"]
    assert app["IpPermissionsEgress"][-1]["UserIdGroupPairs"][0]["GroupId"] == db["GroupId"]
    del resources["In"]
    cloud.client("cloudformation").update_stack(
        StackName="groups", TemplateBody=json.dumps({"Resources": resources})
    )
    assert cloud.settled("groups")["StackStatus"] == "UPDATE_COMPLETE"
    assert ec2.describe_security_groups(GroupIds=[db["GroupId"]])["SecurityGroups"][0][
        "IpPermissions"
    ] == ([])
    assert cloud.delete_stack("groups")["StackStatus"] == "DELETE_COMPLETE"


def test_composite_alarms_and_alarms_over_expressions_are_kept_as_declared(cloud):
    expression = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": "error-share",
            "EvaluationPeriods": 2,
            "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold",
            "Metrics": [
                {"Id": "share", "Expression": "100 * errors / requests"},
                *(
                    {
                        "Id": name,
                        "ReturnData": False,
                        "MetricStat": {
                            "Metric": {"Namespace": "Test", "MetricName": name},
                            "Period": 60,
                            "Stat": "Sum",
                        },
                    }
                    for name in ("errors", "requests")
                ),
            ],
        },
    }
    composite = {
        "Type": "AWS::CloudWatch::CompositeAlarm",
        "Properties": {"AlarmName": "any", "AlarmRule": {"Fn::Sub": 'ALARM("${Share}")'}},
    }
    stack = cloud.stack("alarms", {"Share": expression, "Any": composite})
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloud.stack_events("alarms")
    alarms = cloud.client("cloudwatch").describe_alarms(
        AlarmNames=["error-share", "any"], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    assert alarms["MetricAlarms"][0]["Metrics"][0]["Expression"] == "100 * errors / requests"
    assert alarms["CompositeAlarms"][0]["AlarmRule"] == 'ALARM("error-share")'
    assert cloud.delete_stack("alarms")["StackStatus"] == "DELETE_COMPLETE"


def scaling_resources(cluster: str) -> dict:
    return {
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": cluster}},
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "Family": f"{cluster}-web",
                "RequiresCompatibilities": ["FARGATE"],
                "NetworkMode": "awsvpc",
                "Cpu": "256",
                "Memory": "512",
                "ContainerDefinitions": [{"Name": "web", "Image": "registry/light-web:1"}],
            },
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "Properties": {
                "ServiceName": "web",
                "Cluster": {"Ref": "Cluster"},
                "TaskDefinition": {"Ref": "Task"},
                "LaunchType": "FARGATE",
                "DesiredCount": 0,
            },
        },
        "Target": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "ServiceNamespace": "ecs",
                "ScalableDimension": "ecs:service:DesiredCount",
                "ResourceId": {"Fn::Sub": "service/${Cluster}/${Service.Name}"},
                "MinCapacity": 1,
                "MaxCapacity": 4,
            },
        },
        "Policy": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "cpu",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": {"Ref": "Target"},
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": 70,
                    "PredefinedMetricSpecification": {
                        "PredefinedMetricType": "ECSServiceAverageCPUUtilization"
                    },
                },
            },
        },
    }


def test_a_service_scales_between_declared_limits(cloud):
    stack = cloud.stack("scaling", scaling_resources("scaling-cluster"))
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloud.stack_events("scaling")
    scaling = cloud.client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=["service/scaling-cluster/web"]
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    (policy,) = scaling.describe_scaling_policies(
        ServiceNamespace="ecs", ResourceId="service/scaling-cluster/web"
    )["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 70
    assert cloud.delete_stack("scaling")["StackStatus"] == "DELETE_COMPLETE"
    assert not scaling.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=["service/scaling-cluster/web"]
    )["ScalableTargets"]


def service_resources(cluster: str, command: list[str], count: int = 2) -> dict:
    """A cluster with one service of the light image, whose deployment may give up."""
    resources = scaling_resources(cluster)
    container = resources["Task"]["Properties"]["ContainerDefinitions"][0]
    if command:
        container["Command"] = command
    resources["Service"]["Properties"] |= {
        "DesiredCount": count,
        "DeploymentConfiguration": {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}},
        "NetworkConfiguration": {
            "AwsvpcConfiguration": {"Subnets": ["subnet-1"], "SecurityGroups": ["sg-1"]}
        },
    }
    return {name: resources[name] for name in ("Cluster", "Task", "Service")}


def test_a_service_is_complete_when_its_tasks_run(cloud):
    stack = cloud.stack("steady", service_resources("steady-cluster", []))
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloud.stack_events("steady")
    (service,) = cloud.client("ecs").describe_services(cluster="steady-cluster", services=["web"])[
        "services"
    ]
    assert (service["runningCount"], service["desiredCount"]) == (2, 2)
    assert [one["rolloutState"] for one in service["deployments"]] == ["COMPLETED"]
    assert cloud.delete_stack("steady")["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.client("ecs").list_tasks(cluster="steady-cluster")["taskArns"] == []


def test_a_service_whose_tasks_keep_dying_fails_its_stack_with_a_reason(cloud):
    stack = cloud.stack("dying", service_resources("dying-cluster", ["python", "-c", "exit(3)"]))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    (failure,) = [
        (one, reason)
        for one, status, reason in cloud.stack_events("dying")
        if status == "CREATE_FAILED"
    ]
    assert failure[0] == "Service"
    assert "Circuit Breaker" in failure[1]


@pytest.mark.parametrize("ecs_rolls_back", [True, False])
def test_an_update_to_tasks_that_die_is_sent_back_and_the_old_ones_keep_running(
    cloud, ecs_rolls_back
):
    name = f"worsened-{ecs_rolls_back}".lower()
    good, bad = (service_resources(name, command) for command in ([], ["python", "-c", "exit(3)"]))
    for resources in (good, bad):
        deployment = resources["Service"]["Properties"]["DeploymentConfiguration"]
        deployment["DeploymentCircuitBreaker"]["Rollback"] = ecs_rolls_back
    assert cloud.stack(name, good)["StackStatus"] == "CREATE_COMPLETE"
    cloud.client("cloudformation").update_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": bad})
    )
    assert cloud.settled(name)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    ecs = cloud.client("ecs")

    def steady() -> bool:
        (service,) = ecs.describe_services(cluster=name, services=["web"])["services"]
        assert service["taskDefinition"].endswith("-web:1")
        running = [one for one in service["deployments"] if one["runningCount"]]
        return [(one["rolloutState"], one["runningCount"]) for one in running] == [("COMPLETED", 2)]

    wait_for("the old tasks alone", steady)
    assert cloud.delete_stack(name)["StackStatus"] == "DELETE_COMPLETE"


def test_a_scalable_target_needs_its_service(cloud):
    scaling = cloud.client("application-autoscaling")
    with pytest.raises(scaling.exceptions.ValidationException, match="doesn't exist"):
        scaling.register_scalable_target(
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId="service/nowhere/nothing",
            MinCapacity=1,
            MaxCapacity=2,
        )


TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
NAMED = {
    "log-group": ("AWS::Logs::LogGroup", {"LogGroupName": "/taken"}),
    "bucket": ("AWS::S3::Bucket", {"BucketName": "taken-bucket"}),
    "queue": ("AWS::SQS::Queue", {"QueueName": "taken-queue"}),
    "role": ("AWS::IAM::Role", {"RoleName": "taken", "AssumeRolePolicyDocument": TRUST}),
    "alarm": (
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": "taken",
            "Namespace": "Test",
            "MetricName": "m",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    ),
    "dashboard": ("AWS::CloudWatch::Dashboard", {"DashboardName": "taken", "DashboardBody": "{}"}),
    "target-group": (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {"Name": "taken", "Port": 80, "Protocol": "HTTP", "VpcId": "vpc-1", "TargetType": "ip"},
    ),
    "parameter-group": (
        "AWS::RDS::DBParameterGroup",
        {"DBParameterGroupName": "taken", "Family": "postgres15", "Description": "taken"},
    ),
}


@pytest.mark.parametrize("what", NAMED)
def test_what_exists_already_fails_the_stack_and_outlives_it(cloud, what):
    resource_type, properties = NAMED[what]
    resource = {"Type": resource_type, "Properties": properties}
    owner, second = f"owner-of-{what}", f"second-{what}"
    assert cloud.stack(owner, {"It": resource})["StackStatus"] == "CREATE_COMPLETE"
    assert cloud.stack(second, {"It": resource})["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("already exist" in reason for _, _, reason in cloud.stack_events(second)) or (
        what == "bucket"
    ), "a bucket's name is checked before anything is created, and the event says so otherwise"
    cloud.delete_stack(second)
    third = cloud.stack(f"third-{what}", {"It": resource})
    assert third["StackStatus"] == "ROLLBACK_COMPLETE", "the first one is still there"
    assert cloud.delete_stack(owner)["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.stack(f"fourth-{what}", {"It": resource})["StackStatus"] == "CREATE_COMPLETE"


def test_a_bucket_that_holds_objects_is_not_deleted(cloud):
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "full-bucket"}}
    cloud.stack("full", {"Bucket": bucket})
    s3 = cloud.client("s3")
    s3.put_object(Bucket="full-bucket", Key="letter", Body=b"dear")
    assert cloud.delete_stack("full")["StackStatus"] == "DELETE_FAILED"
    assert s3.get_object(Bucket="full-bucket", Key="letter")["Body"].read() == b"dear"
    s3.delete_object(Bucket="full-bucket", Key="letter")
    assert cloud.delete_stack("full")["StackStatus"] == "DELETE_COMPLETE"

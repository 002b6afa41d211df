"""Resource types in templates that MiniStack lacks, or has otherwise than AWS."""

from __future__ import annotations

import json
import string

import pytest
from cloud import wait_for
from templates import database, outputs, scaling_resources, secret, service_resources


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


def test_a_bucket_that_demands_tls_can_be_used(cloud):
    resources = {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "tls-only"}},
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Bucket"},
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "s3:*",
                            "Resource": [
                                {"Fn::GetAtt": ["Bucket", "Arn"]},
                                {"Fn::Sub": "${Bucket.Arn}/*"},
                            ],
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ],
                },
            },
        },
    }
    cloud.stack("tls", resources)
    s3 = cloud.client("s3")
    s3.put_object(Bucket="tls-only", Key="a", Body=b"b")
    assert s3.get_object(Bucket="tls-only", Key="a")["Body"].read() == b"b"

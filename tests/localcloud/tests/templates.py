"""Pieces of CloudFormation templates that tests put together."""

from __future__ import annotations

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

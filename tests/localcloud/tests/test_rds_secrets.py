"""Master passwords that RDS manages: the secret opens the database and says whose it is."""

from __future__ import annotations

import json

import psycopg
import pytest
from cloud import wait_for
from databases_in_tests import MASTER, POSTGRES, available, create, instance, postgres

MANAGED = {name: value for name, value in POSTGRES.items() if name != "MasterUserPassword"} | {
    "ManageMasterUserPassword": True
}


def secret_of(cloud, database: dict) -> dict:
    """The managed secret as Secrets Manager describes it."""
    return cloud.client("secretsmanager").describe_secret(
        SecretId=database["MasterUserSecret"]["SecretArn"]
    )


def credentials(cloud, database: dict) -> dict:
    """What the managed secret holds now."""
    found = cloud.client("secretsmanager").get_secret_value(
        SecretId=database["MasterUserSecret"]["SecretArn"]
    )
    return json.loads(found["SecretString"])


def opens(cloud, database: dict, password: str) -> bool:
    """Whether the password is the master's."""
    try:
        postgres(cloud, database["Endpoint"], password=password).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_managed_secret_opens_the_database_and_its_tag_names_it(cloud):
    rds = cloud.client("rds")
    rds.create_db_instance(DBInstanceIdentifier="managed", **MANAGED)
    database = available(cloud, "managed")
    secret = secret_of(cloud, database)
    assert secret["Name"].startswith("rds!db-")
    assert secret["OwningService"] == "rds"
    assert {"Key": "aws:rds:primaryDBInstanceArn", "Value": database["DBInstanceArn"]} in secret[
        "Tags"
    ]
    held = credentials(cloud, database)
    assert sorted(held) == ["password", "username"] and held["username"] == MASTER
    assert opens(cloud, database, held["password"])
    rds.delete_db_instance(DBInstanceIdentifier="managed", SkipFinalSnapshot=True)
    with pytest.raises(cloud.client("secretsmanager").exceptions.ClientError, match="can't find"):
        secret_of(cloud, database)


def test_rds_renews_a_managed_password_on_demand(cloud):
    rds = cloud.client("rds")
    rds.create_db_instance(DBInstanceIdentifier="renewed", **MANAGED)
    database = available(cloud, "renewed")
    before = credentials(cloud, database)["password"]
    with pytest.raises(rds.exceptions.ClientError, match="InvalidParameterCombination"):
        rds.modify_db_instance(DBInstanceIdentifier="renewed", MasterUserPassword="my-own-password")
    rds.modify_db_instance(
        DBInstanceIdentifier="renewed", RotateMasterUserPassword=True, ApplyImmediately=True
    )
    available(cloud, "renewed")
    after = credentials(cloud, database)["password"]
    assert opens(cloud, database, after) and not opens(cloud, database, before)


def test_a_password_can_be_handed_to_rds_and_taken_back(cloud):
    rds = cloud.client("rds")
    create(cloud, "handed-over")
    rds.modify_db_instance(
        DBInstanceIdentifier="handed-over", ManageMasterUserPassword=True, ApplyImmediately=True
    )
    database = available(cloud, "handed-over")
    assert opens(cloud, database, credentials(cloud, database)["password"])
    rds.modify_db_instance(
        DBInstanceIdentifier="handed-over",
        ManageMasterUserPassword=False,
        MasterUserPassword="mine-once-again",
        ApplyImmediately=True,
    )
    wait_for("the end of it", lambda: "MasterUserSecret" not in instance(cloud, "handed-over"))
    assert opens(cloud, available(cloud, "handed-over"), "mine-once-again")


def test_a_stack_s_instance_and_cluster_can_have_managed_passwords(cloud):
    instance_props = {
        **{name: value for name, value in MANAGED.items() if name != "AllocatedStorage"},
        "AllocatedStorage": "20",
        "DBInstanceIdentifier": "of-managed-stack",
    }
    cluster_props = {
        "DBClusterIdentifier": "of-managed-stack-too",
        "Engine": "aurora-postgresql",
        "EngineVersion": "15.4",
        "MasterUsername": MASTER,
        "ManageMasterUserPassword": True,
        "DatabaseName": "shop",
    }
    stack = cloud.stack(
        "managed-passwords",
        {
            "Instance": {"Type": "AWS::RDS::DBInstance", "Properties": instance_props},
            "Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": cluster_props},
        },
        template={
            "Outputs": {
                name: {"Value": {"Fn::GetAtt": [name, "MasterUserSecret.SecretArn"]}}
                for name in ("Instance", "Cluster")
            }
        },
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloud.stack_events("managed-passwords")
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    database = instance(cloud, "of-managed-stack")
    assert outputs["Instance"] == database["MasterUserSecret"]["SecretArn"]
    assert opens(cloud, database, credentials(cloud, database)["password"])
    found = cloud.client("rds").describe_db_clusters(DBClusterIdentifier="of-managed-stack-too")
    cluster = found["DBClusters"][0]
    assert outputs["Cluster"] == cluster["MasterUserSecret"]["SecretArn"]
    assert {"Key": "aws:rds:primaryDBClusterArn", "Value": cluster["DBClusterArn"]} in secret_of(
        cloud, cluster
    )["Tags"]
    endpoint = {"Address": cluster["Endpoint"], "Port": cluster["Port"]}
    assert opens(cloud, {"Endpoint": endpoint}, credentials(cloud, cluster)["password"])
    assert cloud.delete_stack("managed-passwords")["StackStatus"] == "DELETE_COMPLETE"

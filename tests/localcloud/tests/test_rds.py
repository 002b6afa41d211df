"""RDS: what the records say about a database is true of a server."""

from __future__ import annotations

import json

import psycopg
import pymysql
import pytest
from botocore.exceptions import ClientError
from cloud import wait_for
from databases_in_tests import (
    MASTER,
    MYSQL,
    PASSWORD,
    POSTGRES,
    available,
    create,
    instance,
    mysql,
    postgres,
    query,
    snapshot,
)


def test_a_new_database_is_creating_and_has_no_endpoint_until_it_answers(cloud):
    with cloud.settings(rds_available_seconds=2):
        answer = cloud.client("rds").create_db_instance(DBInstanceIdentifier="slow", **POSTGRES)
        assert answer["DBInstance"]["DBInstanceStatus"] == "creating"
        assert "Endpoint" not in answer["DBInstance"]
        assert instance(cloud, "slow")["DBInstanceStatus"] == "creating"
    endpoint = available(cloud, "slow")["Endpoint"]
    assert endpoint["Port"] == 5432
    assert postgres(cloud, endpoint).execute("SELECT 1").fetchone() == (1,)


def test_the_master_of_postgresql_is_what_rds_makes_it_and_no_superuser(cloud):
    connection = postgres(cloud, create(cloud, "master-pg")["Endpoint"])
    role = connection.execute(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, pg_has_role(rolname, 'rds_superuser', "
        "'member') FROM pg_roles WHERE rolname = %s",
        [MASTER],
    ).fetchone()
    assert role == (False, True, True, True)
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'"
    assert connection.execute(owner).fetchone() == (MASTER,)
    connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
    connection.execute("CREATE TABLE checked (id int PRIMARY KEY)")
    connection.execute("SELECT bt_index_check('checked_pkey')")


def test_the_master_of_mysql_can_grant_everything_but_has_no_super(cloud):
    cursor = mysql(cloud, create(cloud, "master-my", **MYSQL)["Endpoint"])
    grants = str(query(cursor, "SHOW GRANTS"))
    assert "WITH GRANT OPTION" in grants
    assert " SUPER" not in grants and " FILE" not in grants and "SHUTDOWN" not in grants
    query(cursor, "CREATE USER app@'%' IDENTIFIED BY 'app-password' REQUIRE SSL")
    query(cursor, "GRANT ALL PRIVILEGES ON shop.* TO app@'%'")


def test_postgresql_15_refuses_plain_connections_as_rds_does_by_default(cloud):
    endpoint = create(cloud, "tls-pg")["Endpoint"]
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        postgres(cloud, endpoint, sslmode="disable")


def test_parameters_of_the_group_reach_the_server_and_memory_stays_ours(cloud):
    rds = cloud.client("rds")
    rds.create_db_parameter_group(
        DBParameterGroupName="tuned", DBParameterGroupFamily="postgres15", Description="tuned"
    )

    def tune(**values):
        rds.modify_db_parameter_group(
            DBParameterGroupName="tuned",
            Parameters=[
                {"ParameterName": name, "ParameterValue": value, "ApplyMethod": "immediate"}
                for name, value in values.items()
            ],
        )

    tune(**{"work_mem": "8192", "shared_buffers": "1000000", "rds.force_ssl": "0"})
    endpoint = create(cloud, "tuned", DBParameterGroupName="tuned")["Endpoint"]
    plain = postgres(cloud, endpoint, sslmode="disable")
    assert plain.execute("SHOW work_mem").fetchone() == ("8MB",)
    assert plain.execute("SHOW shared_buffers").fetchone() == ("4MB",)
    tune(work_mem="4096")
    assert postgres(cloud, endpoint).execute("SHOW work_mem").fetchone() == ("4MB",)


def test_mysql_can_be_made_to_refuse_plain_connections(cloud):
    rds = cloud.client("rds")
    rds.create_db_parameter_group(
        DBParameterGroupName="secure", DBParameterGroupFamily="mysql8.0", Description="secure"
    )
    rds.modify_db_parameter_group(
        DBParameterGroupName="secure",
        Parameters=[
            {
                "ParameterName": "require_secure_transport",
                "ParameterValue": "1",
                "ApplyMethod": "immediate",
            }
        ],
    )
    endpoint = create(cloud, "secure", DBParameterGroupName="secure", **MYSQL)["Endpoint"]
    assert query(mysql(cloud, endpoint), "SELECT 1") == ((1,),)
    with pytest.raises(pymysql.err.OperationalError):
        pymysql.connect(
            host=endpoint["Address"],
            port=endpoint["Port"],
            user=MASTER,
            password=PASSWORD,
            ssl_disabled=True,
        )


@pytest.mark.parametrize("engine", ["postgres", "mysql"])
def test_a_snapshot_holds_the_data_of_its_moment(cloud, engine):
    name = f"snapped-{engine}"
    endpoint = create(cloud, name, **(MYSQL if engine == "mysql" else {}))["Endpoint"]
    source = mysql(cloud, endpoint) if engine == "mysql" else postgres(cloud, endpoint).cursor()
    source.execute("CREATE TABLE orders (id int)")
    source.execute("INSERT INTO orders VALUES (1), (2)")
    snapshot(cloud, name, f"{name}-s")
    source.execute("INSERT INTO orders VALUES (3)")

    cloud.client("rds").restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier=f"{name}-r",
        DBSnapshotIdentifier=f"{name}-s",
        Tags=[{"Key": "Purpose", "Value": "verification"}],
    )
    restored = available(cloud, f"{name}-r")
    assert restored["TagList"] == [{"Key": "Purpose", "Value": "verification"}]
    assert restored["Endpoint"]["Address"] != endpoint["Address"]
    connect = mysql if engine == "mysql" else postgres
    cursor = connect(cloud, restored["Endpoint"])
    cursor = cursor if engine == "mysql" else cursor.cursor()
    assert query(cursor, "SELECT count(*) FROM orders")[0] == (2,)


def test_the_latest_point_in_time_is_now(cloud):
    rds = cloud.client("rds")
    source = postgres(cloud, create(cloud, "pitr")["Endpoint"])
    source.execute("CREATE TABLE orders AS SELECT 7 AS id")
    rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier="pitr",
        TargetDBInstanceIdentifier="pitr-r",
        UseLatestRestorableTime=True,
    )
    restored = postgres(cloud, available(cloud, "pitr-r")["Endpoint"])
    assert restored.execute("SELECT id FROM orders").fetchone() == (7,)


def test_a_new_database_with_a_retention_gets_an_automated_snapshot_when_asked(cloud):
    with cloud.settings(rds_automated_snapshots=True):
        create(cloud, "backed-up", BackupRetentionPeriod=7)

    def automated():
        found = cloud.client("rds").describe_db_snapshots(
            DBInstanceIdentifier="backed-up", SnapshotType="automated"
        )["DBSnapshots"]
        return found and found[0]["Status"] == "available" and found[0]

    snapshot_id = wait_for("the snapshot", automated)["DBSnapshotIdentifier"]
    assert snapshot_id.startswith("rds:backed-up-")


def test_a_new_master_password_replaces_the_old_one(cloud):
    endpoint = create(cloud, "rotated")["Endpoint"]
    cloud.client("rds").modify_db_instance(
        DBInstanceIdentifier="rotated", MasterUserPassword="another-password"
    )
    available(cloud, "rotated")
    postgres(cloud, endpoint, password="another-password")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        postgres(cloud, endpoint)


def test_a_reboot_keeps_the_data_and_a_stopped_database_is_gone_until_it_is_started(cloud):
    rds = cloud.client("rds")
    endpoint = create(cloud, "cycled")["Endpoint"]
    postgres(cloud, endpoint).execute("CREATE TABLE kept AS SELECT 1 AS id")
    rds.reboot_db_instance(DBInstanceIdentifier="cycled")
    available(cloud, "cycled")
    rds.stop_db_instance(DBInstanceIdentifier="cycled")
    wait_for("the stop", lambda: instance(cloud, "cycled")["DBInstanceStatus"] == "stopped")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        postgres(cloud, endpoint)
    rds.start_db_instance(DBInstanceIdentifier="cycled")
    available(cloud, "cycled")
    assert postgres(cloud, endpoint).execute("SELECT id FROM kept").fetchone() == (1,)


def test_a_deleted_database_is_gone_and_its_final_snapshot_holds_the_data(cloud):
    rds = cloud.client("rds")
    endpoint = create(cloud, "deleted")["Endpoint"]
    postgres(cloud, endpoint).execute("CREATE TABLE kept AS SELECT 5 AS id")
    rds.delete_db_instance(DBInstanceIdentifier="deleted", FinalDBSnapshotIdentifier="last")

    def refuses():
        try:
            postgres(cloud, endpoint).close()
        except psycopg.OperationalError:
            return True
        return False

    wait_for("the server to end", refuses)
    rds.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier="back", DBSnapshotIdentifier="last"
    )
    back = postgres(cloud, available(cloud, "back")["Endpoint"])
    assert back.execute("SELECT id FROM kept").fetchone() == (5,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"MasterUserPassword": "short"}, "shorter than 8"),
        ({"MasterUserPassword": "with/slash-and@sign"}, "Only printable ASCII"),
        ({"MasterUsername": "admin"}, "reserved word"),
        ({"DBName": "1st"}, "must begin with a letter"),
        ({"Engine": "oracle-ee"}, "not served"),
    ],
)
def test_what_rds_refuses_is_refused(cloud, change, message):
    with pytest.raises(ClientError, match=message):
        cloud.client("rds").create_db_instance(DBInstanceIdentifier="refused", **POSTGRES | change)


def test_a_database_must_not_vanish_without_a_word_about_its_data(cloud):
    create(cloud, "wordless")
    with pytest.raises(ClientError, match="FinalDBSnapshotIdentifier is required"):
        cloud.client("rds").delete_db_instance(DBInstanceIdentifier="wordless")


def database_resource(**more):
    return {
        "Type": "AWS::RDS::DBInstance",
        "DeletionPolicy": "Snapshot",
        "Properties": {**POSTGRES, "AllocatedStorage": "20", **more},
    }


def test_a_stack_s_database_is_real_and_its_final_snapshot_holds_the_data(cloud):
    stack = cloud.stack(
        "with-database",
        {"Database": database_resource(DBInstanceIdentifier="of-stack")},
        template={
            "Outputs": {
                "Address": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Address"]}},
                "Port": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Port"]}},
            }
        },
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    connection = postgres(cloud, outputs)
    connection.execute("CREATE TABLE kept AS SELECT 3 AS id")

    assert cloud.delete_stack("with-database")["StackStatus"] == "DELETE_COMPLETE"
    rds = cloud.client("rds")
    last = rds.describe_db_snapshots(DBInstanceIdentifier="of-stack")["DBSnapshots"][0]
    assert last["Status"] == "available"
    stack = cloud.stack(
        "restored",
        {
            "Database": database_resource(
                DBInstanceIdentifier="of-stack-r",
                DBSnapshotIdentifier=last["DBSnapshotIdentifier"],
            )
        },
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    restored = postgres(cloud, instance(cloud, "of-stack-r")["Endpoint"])
    assert restored.execute("SELECT id FROM kept").fetchone() == (3,)


def test_a_stack_that_changes_its_parameter_group_changes_the_server(cloud):
    def resources(work_mem):
        group = {
            "Family": "postgres15",
            "Description": "of a stack",
            "Parameters": {"work_mem": work_mem},
        }
        return {
            "Group": {"Type": "AWS::RDS::DBParameterGroup", "Properties": group},
            "Database": database_resource(
                DBInstanceIdentifier="grouped", DBParameterGroupName={"Ref": "Group"}
            ),
        }

    cloud.stack("grouped", resources("2048"))
    endpoint = instance(cloud, "grouped")["Endpoint"]
    assert postgres(cloud, endpoint).execute("SHOW work_mem").fetchone() == ("2MB",)
    cloud.client("cloudformation").update_stack(
        StackName="grouped", TemplateBody=json.dumps({"Resources": resources("3072")})
    )
    assert cloud.settled("grouped")["StackStatus"] == "UPDATE_COMPLETE"
    assert instance(cloud, "grouped")["Endpoint"] == endpoint
    assert postgres(cloud, endpoint).execute("SHOW work_mem").fetchone() == ("3MB",)


def test_a_stack_whose_database_is_refused_rolls_back_with_the_reason(cloud):
    stack = cloud.stack("refused", {"Database": database_resource(MasterUserPassword="short")})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [why for name, status, why in cloud.stack_events("refused") if "FAILED" in status]
    assert "shorter than 8" in reasons[0]


def test_a_protected_database_is_not_deleted_with_its_stack(cloud):
    resources = {
        "Database": database_resource(DBInstanceIdentifier="guarded", DeletionProtection=True)
    }
    cloud.stack("guarded", resources)
    assert cloud.delete_stack("guarded")["StackStatus"] == "DELETE_FAILED"
    assert available(cloud, "guarded")


def test_an_aurora_cluster_of_a_stack_serves_all_its_members(cloud):
    cluster = {
        "Engine": "aurora-mysql",
        "EngineVersion": "8.0.mysql_aurora.3.04.0",
        "DBClusterIdentifier": "aurora",
        "MasterUsername": MASTER,
        "MasterUserPassword": PASSWORD,
        "DatabaseName": "shop",
    }
    member = {
        "Engine": "aurora-mysql",
        "DBInstanceClass": "db.r6g.large",
        "DBClusterIdentifier": {"Ref": "Cluster"},
    }
    stack = cloud.stack(
        "aurora",
        {
            "Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": cluster},
            "Writer": {"Type": "AWS::RDS::DBInstance", "Properties": member},
            "Reader": {"Type": "AWS::RDS::DBInstance", "Properties": member},
        },
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    rds = cloud.client("rds")
    found = rds.describe_db_clusters(DBClusterIdentifier="aurora")["DBClusters"][0]
    assert found["Status"] == "available" and len(found["DBClusterMembers"]) == 2
    endpoint = {"Address": found["Endpoint"], "Port": found["Port"]}
    query(mysql(cloud, endpoint), "CREATE TABLE kept AS SELECT 4 AS id")
    rds.modify_db_cluster(DBClusterIdentifier="aurora", MasterUserPassword="another-password")
    query(mysql(cloud, endpoint, password="another-password"), "SELECT id FROM kept")

    assert cloud.delete_stack("aurora")["StackStatus"] == "DELETE_COMPLETE"
    last = rds.describe_db_cluster_snapshots(DBClusterIdentifier="aurora")["DBClusterSnapshots"][0]
    rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="aurora-r",
        SnapshotIdentifier=last["DBClusterSnapshotArn"],
        Engine="aurora-mysql",
    )
    rds.create_db_instance(
        DBInstanceIdentifier="aurora-r-1",
        DBClusterIdentifier="aurora-r",
        Engine="aurora-mysql",
        DBInstanceClass="db.r6g.large",
    )
    restored = mysql(cloud, available(cloud, "aurora-r-1")["Endpoint"], password="another-password")
    assert query(restored, "SELECT id FROM kept") == ((4,),)

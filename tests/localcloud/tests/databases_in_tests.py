"""Databases as tests use them: created through the API, opened as strictly as on AWS."""

from __future__ import annotations

from typing import Any

import psycopg
import pymysql
from cloud import Cloud, wait_for

MASTER = "caretaker"
PASSWORD = "correct-horse-battery"

POSTGRES = {
    "Engine": "postgres",
    "EngineVersion": "15.7",
    "DBInstanceClass": "db.t4g.micro",
    "MasterUsername": MASTER,
    "MasterUserPassword": PASSWORD,
    "AllocatedStorage": 20,
    "DBName": "shop",
}
MYSQL = POSTGRES | {"Engine": "mysql", "EngineVersion": "8.0.35"}


def instance(cloud: Cloud, name: str) -> dict:
    """The instance as RDS describes it now."""
    return cloud.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


def available(cloud: Cloud, name: str) -> dict:
    """The instance, once it is available."""
    return wait_for(
        f"{name} to be available",
        lambda: (found := instance(cloud, name))["DBInstanceStatus"] == "available" and found,
    )


def create(cloud: Cloud, name: str, **more: Any) -> dict:
    """A new database, once it is available."""
    cloud.client("rds").create_db_instance(DBInstanceIdentifier=name, **POSTGRES | more)
    return available(cloud, name)


def snapshot(cloud: Cloud, database: str, name: str) -> None:
    """A snapshot of the database, once it is complete."""
    rds = cloud.client("rds")
    rds.create_db_snapshot(DBInstanceIdentifier=database, DBSnapshotIdentifier=name)
    wait_for(
        f"the snapshot {name}",
        lambda: (
            rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0]["Status"]
            == "available"
        ),
    )


def postgres(cloud: Cloud, endpoint: dict, **more: Any) -> psycopg.Connection:
    """Connect with everything checked: chain and name of the certificate."""
    options = {
        "user": MASTER,
        "password": PASSWORD,
        "dbname": "shop",
        "sslmode": "verify-full",
        "sslrootcert": cloud.ready["ca_bundle"],
        **more,
    }
    return psycopg.connect(
        host=endpoint["Address"], port=endpoint["Port"], autocommit=True, **options
    )


def mysql(cloud: Cloud, endpoint: dict, **more: Any) -> Any:
    """A cursor of a connection with everything checked."""
    options = {"user": MASTER, "password": PASSWORD, "database": "shop", **more}
    return pymysql.connect(
        host=endpoint["Address"],
        port=int(endpoint["Port"]),
        ssl_ca=cloud.ready["ca_bundle"],
        ssl_verify_cert=True,
        ssl_verify_identity=True,
        autocommit=True,
        **options,
    ).cursor()


def query(cursor: Any, statement: str) -> Any:
    """All rows of one statement."""
    cursor.execute(statement)
    return cursor.fetchall()

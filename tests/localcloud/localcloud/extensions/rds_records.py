"""What MiniStack's records of databases say, and what RDS would not have accepted into them."""

from __future__ import annotations

import re
from typing import Any

from localcloud import databases

Record = dict[str, Any]
Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

# RDS: "Can include any printable ASCII character except /, ', ", @, or a space", 8 at the least.
PASSWORD_LENGTH_MIN = 8
_PASSWORD_FORBIDDEN = re.compile(r"[^!-~]|[/'\"@]")
_DATABASE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_RESERVED_MASTERS = {
    "postgres": frozenset({"admin", "rdsadmin", "rds_superuser", "replication", "public"}),
    "mysql": frozenset({"rdsadmin", "root", "mysql"}),
}


def refusal(engine: str, master: str, password: str, database: str) -> str | None:
    """Why RDS would refuse this database; None when it would not."""
    family = "mysql" if databases.is_mysql(engine) else "postgres"
    if not databases.is_supported(engine):
        return f"Engine {engine} is not served by the local cloud: it has PostgreSQL and MariaDB."
    if master.lower() in _RESERVED_MASTERS[family]:
        return f"MasterUsername {master} cannot be used as it is a reserved word used by the engine"
    if len(password) < PASSWORD_LENGTH_MIN:
        return (
            "The parameter MasterUserPassword is not a valid password because it is shorter than "
            f"{PASSWORD_LENGTH_MIN} characters."
        )
    if _PASSWORD_FORBIDDEN.search(password):
        return (
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII "
            "characters besides '/', '@', '\"', ' ' may be used."
        )
    if database and not _DATABASE_NAME.fullmatch(database):
        return (
            "DBName must begin with a letter and contain only alphanumeric characters: " + database
        )
    return None


def endpoint(database: databases.Database) -> Record:
    """The endpoint as RDS reports it: it can be reached from any process on this machine."""
    return {
        "Address": database.address,
        "Port": database.wanted.port,
        "HostedZoneId": "Z2R2ITUGPM61AM",
    }


def instance_parameters(instance: Record) -> dict[str, str]:
    """The values of the instance's parameter group."""
    from ministack.services import rds

    groups = instance.get("DBParameterGroups") or [{}]
    return _values(rds._param_groups.get(groups[0].get("DBParameterGroupName", "")))


def cluster_parameters(cluster: Record) -> dict[str, str]:
    """The values of the cluster's parameter group."""
    from ministack.services import rds

    return _values(rds._db_cluster_param_groups.get(cluster.get("DBClusterParameterGroup") or ""))


def _values(group: Record | None) -> dict[str, str]:
    chosen = (group or {}).get("Parameters") or {}
    return {
        name: str(value.get("ParameterValue") if isinstance(value, dict) else value)
        for name, value in chosen.items()
    }

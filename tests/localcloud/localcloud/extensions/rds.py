"""RDS: the databases behind the records are real.

Closes these gaps of MiniStack: a database created by the API needs a container engine, one created
by CloudFormation has no server at all, snapshots carry no data, restored databases are empty, and
every state change is instant. The records stay MiniStack's; the servers are ours
(``localcloud.databases``), whichever way the record came about.

With ``--engine docker`` none of this is installed: MiniStack then drives its own containers.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import re
from collections.abc import Callable
from typing import Any

from localcloud import authority, databases
from localcloud.databases import Wanted
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.rds")

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


@dataclasses.dataclass(frozen=True)
class RdsEvent:
    """Something that RDS tells the event bus (and DescribeEvents) about."""

    source_type: str
    source_id: str
    source_arn: str
    event_id: str
    category: str
    message: str


# Called with every event, in the account and region that it belongs to.
listeners: list[Callable[[RdsEvent], None]] = []


def install(settings: Settings) -> None:
    """Put real servers behind RDS's records."""
    authority.ensure(settings.state_dir)
    if settings.engine == "docker":
        return
    from ministack.services import rds

    from localcloud.extensions import rds_snapshots, rds_stacks

    # Without an engine MiniStack keeps records only; that is the half we want.
    rds._get_docker = lambda: None
    rds._rotate_instance_password = lambda *_arguments: None
    rds._finish_instance_reboot = _finish_reboot
    rds._refresh_cluster_status = _refresh_cluster_status
    rds._apply_cluster_master_password_change = _change_cluster_password
    rds._instance_xml = _without_what_is_not_there_yet(rds._instance_xml)
    _wrap(rds, "CreateDBInstance", _create_instance)
    _wrap(rds, "DeleteDBInstance", _delete_instance)
    _wrap(rds, "ModifyDBInstance", _modify_instance)
    _wrap(rds, "StartDBInstance", _start_instance)
    _wrap(rds, "StopDBInstance", _stop_instance)
    _wrap(rds, "CreateDBCluster", _create_cluster)
    _wrap(rds, "DeleteDBCluster", _delete_cluster)
    _wrap(rds, "ModifyDBParameterGroup", _modify_parameter_group)
    rds_snapshots.install()
    rds_stacks.install()


def _wrap(rds: Any, action: str, wrapper: Callable[..., Response]) -> None:
    original = rds._ACTION_MAP[action]
    rds._ACTION_MAP[action] = functools.partial(wrapper, original)


def _create_instance(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import rds

    member_of = rds._p(p, "DBClusterIdentifier")
    engine = rds._p(p, "Engine") or "postgres"
    if not member_of and (
        mistake := refusal(
            engine,
            rds._p(p, "MasterUsername") or "admin",
            rds._p(p, "MasterUserPassword") or "",
            rds._p(p, "DBName"),
        )
    ):
        return rds._error("InvalidParameterValue", mistake, 400)
    response = original(p)
    if response[0] >= 400:
        return response
    instance = rds._instances[rds._p(p, "DBInstanceIdentifier")]
    if not member_of:
        instance["DBName"] = rds._p(p, "DBName")
        instance["Endpoint"]["Port"] = int(rds._p(p, "Port") or rds._default_port(engine))
    launch_instance(instance)
    return rds._single_instance_response(
        "CreateDBInstanceResponse", "CreateDBInstanceResult", instance
    )


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


def launch_instance(
    instance: Record, snapshot: Any = None, password: str | None = None
) -> databases.Database | None:
    """Bring up the server of an instance record, or join that of its cluster."""
    instance["DBInstanceStatus"] = "creating"
    cluster = _cluster_of(instance)
    if cluster is not None:
        return _join_cluster(instance, cluster)
    wanted = Wanted(
        name=instance["DBInstanceIdentifier"],
        engine=instance["Engine"],
        major=databases.major_version(instance["EngineVersion"]),
        port=int(instance["Endpoint"]["Port"]),
        master=instance["MasterUsername"],
        password=password or (None if snapshot else instance["_MasterUserPassword"]),
        database=instance.get("DBName") or None,
        parameters=instance_parameters(instance),
        snapshot=snapshot,
    )

    def settled(failure: str | None) -> None:
        if failure is None:
            _instance_event(instance, "RDS-EVENT-0005", "creation", "DB instance created")
        _settle(instance, "DBInstanceStatus", failure)

    database = databases.launch(instance["DbiResourceId"], wanted, settled)
    instance["Endpoint"] = endpoint(database)
    return database


def launch_cluster(
    cluster: Record, snapshot: Any = None, password: str | None = None
) -> databases.Database:
    """Bring up the one server that a cluster's members share."""
    cluster["Status"] = "creating"
    wanted = Wanted(
        name=cluster["DBClusterIdentifier"],
        engine=cluster["Engine"],
        major=databases.major_version(cluster["EngineVersion"]),
        port=int(cluster["Port"]),
        master=cluster["MasterUsername"],
        password=password or (None if snapshot else cluster["_MasterUserPassword"]),
        database=cluster.get("DatabaseName") or None,
        parameters=cluster_parameters(cluster),
        snapshot=snapshot,
    )

    def settled(failure: str | None) -> None:
        _settle(cluster, "Status", failure)
        if failure is None:
            _cluster_event(cluster, "RDS-EVENT-0170", "creation", "DB cluster created")

    database = databases.launch(cluster["DbClusterResourceId"], wanted, settled)
    cluster["Endpoint"] = cluster["ReaderEndpoint"] = database.address
    # What MiniStack hands to members that join.
    cluster["_shared_endpoint"] = endpoint(database)
    return database


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


def _cluster_of(instance: Record) -> Record | None:
    from ministack.services import rds

    identifier = instance.get("DBClusterIdentifier")
    return rds._clusters.get(identifier) if identifier else None


def _join_cluster(instance: Record, cluster: Record) -> databases.Database | None:
    """A member's compute is the cluster's server: it is there as soon as that is."""
    from ministack.core.concurrency import spawn_background

    database = databases.find(cluster["DbClusterResourceId"])
    if database is None:
        instance["DBInstanceStatus"] = "failed"
        return None
    instance["Endpoint"] = endpoint(database)

    def follow() -> None:
        failure = None
        try:
            database.wait()
        except databases.DatabaseError as error:
            failure = str(error)
        _settle(instance, "DBInstanceStatus", failure)
        if failure is None:
            _instance_event(instance, "RDS-EVENT-0005", "creation", "DB instance created")

    spawn_background(follow, thread_name=f"join-{instance['DBInstanceIdentifier']}")
    return database


def _settle(record: Record, field: str, failure: str | None) -> None:
    if record[field] == "creating":
        record["_failure"] = failure
        record[field] = "available" if failure is None else "failed"


def _refresh_cluster_status(_cluster_id: str) -> None:
    """A cluster is what its server is; MiniStack would derive it from the members."""


def _delete_instance(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import rds

    instance = rds._resolve_instance(rds._p(p, "DBInstanceIdentifier"))
    skip = rds._p(p, "SkipFinalSnapshot") == "true"
    final = rds._p(p, "FinalDBSnapshotIdentifier")
    if instance and not instance.get("DBClusterIdentifier") and not skip and not final:
        return rds._error(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
            400,
        )
    response = original(p)
    if response[0] < 400 and instance:
        forget_instance(instance)
    return response


def forget_instance(instance: Record) -> None:
    """End the server of a record that is gone, and its data."""
    databases.remove(instance["DbiResourceId"])
    _instance_event(instance, "RDS-EVENT-0003", "deletion", "DB instance deleted")


def forget_cluster(cluster: Record) -> None:
    """End the server of a cluster that is gone, and its data."""
    databases.remove(cluster["DbClusterResourceId"])
    _cluster_event(cluster, "RDS-EVENT-0171", "deletion", "DB cluster deleted")


def _modify_instance(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import rds

    instance = rds._resolve_instance(rds._p(p, "DBInstanceIdentifier"))
    password = rds._p(p, "MasterUserPassword")
    if (
        instance
        and password
        and (mistake := refusal(instance["Engine"], "m", password, instance.get("DBName", "")))
    ):
        return rds._error("InvalidParameterValue", mistake, 400)
    response = original(p)
    if response[0] < 400 and instance and password:
        change_master_password(instance, password)
        response = rds._single_instance_response(
            "ModifyDBInstanceResponse", "ModifyDBInstanceResult", instance
        )
    return response


def change_master_password(instance: Record, password: str) -> None:
    """Carry a new master password to the server, as RDS does: a moment after the call."""
    database = databases.find(instance["DbiResourceId"])
    if database is None:
        return
    _change(
        instance,
        "resetting-master-credentials",
        lambda: database.set_master_password(password),
        ("RDS-EVENT-0016", "configuration change", "Reset master credentials"),
    )


def _change_cluster_password(cluster: Record, password: str) -> None:
    cluster["_MasterUserPassword"] = password
    database = databases.find(cluster["DbClusterResourceId"])
    if database is not None:
        database.wait()
        database.set_master_password(password)


def _change(
    instance: Record,
    meanwhile: str,
    work: Callable[[], None],
    event: tuple[str, str, str],
    then: str = "available",
) -> None:
    """Do something to an instance's server in the background, under the status RDS would show."""
    from ministack.core.concurrency import spawn_background

    instance["DBInstanceStatus"] = meanwhile

    def run() -> None:
        status = then
        try:
            work()
            _instance_event(instance, *event)
        except Exception as error:
            logger.exception("%s: %s", instance["DBInstanceIdentifier"], meanwhile)
            instance["_failure"] = str(error)
            status = "failed"
        if instance["DBInstanceStatus"] == meanwhile:
            instance["DBInstanceStatus"] = status

    spawn_background(run, thread_name=f"{meanwhile}-{instance['DBInstanceIdentifier']}")


def _start_instance(original: Callable[..., Response], p: Parameters) -> Response:
    return _power(original, p, "stopped", "starting", "available")


def _stop_instance(original: Callable[..., Response], p: Parameters) -> Response:
    return _power(original, p, "available", "stopping", "stopped")


def _power(
    original: Callable[..., Response], p: Parameters, expected: str, meanwhile: str, then: str
) -> Response:
    from ministack.services import rds

    identifier = rds._p(p, "DBInstanceIdentifier")
    instance = rds._resolve_instance(identifier)
    database = databases.find(instance["DbiResourceId"]) if instance else None
    if instance is None or database is None:
        return original(p)
    if instance["DBInstanceStatus"] != expected:
        return rds._error(
            "InvalidDBInstanceState",
            f"Instance {identifier} is not in {expected} state.",
            400,
        )
    work, event = (
        (database.start, ("RDS-EVENT-0088", "notification", "DB instance started"))
        if then == "available"
        else (database.stop, ("RDS-EVENT-0087", "notification", "DB instance stopped"))
    )
    _change(instance, meanwhile, work, event, then)
    action = "Start" if then == "available" else "Stop"
    return rds._single_instance_response(
        f"{action}DBInstanceResponse", f"{action}DBInstanceResult", instance
    )


def _finish_reboot(instance: Record, cluster: Record | None) -> None:
    """The second half of RebootDBInstance; MiniStack calls it on a thread of its own."""
    from ministack.services import rds

    database = databases.find(
        cluster["DbClusterResourceId"] if cluster else instance["DbiResourceId"]
    )
    try:
        if database is not None:
            database.restart(
                cluster_parameters(cluster) if cluster else instance_parameters(instance)
            )
        rds._record_reboot_event(instance)
        for group in instance.get("DBParameterGroups") or []:
            group["ParameterApplyStatus"] = "in-sync"
        instance["DBInstanceStatus"] = "available"
        _instance_event(instance, "RDS-EVENT-0006", "availability", "DB instance restarted")
    except Exception:
        logger.exception("reboot of %s failed", instance["DBInstanceIdentifier"])
        instance["DBInstanceStatus"] = "failed"
    finally:
        if cluster:
            rds._end_mysql_global_instance_mutation(cluster)


def _modify_parameter_group(original: Callable[..., Response], p: Parameters) -> Response:
    """Dynamic parameters reach the running servers of the group; others wait for a reboot."""
    from ministack.services import rds

    response = original(p)
    if response[0] < 400:
        group = rds._p(p, "DBParameterGroupName")
        for instance in list(rds._instances.values()):
            names = [g.get("DBParameterGroupName") for g in instance.get("DBParameterGroups") or []]
            database = databases.find(instance["DbiResourceId"])
            if group in names and database and instance["DBInstanceStatus"] == "available":
                database.apply(instance_parameters(instance))
    return response


def _create_cluster(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import rds

    managed = rds._p(p, "ManageMasterUserPassword") == "true"
    engine = rds._p(p, "Engine") or "aurora-postgresql"
    password = "managed-by-rds" if managed else rds._p(p, "MasterUserPassword")
    master = rds._p(p, "MasterUsername")
    if mistake := refusal(engine, master, password, rds._p(p, "DatabaseName")):
        return rds._error("InvalidParameterValue", mistake, 400)
    response = original(p)
    if response[0] >= 400:
        return response
    cluster = rds._clusters[rds._p(p, "DBClusterIdentifier")]
    launch_cluster(cluster)
    return cluster_response("CreateDBCluster", cluster)


def cluster_response(action: str, cluster: Record) -> Response:
    """The answer of an action that returns one cluster."""
    from ministack.services import rds

    return rds._xml(
        200,
        f"{action}Response",
        f"<{action}Result><DBCluster>{rds._cluster_xml(cluster)}</DBCluster></{action}Result>",
    )


def _delete_cluster(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import rds

    from localcloud.extensions import rds_snapshots

    cluster = rds._clusters.get(rds._p(p, "DBClusterIdentifier"))
    skip = rds._p(p, "SkipFinalSnapshot") == "true"
    final = rds._p(p, "FinalDBSnapshotIdentifier")
    if cluster and not skip and not final:
        return rds._error(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
            400,
        )
    deletable = cluster and not (cluster.get("DeletionProtection") or cluster["DBClusterMembers"])
    if deletable and not skip:
        rds_snapshots.snapshot_cluster(final, cluster)
    # MiniStack would look for a container of its own behind the shared endpoint.
    if deletable:
        cluster["_shared_endpoint"] = None
    response = original(p)
    if response[0] < 400 and cluster:
        forget_cluster(cluster)
    return response


def _without_what_is_not_there_yet(original: Callable[[Record], str]) -> Callable[[Record], str]:
    """An instance has no endpoint while it is being created, and no DBName when none was asked."""
    absent = re.compile(r"<DBName></DBName>|<Endpoint>.*?</Endpoint>", re.DOTALL)
    unnamed = re.compile(r"<DBName></DBName>")

    def instance_xml(instance: Record) -> str:
        hidden = absent if instance["DBInstanceStatus"] == "creating" else unnamed
        return hidden.sub("", original(instance))

    return instance_xml


def tell(event: RdsEvent) -> None:
    """Pass an event on; a listener that fails hurts nobody else."""
    for listener in listeners:
        try:
            listener(event)
        except Exception:
            logger.exception("a listener failed on %s", event)


def _instance_event(instance: Record, event_id: str, category: str, message: str) -> None:
    tell(
        RdsEvent(
            "DB_INSTANCE",
            instance["DBInstanceIdentifier"],
            instance["DBInstanceArn"],
            event_id,
            category,
            message,
        )
    )


def _cluster_event(cluster: Record, event_id: str, category: str, message: str) -> None:
    tell(
        RdsEvent(
            "CLUSTER",
            cluster["DBClusterIdentifier"],
            cluster["DBClusterArn"],
            event_id,
            category,
            message,
        )
    )

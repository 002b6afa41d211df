"""RDS: the databases behind the records are real.

Closes these gaps of MiniStack: a database created by the API needs a container engine, one created
by CloudFormation has no server at all, snapshots carry no data, restored databases are empty, and
every state change is instant. The records stay MiniStack's; the servers are ours
(``localcloud.databases``), whichever way the record came about.

With ``--engine docker`` none of this is installed: MiniStack then drives its own containers.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from typing import Any

from localcloud import authority, databases
from localcloud.databases import Wanted
from localcloud.extensions import rds_secrets
from localcloud.extensions.rds_events import cluster_event, instance_event, listeners
from localcloud.extensions.rds_records import (
    Parameters,
    Record,
    Response,
    cluster_parameters,
    endpoint,
    instance_parameters,
    refusal,
)
from localcloud.servers import storage
from localcloud.settings import Settings

__all__ = ["install", "launch_cluster", "launch_instance", "listeners"]

logger = logging.getLogger("localcloud.rds")


# How an instance came about: event id, category and message.
CREATED = ("RDS-EVENT-0005", "creation", "DB instance created")
RESTORED = ("RDS-EVENT-0043", "restoration", "Restored from snapshot")
RESTORED_TO_POINT_IN_TIME = ("RDS-EVENT-0019", "restoration", "Restored to a point in time")


def install(settings: Settings) -> None:
    """Put real servers behind RDS's records."""
    authority.ensure(settings.state_dir)
    if settings.engine == "docker":
        return
    # The data folder is this process's, whoever needs it first: it goes when we do.
    storage.root(settings.state_dir)
    from ministack.services import rds

    from localcloud.extensions import rds_changes, rds_snapshots, rds_stacks

    # Without an engine MiniStack keeps records only; that is the half we want.
    rds._get_docker = lambda: None
    rds._refresh_cluster_status = _refresh_cluster_status
    rds._instance_xml = _without_what_is_not_there_yet(rds._instance_xml)
    _wrap(rds, "CreateDBInstance", _create_instance)
    _wrap(rds, "DeleteDBInstance", _delete_instance)
    _wrap(rds, "CreateDBCluster", _create_cluster)
    _wrap(rds, "DeleteDBCluster", _delete_cluster)
    rds_changes.install()
    rds_secrets.install()
    rds_snapshots.install()
    rds_stacks.install()


def _wrap(rds: Any, action: str, wrapper: Callable[..., Response]) -> None:
    original = rds._ACTION_MAP[action]
    rds._ACTION_MAP[action] = functools.partial(wrapper, original)


def _create_instance(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import rds

    member_of = rds._p(p, "DBClusterIdentifier")
    managed = rds._p(p, "ManageMasterUserPassword") == "true"
    if managed and rds._p(p, "MasterUserPassword"):
        return rds._error(
            "InvalidParameterCombination",
            "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.",
            400,
        )
    if managed:
        p = p | {"MasterUserPassword": [rds_secrets.new_password()]}
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
    if managed:
        rds_secrets.attach(instance, rds._p(p, "MasterUserPassword"))
    launch_instance(instance)
    return rds._single_instance_response(
        "CreateDBInstanceResponse", "CreateDBInstanceResult", instance
    )


def launch_instance(
    instance: Record,
    snapshot: Any = None,
    password: str | None = None,
    event: tuple[str, str, str] = CREATED,
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
        from localcloud.extensions import rds_snapshots

        if _settle(instance, "DBInstanceStatus", failure):
            instance_event(instance, *event)
            rds_snapshots.take_automated(instance)

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
        if _settle(cluster, "Status", failure):
            cluster_event(cluster, "RDS-EVENT-0170", "creation", "DB cluster created")

    database = databases.launch(cluster["DbClusterResourceId"], wanted, settled)
    cluster["Endpoint"] = cluster["ReaderEndpoint"] = database.address
    cluster["Port"] = database.wanted.port
    # What MiniStack hands to members that join.
    cluster["_shared_endpoint"] = endpoint(database)
    return database


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
        if _settle(instance, "DBInstanceStatus", failure):
            instance_event(instance, *CREATED)

    spawn_background(follow, thread_name=f"join-{instance['DBInstanceIdentifier']}")
    return database


def _settle(record: Record, field: str, failure: str | None) -> bool:
    """Write down how the creation ended; whether it ended well."""
    if record[field] != "creating":
        return False
    record["_failure"] = failure
    record[field] = "available" if failure is None else "failed"
    return failure is None


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
    rds_secrets.remove(instance)
    databases.remove(instance["DbiResourceId"])
    instance_event(instance, "RDS-EVENT-0003", "deletion", "DB instance deleted")


def forget_cluster(cluster: Record) -> None:
    """End the server of a cluster that is gone, and its data."""
    rds_secrets.remove(cluster)
    databases.remove(cluster["DbClusterResourceId"])
    cluster_event(cluster, "RDS-EVENT-0171", "deletion", "DB cluster deleted")


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
    rds_secrets.complete(cluster)
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

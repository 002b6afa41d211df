"""RDS snapshots: they hold the data, and a restore brings it back.

MiniStack records that a snapshot exists. Here each one is also a folder with a consistent copy of
the server's files, under ``data/snapshots`` in the state folder; a restored database starts on a
copy of that copy. Tests may look into such a folder, or damage it.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from localcloud import databases
from localcloud.extensions import rds as databases_of_rds
from localcloud.extensions.rds_events import RdsEvent, tell
from localcloud.extensions.rds_records import Parameters, Record, Response
from localcloud.servers import storage
from localcloud.settings import current

logger = logging.getLogger("localcloud.rds")

# The threads that copy, or have copied, each snapshot's data.
_copies: dict[Path, threading.Thread] = {}


def install() -> None:
    """Give snapshots their data."""
    from ministack.services import rds

    actions = rds._ACTION_MAP
    # The final snapshot of DeleteDBInstance goes through this function, too.
    rds._create_snapshot_internal = functools.partial(
        _snapshot_instance, rds._create_snapshot_internal
    )
    rds._create_cluster_snapshot_internal = functools.partial(
        _snapshot_cluster, rds._create_cluster_snapshot_internal
    )
    for action, wrapper in {
        "DeleteDBSnapshot": _delete_snapshot,
        "DeleteDBClusterSnapshot": _delete_cluster_snapshot,
        "CreateDBSnapshot": _create_snapshot,
        "CreateDBClusterSnapshot": _create_cluster_snapshot,
        "RestoreDBInstanceFromDBSnapshot": _restore_instance,
    }.items():
        actions[action] = functools.partial(wrapper, actions[action])
    actions["RestoreDBClusterFromSnapshot"] = _restore_cluster
    actions["RestoreDBInstanceToPointInTime"] = _restore_instance_to_point_in_time


def _create_snapshot(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import rds

    instance = rds._resolve_instance(rds._p(p, "DBInstanceIdentifier"))
    if instance and instance["DBInstanceStatus"] not in ("available", "stopped"):
        return rds._error(
            "InvalidDBInstanceState",
            f"Cannot create a snapshot because the database instance "
            f"{instance['DBInstanceIdentifier']} is not currently in the available state.",
            400,
        )
    return original(p)


def _create_cluster_snapshot(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import rds

    cluster = rds._clusters.get(rds._p(p, "DBClusterIdentifier"))
    if cluster and cluster["Status"] not in ("available", "stopped"):
        return rds._error(
            "InvalidDBClusterStateFault",
            f"DbCluster {cluster['DBClusterIdentifier']} is in {cluster['Status']} state but "
            "expected it to be one of available.",
            400,
        )
    return original(p)


def _snapshot_instance(
    original: Callable[..., Record], snapshot_id: str, instance: Record
) -> Record:
    snapshot = original(snapshot_id, instance)
    _keep(snapshot, instance, instance["DbiResourceId"], "DBSnapshot")
    return snapshot


def _snapshot_cluster(original: Callable[..., Record], snapshot_id: str, cluster: Record) -> Record:
    snapshot = original(snapshot_id, cluster)
    snapshot["DatabaseName"] = cluster.get("DatabaseName")
    _keep(snapshot, cluster, cluster["DbClusterResourceId"], "DBClusterSnapshot")
    return snapshot


def snapshot_instance(snapshot_id: str, instance: Record) -> None:
    """Take a snapshot and return when it is complete, as a final snapshot must be."""
    from ministack.services import rds

    _complete(rds._create_snapshot_internal(snapshot_id, instance))


def snapshot_cluster(snapshot_id: str, cluster: Record) -> None:
    """Take a cluster snapshot and return when it is complete."""
    from ministack.services import rds

    _complete(rds._create_cluster_snapshot_internal(snapshot_id, cluster))


def _complete(snapshot: Record) -> None:
    _copies[snapshot["_folder"]].join()
    if snapshot["Status"] != "available":
        raise databases.DatabaseError(
            f"the final snapshot failed, so nothing was deleted: {snapshot['_failure']}"
        )


def _keep(snapshot: Record, source: Record, resource_id: str, kind: str) -> None:
    """Copy the data in the background; the snapshot says ``creating`` until it is there."""
    from ministack.core.concurrency import spawn_background

    folder = databases.snapshot_folder(f"{kind}-{secrets.token_hex(8)}")
    snapshot["_folder"] = folder
    snapshot["_MasterUserPassword"] = source["_MasterUserPassword"]
    snapshot["_BackupRetentionPeriod"] = source.get("BackupRetentionPeriod")
    snapshot["_source_tags"] = list(source.get("TagList") or [])
    snapshot["Status"], snapshot["PercentProgress"] = "creating", 0
    database = databases.find(resource_id)

    def copy() -> None:
        try:
            if database is None:
                raise databases.DatabaseError("there is no server behind this database")
            database.wait()
            database.copy_to(folder)
        except Exception as error:
            logger.exception("snapshot %s failed", snapshot[f"{kind}Identifier"])
            snapshot["_failure"] = str(error)
            snapshot["Status"] = "failed"
            return
        snapshot["Status"], snapshot["PercentProgress"] = "available", 100
        _tell(snapshot, kind)

    _copies[folder] = spawn_background(copy, thread_name=f"{kind}-copy")


def _tell(snapshot: Record, kind: str) -> None:
    what = {
        ("DBSnapshot", "manual"): ("RDS-EVENT-0042", "creation", "Manual snapshot created"),
        ("DBSnapshot", "automated"): ("RDS-EVENT-0091", "creation", "Automated snapshot created"),
        ("DBClusterSnapshot", "manual"): (
            "RDS-EVENT-0075",
            "backup",
            "Manual cluster snapshot created",
        ),
    }[kind, snapshot["SnapshotType"]]
    source = "SNAPSHOT" if kind == "DBSnapshot" else "CLUSTER_SNAPSHOT"
    tell(RdsEvent(source, snapshot[f"{kind}Identifier"], snapshot[f"{kind}Arn"], *what))


def take_automated(instance: Record) -> None:
    """The automated snapshot that RDS takes of a new database, and daily from then on.

    Only the first one is taken here, and only where the settings ask for it: a day is long.
    """
    from ministack.services import rds

    if current().rds_automated_snapshots and int(instance.get("BackupRetentionPeriod") or 0) > 0:
        moment = time.strftime("%Y-%m-%d-%H-%M", time.gmtime())
        snapshot_id = f"rds:{instance['DBInstanceIdentifier']}-{moment}"
        rds._create_snapshot_internal(snapshot_id, instance)["SnapshotType"] = "automated"


def _delete_snapshot(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import rds

    snapshot = rds._snapshots.get(rds._p(p, "DBSnapshotIdentifier"))
    return _forget(original, p, snapshot)


def _delete_cluster_snapshot(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import rds

    snapshot = rds._db_cluster_snapshots.get(rds._p(p, "DBClusterSnapshotIdentifier"))
    return _forget(original, p, snapshot)


def _forget(original: Callable[..., Response], p: Parameters, snapshot: Record | None) -> Response:
    response = original(p)
    if response[0] < 400 and snapshot:
        _copies.pop(snapshot["_folder"]).join()
        storage.remove(snapshot["_folder"])
    return response


def _restore_instance(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import rds

    identifier = rds._p(p, "DBSnapshotIdentifier")
    # An ARN is as good as a name.
    snapshot_id = identifier.rsplit(":", 1)[-1] if identifier.startswith("arn:") else identifier
    snapshot = rds._snapshots.get(snapshot_id)
    if snapshot and snapshot["Status"] != "available":
        return rds._error(
            "InvalidDBSnapshotState",
            f"DBSnapshot {snapshot_id} is in {snapshot['Status']} state but expected available.",
            400,
        )
    response = original(p | {"DBSnapshotIdentifier": [snapshot_id]})
    if response[0] >= 400 or not snapshot:
        return response
    instance = rds._instances[rds._p(p, "DBInstanceIdentifier")]
    _complete_restored(instance, snapshot, p)
    event = p.get("_event", databases_of_rds.RESTORED)
    databases_of_rds.launch_instance(instance, snapshot["_folder"], event=event)
    return rds._single_instance_response(
        "RestoreDBInstanceFromDBSnapshotResponse",
        "RestoreDBInstanceFromDBSnapshotResult",
        instance,
    )


def _complete_restored(instance: Record, source: Record, p: Parameters) -> None:
    """What MiniStack's restore leaves out: groups, tags, port, protection, the password."""
    from ministack.services import rds

    instance["_MasterUserPassword"] = source["_MasterUserPassword"]
    default = source.get("Port") or rds._default_port(instance["Engine"])
    instance["Endpoint"] = {"Port": int(rds._p(p, "Port") or default)}
    instance["DeletionProtection"] = rds._p(p, "DeletionProtection") == "true"
    instance["CopyTagsToSnapshot"] = rds._p(p, "CopyTagsToSnapshot") == "true"
    instance["KmsKeyId"] = source.get("KmsKeyId", "")
    instance["BackupRetentionPeriod"] = int(
        rds._p(p, "BackupRetentionPeriod") or source.get("_BackupRetentionPeriod") or 1
    )
    if group := rds._p(p, "DBParameterGroupName"):
        instance["DBParameterGroups"] = [
            {"DBParameterGroupName": group, "ParameterApplyStatus": "in-sync"}
        ]
    if groups := rds._parse_member_list(p, "VpcSecurityGroupIds"):
        instance["VpcSecurityGroups"] = [
            {"VpcSecurityGroupId": group, "Status": "active"} for group in groups
        ]
    subnets = rds._subnet_groups.get(rds._p(p, "DBSubnetGroupName"))
    if subnets:
        instance["DBSubnetGroup"] = subnets
    # Without tags of its own, a restored database carries those of its source.
    tags = rds._parse_tags(p) or source["_source_tags"]
    instance["TagList"] = tags
    rds._tags[instance["DBInstanceArn"]] = tags


def _restore_instance_to_point_in_time(p: Parameters) -> Response:
    """The latest restorable time is now; an earlier one would need an archive of the log."""
    from ministack.core.concurrency import spawn_background
    from ministack.services import rds

    source_id = rds._p(p, "SourceDBInstanceIdentifier")
    source = rds._resolve_instance(source_id)
    if source is None:
        return rds._error("DBInstanceNotFound", f"DBInstance {source_id} not found.", 404)
    if rds._p(p, "UseLatestRestorableTime") != "true":
        return rds._error(
            "InvalidParameterCombination",
            "The local cloud restores to the latest restorable time only: "
            "ask for UseLatestRestorableTime.",
            400,
        )
    target_id = rds._p(p, "TargetDBInstanceIdentifier")
    if target_id in rds._instances:
        return rds._error(
            "DBInstanceAlreadyExists", f"DB instance {target_id} already exists.", 400
        )
    if source["DBInstanceStatus"] != "available":
        return rds._error(
            "InvalidDBInstanceState",
            f"Instance {source_id} is in {source['DBInstanceStatus']} state but expected available",
            400,
        )
    passing = f"pitr-{secrets.token_hex(6)}"
    try:
        snapshot_instance(passing, source)
        response = rds._ACTION_MAP["RestoreDBInstanceFromDBSnapshot"](
            p
            | {
                "DBSnapshotIdentifier": [passing],
                "DBInstanceIdentifier": [target_id],
                "_event": databases_of_rds.RESTORED_TO_POINT_IN_TIME,
            }
        )
    finally:
        spawn_background(_drop, passing, target_id, thread_name=f"drop-{passing}")
    if response[0] >= 400:
        return response
    return rds._single_instance_response(
        "RestoreDBInstanceToPointInTimeResponse",
        "RestoreDBInstanceToPointInTimeResult",
        rds._instances[target_id],
    )


def _drop(snapshot_id: str, target_id: str) -> None:
    """Remove a snapshot that was only for passing on, once the target has its own copy."""
    from ministack.services import rds

    target = rds._instances.get(target_id)
    database = databases.find(target["DbiResourceId"]) if target else None
    if database is not None:
        with contextlib.suppress(databases.DatabaseError):
            database.wait()
    rds._ACTION_MAP["DeleteDBSnapshot"]({"DBSnapshotIdentifier": [snapshot_id]})


def _restore_cluster(p: Parameters) -> Response:
    """RestoreDBClusterFromSnapshot: a cluster on a cluster snapshot's data, without members."""
    from ministack.services import rds

    identifier = rds._p(p, "SnapshotIdentifier")
    snapshot_id = identifier.rsplit(":", 1)[-1] if identifier.startswith("arn:") else identifier
    snapshot = rds._db_cluster_snapshots.get(snapshot_id)
    if snapshot is None:
        return rds._error(
            "DBClusterSnapshotNotFoundFault", f"DB cluster snapshot {identifier} not found.", 404
        )
    if snapshot["Status"] != "available":
        return rds._error(
            "InvalidDBClusterSnapshotStateFault",
            f"DB cluster snapshot {snapshot_id} is in {snapshot['Status']} state.",
            400,
        )
    kept = {
        "MasterUsername": snapshot["MasterUsername"],
        "MasterUserPassword": snapshot["_MasterUserPassword"],
        "DatabaseName": snapshot.get("DatabaseName") or "",
        "Engine": rds._p(p, "Engine") or snapshot["Engine"],
        "EngineVersion": rds._p(p, "EngineVersion") or snapshot["EngineVersion"],
        "StorageEncrypted": str(snapshot.get("StorageEncrypted", False)).lower(),
    }
    response = rds._create_db_cluster(p | {name: [value] for name, value in kept.items() if value})
    if response[0] >= 400:
        return response
    cluster = rds._clusters[rds._p(p, "DBClusterIdentifier")]
    databases_of_rds.launch_cluster(cluster, snapshot["_folder"])
    return databases_of_rds.cluster_response("RestoreDBClusterFromSnapshot", cluster)

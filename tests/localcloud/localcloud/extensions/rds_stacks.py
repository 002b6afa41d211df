"""``AWS::RDS::DBInstance`` and ``AWS::RDS::DBCluster`` in CloudFormation get their servers.

MiniStack's handlers write the same records as the RDS API and stop there. These go on: the server
is brought up, the stack waits for it (on a thread of its own, other stacks go on), a failure fails
the resource with its reason, ``DeletionPolicy: Snapshot`` keeps the data, and a protected database
refuses to be deleted.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable
from typing import Any

from localcloud import databases
from localcloud.extensions import rds as databases_of_rds
from localcloud.extensions import rds_secrets, rds_snapshots
from localcloud.extensions.rds_records import Record, instance_parameters, refusal

TYPES = frozenset({"AWS::RDS::DBInstance", "AWS::RDS::DBCluster"})

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]

# Resources whose deletion begins with a snapshot: MiniStack asks for the snapshot on the event
# loop, so it is only noted there and taken by the deletion, on its worker thread.
_final_snapshots: dict[str, str] = {}


def install() -> None:
    """Replace the handlers, also where MiniStack's own code calls them (updates that replace)."""
    from ministack.services.cloudformation import provisioners, stacks

    original_threads = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda kind: kind in TYPES or original_threads(kind)
    provisioners._snapshot_id = _snapshot_id
    for kind, names in {
        "AWS::RDS::DBInstance": ("instance", _create_instance, _update_instance, _delete_instance),
        "AWS::RDS::DBCluster": ("cluster", _create_cluster, _update_cluster, _delete_cluster),
    }.items():
        noun, create, update, delete = names
        handlers = provisioners._RESOURCE_HANDLERS[kind]
        for operation, wrapper in (("create", create), ("update", update), ("delete", delete)):
            name = f"_rds_db_{noun}_{operation}"
            replacement = functools.partial(wrapper, getattr(provisioners, name))
            setattr(provisioners, name, replacement)
            handlers[operation] = replacement
        handlers["snapshot"] = _note_final_snapshot


def _create_instance(
    original: Callable[..., Created], logical_id: str, props: Properties, stack: str
) -> Created:
    from ministack.services import rds
    from ministack.services.cloudformation import provisioners

    wanted_id = props.get("DBInstanceIdentifier")
    if wanted_id and wanted_id in rds._instances:
        raise ValueError(f"DB instance already exists: {wanted_id} (DBInstanceAlreadyExists)")
    managed = rds_secrets.asked_for(props)
    if managed:
        props = props | {"MasterUserPassword": rds_secrets.new_password()}
    if not props.get("DBClusterIdentifier"):
        _refuse(props, props.get("DBName", ""), props.get("DBSnapshotIdentifier"))
    _require_groups(props)
    snapshot = _find(rds._snapshots, props.get("DBSnapshotIdentifier"), "DBSnapshotNotFound")
    if snapshot:
        props = _inherited(props, snapshot) | {"DBName": snapshot.get("DBName", "")}
    db_id, _ = original(logical_id, props, stack)
    instance = rds._instances[db_id]
    instance["DBName"] = props.get("DBName", "")
    cluster = rds._clusters.get(instance.get("DBClusterIdentifier") or "")
    if cluster:
        instance["DBName"] = cluster.get("DatabaseName") or ""
        instance["Engine"] = cluster["Engine"]
        instance["EngineVersion"] = cluster["EngineVersion"]
    rds._tags[instance["DBInstanceArn"]] = list(instance.get("TagList") or [])
    if managed:
        rds_secrets.attach(instance, props["MasterUserPassword"])
    database = databases_of_rds.launch_instance(
        instance, snapshot["_folder"] if snapshot else None, props.get("MasterUserPassword")
    )
    _wait(database, "AWS::RDS::DBInstance", db_id)
    return db_id, provisioners._rds_db_instance_attrs(instance)


def _create_cluster(
    original: Callable[..., Created], logical_id: str, props: Properties, stack: str
) -> Created:
    from ministack.services import rds
    from ministack.services.cloudformation import provisioners

    wanted_id = props.get("DBClusterIdentifier")
    if wanted_id and wanted_id in rds._clusters:
        raise ValueError(f"DB cluster already exists: {wanted_id} (DBClusterAlreadyExistsFault)")
    managed = rds_secrets.asked_for(props)
    if managed:
        props = props | {"MasterUserPassword": rds_secrets.new_password()}
    _refuse(props, props.get("DatabaseName", ""), props.get("SnapshotIdentifier"))
    snapshot = _find(
        rds._db_cluster_snapshots,
        props.get("SnapshotIdentifier"),
        "DBClusterSnapshotNotFoundFault",
    )
    if snapshot:
        props = _inherited(props, snapshot) | {"DatabaseName": snapshot.get("DatabaseName") or ""}
    cluster_id, _ = original(logical_id, props, stack)
    cluster = rds._clusters[cluster_id]
    cluster["DBClusterParameterGroup"] = (
        props.get("DBClusterParameterGroupName") or f"default.{cluster['Engine']}"
    )
    cluster["KmsKeyId"] = props.get("KmsKeyId", "")
    cluster["TagList"] = list(props.get("Tags") or [])
    rds._tags[cluster["DBClusterArn"]] = cluster["TagList"]
    if managed:
        rds_secrets.attach(cluster, props["MasterUserPassword"])
    database = databases_of_rds.launch_cluster(
        cluster, snapshot["_folder"] if snapshot else None, props.get("MasterUserPassword")
    )
    _wait(database, "AWS::RDS::DBCluster", cluster_id)
    return cluster_id, provisioners._rds_db_cluster_attrs(cluster)


def _update_instance(
    original: Callable[..., Created],
    physical_id: str,
    old: Properties,
    new: Properties,
    *arguments: Any,
    **named: Any,
) -> Created:
    from ministack.services import rds
    from ministack.services.cloudformation import provisioners

    before = rds._instances.get(physical_id)
    real_endpoint = dict(before["Endpoint"]) if before else None
    result = original(physical_id, old, new, *arguments, **named)
    instance = rds._instances.get(result[0])
    if instance is None or instance is not before:
        return result
    if real_endpoint is not None:
        instance["Endpoint"] = real_endpoint
    password = new.get("MasterUserPassword")
    database = databases.find(instance["DbiResourceId"])
    if database is not None:
        if password and password != old.get("MasterUserPassword"):
            database.set_master_password(password)
        if old.get("DBParameterGroupName") != new.get("DBParameterGroupName"):
            database.restart(instance_parameters(instance))
    rds._tags[instance["DBInstanceArn"]] = list(instance.get("TagList") or [])
    return result[0], provisioners._rds_db_instance_attrs(instance)


def _update_cluster(
    original: Callable[..., Created],
    physical_id: str,
    old: Properties,
    new: Properties,
    *arguments: Any,
    **named: Any,
) -> Created:
    from ministack.services import rds
    from ministack.services.cloudformation import provisioners

    before = rds._clusters.get(physical_id)
    result = original(physical_id, old, new, *arguments, **named)
    cluster = rds._clusters.get(result[0])
    if cluster is None or cluster is not before:
        return result
    database = databases.find(cluster["DbClusterResourceId"])
    password = new.get("MasterUserPassword")
    if database is not None:
        cluster["Port"] = database.wanted.port
        if password and password != old.get("MasterUserPassword"):
            database.set_master_password(password)
    return result[0], provisioners._rds_db_cluster_attrs(cluster)


def _delete_instance(original: Callable[..., None], physical_id: str, props: Properties) -> None:
    from ministack.services import rds

    instance = rds._instances.get(physical_id)
    snapshot_id = _final_snapshots.pop(physical_id, None)
    if instance is None:
        return
    if instance.get("DeletionProtection"):
        raise ValueError(
            f"Cannot delete protected DB Instance, please disable deletion protection and try "
            f"again: {physical_id} (InvalidParameterCombination)"
        )
    if snapshot_id and not instance.get("DBClusterIdentifier") and _is_usable(instance):
        rds_snapshots.snapshot_instance(snapshot_id, instance)
    original(physical_id, props)
    rds._tags.pop(instance["DBInstanceArn"], None)
    databases_of_rds.forget_instance(instance)


def _delete_cluster(original: Callable[..., None], physical_id: str, props: Properties) -> None:
    from ministack.services import rds

    cluster = rds._clusters.get(physical_id)
    snapshot_id = _final_snapshots.pop(physical_id, None)
    if cluster is None:
        return
    if cluster.get("DeletionProtection"):
        raise ValueError(
            "Cannot delete protected Cluster, please disable deletion protection and try again: "
            f"{physical_id} (InvalidParameterCombination)"
        )
    if snapshot_id and cluster["Status"] in ("available", "stopped"):
        rds_snapshots.snapshot_cluster(snapshot_id, cluster)
    original(physical_id, props)
    rds._tags.pop(cluster["DBClusterArn"], None)
    databases_of_rds.forget_cluster(cluster)


def _note_final_snapshot(physical_id: str, _props: Properties) -> None:
    _final_snapshots[physical_id] = _snapshot_id(physical_id)


def _snapshot_id(physical_id: str) -> str:
    """CloudFormation gives each final snapshot a name of its own, so that none replaces another."""
    return f"{physical_id}-snapshot-{secrets.token_hex(6)}"


def _is_usable(instance: Record) -> bool:
    return instance["DBInstanceStatus"] in ("available", "stopped")


def _refuse(props: Properties, database: str, snapshot: Any) -> None:
    """Fail the resource for what RDS would refuse."""
    if snapshot:
        return
    mistake = refusal(
        props.get("Engine", "postgres"),
        props.get("MasterUsername", ""),
        props.get("MasterUserPassword", ""),
        database,
    )
    if mistake:
        raise ValueError(f"{mistake} (InvalidParameterValue)")


def _require_groups(props: Properties) -> None:
    from ministack.services import rds

    group = props.get("DBParameterGroupName")
    if group and not group.startswith("default.") and group not in rds._param_groups:
        raise ValueError(f"DBParameterGroup not found: {group} (DBParameterGroupNotFound)")
    subnets = props.get("DBSubnetGroupName")
    if subnets and subnets != "default" and subnets not in rds._subnet_groups:
        raise ValueError(f"DB subnet group '{subnets}' does not exist (DBSubnetGroupNotFoundFault)")


def _find(store: Any, identifier: str | None, code: str) -> Record | None:
    if not identifier:
        return None
    snapshot = store.get(identifier.rsplit(":", 1)[-1])
    if snapshot is None or snapshot["Status"] != "available":
        raise ValueError(f"no available snapshot {identifier} ({code})")
    found: Record = snapshot
    return found


def _inherited(props: Properties, snapshot: Record) -> Properties:
    """A restored database keeps engine, master and password unless the template says else."""
    kept = {
        "Engine": snapshot["Engine"],
        "EngineVersion": snapshot["EngineVersion"],
        "MasterUsername": snapshot["MasterUsername"],
    }
    return kept | props | {"MasterUsername": snapshot["MasterUsername"]}


def _wait(database: databases.Database | None, kind: str, name: str) -> None:
    if database is None:
        raise ValueError(f"{kind} {name}: its cluster has no server")
    try:
        database.wait()
    except databases.DatabaseError as error:
        raise ValueError(f"{kind} {name} failed to start: {error}") from error

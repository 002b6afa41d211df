"""Changes to a database that is there: password, parameters, power.

As on RDS, the call answers at once and the change follows, under a status that says so.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

from localcloud import databases
from localcloud.extensions.rds_events import instance_event
from localcloud.extensions.rds_records import (
    Parameters,
    Record,
    Response,
    cluster_parameters,
    instance_parameters,
    refusal,
)

logger = logging.getLogger("localcloud.rds")


def install() -> None:
    """Carry changes of the records to the servers."""
    from ministack.services import rds

    rds._rotate_instance_password = lambda *_arguments: None
    rds._finish_instance_reboot = _finish_reboot
    rds._apply_cluster_master_password_change = _change_cluster_password
    for action, wrapper in {
        "ModifyDBInstance": _modify_instance,
        "StartDBInstance": _start_instance,
        "StopDBInstance": _stop_instance,
        "ModifyDBParameterGroup": _modify_parameter_group,
    }.items():
        rds._ACTION_MAP[action] = functools.partial(wrapper, rds._ACTION_MAP[action])
    # Stacks change parameter groups by calling the function.
    rds._modify_param_group = rds._ACTION_MAP["ModifyDBParameterGroup"]


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
            instance_event(instance, *event)
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
        instance_event(instance, "RDS-EVENT-0006", "availability", "DB instance restarted")
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

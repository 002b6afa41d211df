"""Master passwords that RDS keeps in Secrets Manager (``ManageMasterUserPassword``).

MiniStack knows them for clusters of the API alone, and its secrets do not say whose they are. On
RDS an instance can have one too, a stack can ask for one, and the secret's tags lead back to its
database: whoever rotates it finds the host that way, for the secret itself holds a user name and a
password and nothing else.
"""

from __future__ import annotations

import functools
import json
import secrets
import uuid
from collections.abc import Callable
from typing import Any

from localcloud.extensions.rds_records import Parameters, Record, Response

# RDS renews a managed password every seven days unless it is told otherwise.
ROTATION_DAYS = 7
OWNER = "rds"
# Which tag names the database, and how the secret's name begins.
INSTANCE = ("aws:rds:primaryDBInstanceArn", "db")
CLUSTER = ("aws:rds:primaryDBClusterArn", "cluster")


def install() -> None:
    """Let instances and stacks have managed passwords, and secrets say whose they are."""
    from ministack.services import rds
    from ministack.services.cloudformation import provisioners

    rds._instance_xml = functools.partial(_instance_xml, rds._instance_xml)
    rds._ACTION_MAP["ModifyDBInstance"] = functools.partial(
        _modify_instance, rds._ACTION_MAP["ModifyDBInstance"]
    )
    for name in ("_rds_db_instance_attrs", "_rds_db_cluster_attrs"):
        setattr(provisioners, name, functools.partial(_attributes, getattr(provisioners, name)))


def new_password() -> str:
    """A password that RDS takes."""
    return secrets.token_urlsafe(24)


def attach(record: Record, password: str) -> None:
    """Keep the master's password of an instance or a cluster in a secret."""
    from ministack.services import secretsmanager

    name = f"rds!{_kind(record)[1]}-{uuid.uuid4()}"
    value = json.dumps({"username": record["MasterUsername"], "password": password})
    arn = secretsmanager.create_secret_in_process(name, value)
    record["MasterUserSecret"] = {"SecretArn": arn, "SecretStatus": "active"}
    complete(record)


def complete(record: Record) -> None:
    """Have a database's secret say whose it is."""
    from ministack.services import secretsmanager

    tag, _ = _kind(record)
    _, secret = secretsmanager._resolve((record.get("MasterUserSecret") or {}).get("SecretArn"))
    if secret is None:
        return
    secret["OwningService"] = OWNER
    secret["RotationEnabled"] = True
    secret["RotationRules"] = {"AutomaticallyAfterDays": ROTATION_DAYS}
    secret["Description"] = (
        f"The secret associated with the primary RDS DB {_kind(record)[1]}: {_arn(record)}"
    )
    secret["Tags"] = [
        {"Key": "aws:secretsmanager:owningService", "Value": OWNER},
        {"Key": tag, "Value": _arn(record)},
    ]


def remove(record: Record) -> None:
    """A managed secret goes with its database."""
    from ministack.services import secretsmanager

    managed = record.get("MasterUserSecret")
    if managed:
        secretsmanager.delete_secret_in_process(managed["SecretArn"])


def asked_for(props: dict[str, Any]) -> bool:
    """Whether a stack's properties ask for a managed password; refused beside one of their own."""
    managed = str(props.get("ManageMasterUserPassword", "")).lower() == "true"
    if managed and props.get("MasterUserPassword"):
        raise ValueError(
            "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled. "
            "(InvalidParameterCombination)"
        )
    return managed


def _kind(record: Record) -> tuple[str, str]:
    return INSTANCE if "DBInstanceArn" in record else CLUSTER


def _arn(record: Record) -> str:
    return str(record.get("DBInstanceArn") or record["DBClusterArn"])


def _instance_xml(original: Callable[[Record], str], instance: Record) -> str:
    shown = original(instance)
    managed = instance.get("MasterUserSecret")
    if not managed:
        return shown
    return (
        f"{shown}<MasterUserSecret><SecretArn>{managed['SecretArn']}</SecretArn>"
        f"<SecretStatus>{managed['SecretStatus']}</SecretStatus></MasterUserSecret>"
    )


def _attributes(original: Callable[[Record], dict[str, Any]], record: Record) -> dict[str, Any]:
    managed = record.get("MasterUserSecret")
    secret = {"MasterUserSecret.SecretArn": managed["SecretArn"]} if managed else {}
    return original(record) | secret


def _modify_instance(original: Callable[..., Response], p: Parameters) -> Response:
    """Managed from now on, no longer, or renewed at once."""
    from ministack.services import rds, secretsmanager

    from localcloud.extensions import rds_changes

    instance = rds._resolve_instance(rds._p(p, "DBInstanceIdentifier"))
    wish, renew = rds._p(p, "ManageMasterUserPassword"), rds._p(p, "RotateMasterUserPassword")
    if instance is None or not (wish or renew or instance.get("MasterUserSecret")):
        return original(p)
    password = rds._p(p, "MasterUserPassword")
    managed = bool(instance.get("MasterUserSecret"))
    mistake = None
    if password and wish != "false":
        mistake = "You can't specify MasterUserPassword for a password that RDS manages."
    elif wish == "false" and managed and not password:
        mistake = "MasterUserPassword is required when RDS no longer manages the password."
    elif renew == "true" and not managed:
        mistake = "You can only rotate a master user password that RDS manages."
    elif renew == "true" and rds._p(p, "ApplyImmediately") != "true":
        mistake = "You must specify apply immediately when rotating the master user password."
    if mistake:
        return rds._error("InvalidParameterCombination", mistake, 400)
    response = original(p)
    if response[0] >= 400:
        return response
    if wish == "false" and managed:
        remove(instance)
        instance["MasterUserSecret"] = None
    elif (wish == "true" and not managed) or renew == "true":
        fresh = new_password()
        rds_changes.change_master_password(instance, fresh)
        if managed:
            value = json.dumps({"username": instance["MasterUsername"], "password": fresh})
            arn = instance["MasterUserSecret"]["SecretArn"]
            secretsmanager.put_secret_value_in_process(arn, value)
        else:
            attach(instance, fresh)
    return rds._single_instance_response(
        "ModifyDBInstanceResponse", "ModifyDBInstanceResult", instance
    )

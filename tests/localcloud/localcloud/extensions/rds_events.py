"""What RDS tells about its databases: the source of ``aws.rds`` events."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

logger = logging.getLogger("localcloud.rds")


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


def tell(event: RdsEvent) -> None:
    """Pass an event on; a listener that fails hurts nobody else."""
    for listener in listeners:
        try:
            listener(event)
        except Exception:
            logger.exception("a listener failed on %s", event)


def instance_event(instance: dict[str, Any], event_id: str, category: str, message: str) -> None:
    """Tell of something that happened to an instance."""
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


def cluster_event(cluster: dict[str, Any], event_id: str, category: str, message: str) -> None:
    """Tell of something that happened to a cluster."""
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

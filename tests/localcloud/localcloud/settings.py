"""What can be set about a running local cloud, and by whom.

There is one ``Settings`` object in the server's process. The command line fills it at the start;
the control API (``PUT /_localcloud/settings``) changes the fields that may change while the cloud
runs, so that one test can ask for a slow database without a cloud of its own.
"""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any, Literal

Engine = Literal["process", "docker"]
ENGINES: tuple[Engine, ...] = ("process", "docker")

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"

# Fixed once the server runs: where it is, and how containers are started.
FIXED = frozenset({"state_dir", "port", "engine", "authentication"})


@dataclasses.dataclass
class Settings:
    """Everything that can be set; durations are in seconds."""

    state_dir: Path
    port: int = 0
    engine: Engine = "process"
    # IAM policies are enforced and signatures checked, as AWS does.
    authentication: bool = True

    # How long a new or restored database says `creating` at the least.
    rds_available_seconds: float = 1.0
    # Whether a new database with a backup retention gets its first automated snapshot at once, as
    # on AWS. Most tests do not look at it, and it costs a copy of the data.
    rds_automated_snapshots: bool = False
    # How long a cache replication group says `creating` at the least.
    elasticache_available_seconds: float = 0.2
    # How long a change to a cache's tokens or users is under way, under the status `modifying`.
    elasticache_modifying_seconds: float = 0.3
    # How long after a failed asynchronous invocation the second one is made, and half the time
    # from then to the third. On AWS: a minute.
    lambda_retry_seconds: float = 1.0
    # How often a failed rotation is tried in all before it is given up. Secrets Manager tries
    # again some times within the rotation window, some minutes apart.
    rotation_attempts: float = 5
    rotation_retry_seconds: float = 0.5
    # The load balancer checks a target every `HealthCheckIntervalSeconds` times this: a service
    # that AWS would call healthy after a minute is healthy here after a few seconds.
    health_check_pace: float = 0.05
    # The least time a service gives a new task before an unhealthy target counts against it: an
    # application on a busy machine needs it, however short its grace period is at that pace.
    ecs_grace_seconds: float = 20.0
    # Cost Explorer breaks its answers into pages of so many groups.
    cost_page_groups: float = 500

    def as_json(self) -> dict[str, Any]:
        """The settings as the control API shows them."""
        shown = dataclasses.asdict(self)
        shown["state_dir"] = str(self.state_dir)
        return shown


class SettingsError(ValueError):
    """The wish cannot be met; the message names every mistake in it."""


_current: Settings | None = None
_lock = threading.Lock()


def start_with(settings: Settings) -> Settings:
    """Make these the settings of this process."""
    global _current
    _current = settings
    return settings


def current() -> Settings:
    """The settings of the cloud in this process."""
    if _current is None:
        raise RuntimeError("settings are read before the local cloud was started in this process")
    return _current


def change(wishes: dict[str, Any]) -> Settings:
    """Apply some settings to the running cloud, all of them or none."""
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    changeable = sorted(set(fields) - FIXED)
    mistakes: list[str] = []
    with _lock:
        settings = current()
        accepted: dict[str, Any] = {}
        for name, value in wishes.items():
            if name not in fields:
                mistakes.append(f"{name}: no such setting; known are {', '.join(changeable)}")
            elif name in FIXED:
                mistakes.append(f"{name}: fixed while the cloud runs; start another one instead")
            else:
                _accept(name, value, getattr(settings, name), accepted, mistakes)
        if mistakes:
            raise SettingsError("; ".join(mistakes))
        for name, value in accepted.items():
            setattr(settings, name, value)
        return settings


def _accept(
    name: str, value: Any, present: Any, accepted: dict[str, Any], mistakes: list[str]
) -> None:
    """Take the value over when it has the type that the setting has now."""
    if isinstance(present, bool):
        if isinstance(value, bool):
            accepted[name] = value
        else:
            mistakes.append(f"{name}: expected true or false, found {value!r}")
    elif isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        accepted[name] = float(value)
    else:
        mistakes.append(f"{name}: expected a number from 0 up, found {value!r}")

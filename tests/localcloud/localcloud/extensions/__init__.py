"""What MiniStack lacks, one module per gap.

Each module has ``install(settings)``, which patches MiniStack at its own seams and says which gap
it closes. The order counts where one module wraps what another one put in place.
"""

from __future__ import annotations

import importlib

from localcloud.settings import Settings

ORDER = (
    "permissions",
    "functions",
    "function_output",
    "rds",
    "elasticache",
    "ecs",
    "autoscaling",
    "loadbalancer",
    "cloudformation",
    "deliveries",
    "async_invocations",
    "mail",
    "alarms",
    "schedules",
    "events",
    "rotation",
    "secret_versions",
    "costexplorer",
    "sinks",
    "faults",
    "calls",
    "control",
)


def install_all(settings: Settings) -> None:
    """Install every extension, in order."""
    for name in ORDER:
        importlib.import_module(f"{__name__}.{name}").install(settings)

"""What MiniStack lacks, one module per gap.

Each module has ``install(settings)``, which patches MiniStack at its own seams and says which gap
it closes. The order counts where one module wraps what another one put in place.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging

from localcloud.settings import Settings

logger = logging.getLogger("localcloud")

ORDER = (
    "permissions",
    "functions",
    "rds",
    "elasticache",
    "ecs",
    "autoscaling",
    "loadbalancer",
    "cloudformation",
    "events",
    "rotation",
    "costexplorer",
    "faults",
    "calls",
    "control",
)


def install_all(settings: Settings) -> None:
    """Install every extension, in order."""
    for name in ORDER:
        module_name = f"{__name__}.{name}"
        if importlib.util.find_spec(module_name) is None:
            logger.warning("extension %s is not there yet", name)
            continue
        importlib.import_module(module_name).install(settings)

"""Events that AWS's own services put on the default bus.

Customers cannot publish under an ``aws.`` source; the services can. This is their way in.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from localcloud.settings import ACCOUNT_ID, REGION

logger = logging.getLogger("localcloud")


def publish(source: str, detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
    """Put one service event on the default bus, for whichever rules match it.

    Delivery happens after the caller is done: whoever receives the event and looks finds the state
    that the event tells of.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = _served_loop()
    if loop is None:
        _deliver(source, detail_type, detail, resources)
    else:
        loop.call_soon_threadsafe(_deliver, source, detail_type, detail, resources)


def _served_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that serves requests, for callers on other threads."""
    from ministack import app

    return app._MAIN_LOOP


def _deliver(source: str, detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
    from ministack.core.responses import request_scope
    from ministack.services import eventbridge

    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": resources,
    }
    with request_scope(ACCOUNT_ID, REGION):
        eventbridge._ensure_default_bus()
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
    logger.debug("event %s / %s", source, detail_type)

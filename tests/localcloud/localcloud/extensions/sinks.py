"""Where alerts arrive (``localcloud.sinks``), and how tests look at it: part of the control API."""

from __future__ import annotations

from typing import Any

from localcloud.settings import Settings
from localcloud.sinks import serve
from localcloud.sinks.pagerduty import PagerDuty
from localcloud.sinks.sink import Sink
from localcloud.sinks.slack import Slack
from localcloud.sinks.teams import Teams
from localcloud.sinks.webhook import Webhook

_places: dict[str, serve.Place] = {}


def install(settings: Settings) -> None:
    """Serve the sinks."""
    sinks: list[Sink] = [Slack(), PagerDuty(), Teams(), Webhook()]
    _places.update(serve.start(sinks, settings.state_dir))


def names() -> list[str]:
    """The sinks there are."""
    return [Slack.name, PagerDuty.name, Teams.name, Webhook.name]


def overview() -> dict[str, Any]:
    """Where each sink is, and how many requests came in there."""
    return {
        name: {
            "url": place.url,
            "plain_url": place.plain_url,
            "received": place.sink.received(),
            "settings": place.sink.settings,
        }
        for name, place in _places.items()
    }


def find(name: str) -> Sink:
    """The sink of this name."""
    return _places[name].sink

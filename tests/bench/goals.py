"""The figures of ``make bench``, and the goals that they are held against.

A goal stands here once, in the words in which the report shows it.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_MS_MAX = 15
PEAK_RSS_MIB_MAX = 24
IDLE_CALLS_MAX = 4
ONBOARDING_CALLS_MAX = 60
# Each is a login: some of the database's processor, and one of its places.
STEP_CONNECTIONS_MAX = 2
ALERT_OWN_MS_MAX = 5
ALERTS_PER_SECOND_MIN = 500
# CloudFormation takes no longer template in a request.
TEMPLATE_BYTES_MAX = 51_200

# What is measured beside the starts, each in a file of its own.
PARTS = ("pure", "cloud", "rotation", "alerts", "instance")

Figures = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """One figure and the most that it may be."""

    what: str
    measured: float
    unit: str
    most: float

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.measured <= self.most

    def row(self) -> tuple[str, ...]:
        """The goal as a row of its table."""
        verdict = "met" if self.met else "**missed**"
        measured, most = (f"{value:g} {self.unit}".rstrip() for value in (self.measured, self.most))
        return self.what, measured, f"≤ {most}", verdict


@dataclass(frozen=True)
class Measured:
    """All figures; what was not measured is `None`."""

    starts: dict[str, Figures]
    pure: Figures | None
    cloud: Figures | None
    rotation: Figures | None
    alerts: Figures | None
    instance: Figures | None

    @classmethod
    def read(cls, folder: Path) -> Measured:
        """Read what there is in the folder of the figures."""
        starts = {
            file.stem.removeprefix("start-"): json.loads(file.read_text())
            for file in sorted(folder.glob("start-*.json"))
        }
        parts = {
            name: json.loads(file.read_text())
            if (file := folder / f"{name}.json").exists()
            else None
            for name in PARTS
        }
        return cls(starts, **parts)

    def missing(self) -> list[str]:
        """Name the files of what was not measured."""
        files = [f"{name}.json" for name in PARTS if getattr(self, name) is None]
        return files if self.starts else ["start-*.json", *files]


def goals(measured: Measured) -> Iterator[Goal]:
    """Hold the figures against the goals."""
    for name, figures in measured.starts.items():
        start = figures["start_to_first_next_ms"]["median"]
        yield Goal(f"{name}: process start to first `/next`, median", start, "ms", START_MS_MAX)
        peak = figures["peak_rss_mib"]["most"]
        yield Goal(f"{name}: peak memory at the first `/next`, most", peak, "MiB", PEAK_RSS_MIB_MAX)
    if measured.cloud:
        yield from onboarding_goals(measured.cloud)
    if measured.rotation:
        yield from rotation_goals(measured.rotation)
    if measured.alerts:
        yield from alert_goals(measured.alerts)
    if measured.instance:
        yield from instance_goals(measured.instance)
    if measured.pure:
        sizes = measured.pure["templates"]
        largest = max(size[part] for size in sizes for part in ("data_bytes", "app_bytes"))
        yield Goal("largest template", largest, "bytes", TEMPLATE_BYTES_MAX)


def onboarding_goals(cloud: Figures) -> Iterator[Goal]:
    """Hold onboardings against their goals."""
    alone, crowd = cloud["alone"], cloud["crowd"]
    peak = max(figures["memory"]["peak_rss_mib"] for figures in [*alone, crowd])
    yield Goal("peak memory at work, onboarding, most", round(peak, 1), "MiB", PEAK_RSS_MIB_MAX)
    for figures in alone:
        calls = figures["until_quiet"]["calls"]
        yield Goal(f"AWS calls of an onboarding, {named(figures)}", calls, "", ONBOARDING_CALLS_MAX)
    idle = max(figures["idle"]["calls"] for figures in alone)
    yield Goal("AWS calls of a pass over an active tenant, most", idle, "", IDLE_CALLS_MAX)


def rotation_goals(rotation: Figures) -> Iterator[Goal]:
    """Hold rotations against their goals."""
    peak = rotation["memory"]["peak_rss_mib"]
    yield Goal("peak memory at work, rotating, most", round(peak, 1), "MiB", PEAK_RSS_MIB_MAX)
    for figures in rotation["strategies"]:
        most = max(step["connections"] for one in figures["rotations"] for step in one["steps"])
        what = f"connections in a step of a rotation, {figures['strategy']}, most"
        yield Goal(what, most, "", STEP_CONNECTIONS_MAX)


def alert_goals(alerts: Figures) -> Iterator[Goal]:
    """Hold single alerts and a storm of them against their goals."""
    own = round(statistics.median(alerts["own_ms"]), 2)
    yield Goal("own time of a warm invocation for an alert, median", own, "ms", ALERT_OWN_MS_MAX)
    storm = alerts["storm"]
    lost = storm["alerts"] - storm["counted"] + storm["dead_letters"]
    yield Goal(f"alerts lost of a storm of {storm['alerts']}", lost, "", 0)
    yield Goal("limits of sinks broken in the storm", storm["limits_broken"], "", 0)
    peak = round(storm["memory"]["peak_rss_mib"], 1)
    yield Goal("peak memory at work, storm of alerts, most", peak, "MiB", PEAK_RSS_MIB_MAX)


def instance_goals(instance: Figures) -> Iterator[Goal]:
    """Hold one busy instance against its goal: so many a second, as the time that each takes."""
    for spread in instance["spreads"]:
        each = round(1000 * spread["seconds"] / spread["alerts"], 2)
        what = f"an alert on one busy instance, {spread['what']}, mean"
        yield Goal(what, each, "ms", 1000 / ALERTS_PER_SECOND_MIN)


def named(figures: Figures) -> str:
    """Say which onboarding it was."""
    name = f"{figures['product']} {figures['environment']}, {figures['tier']}"
    slow = figures["database_s"] > 1
    return f"{name}, slow database ({figures['database_s']} s)" if slow else name

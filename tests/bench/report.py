#!/usr/bin/env python3
"""Turn the figures of ``make bench`` into the tables of ``docs/performance.md``.

The goals stand in ``goals.py``. A goal that is missed is said in the table and on standard error,
and is no failure: on a busy machine times are what they are, and a person has to look. What was not
measured is a failure and is named; the rest is shown all the same, for it took long to measure.

    report.py target/bench
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from coldstart import summary
from goals import PARTS, Figures, Measured, goals, named

SPREAD = ("median", "p90", "least", "most")


def table(*rows: Iterable[object]) -> str:
    """Lay rows out as Markdown, the first as the head; numbers stand to the right."""
    head, *body = ([str(cell) for cell in row] for row in rows)
    aligned = ["---:" if _numbers(column) else "---" for column in zip(*body, strict=True)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, aligned, *body))


def _numbers(column: Iterable[str]) -> bool:
    """Whether all cells that hold something begin with a digit."""
    filled = [cell for cell in column if cell]
    return bool(filled) and all(cell[0].isdigit() for cell in filled)


def microseconds(nanoseconds: float) -> str:
    """Round to three digits, without an exponent."""
    value = nanoseconds / 1000
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def start_table(starts: dict[str, Figures]) -> str:
    """Show how functions start."""
    rows = []
    for name, figures in starts.items():
        for what, key in (("start, ms", "start_to_first_next_ms"), ("memory, MiB", "peak_rss_mib")):
            rows.append((name, what, figures["runs"], *(figures[key][part] for part in SPREAD)))
    return table(("function", "what", "starts", *SPREAD), *rows)


def calls_table(alone: list[Figures], crowd: Figures) -> str:
    """Show the calls by operation, an onboarding to a column."""
    tallies = [figures["until_quiet"] for figures in alone] + [crowd["calls"]]
    operations = sorted({name for tally in tallies for name in tally["by_operation"]})
    rows = [
        (f"`{name}`", *(tally["by_operation"].get(name, 0) for tally in tallies))
        for name in operations
    ]
    return table(
        ("operation", *map(named, alone), f"light dev, trial: {crowd['tenants']} at once"),
        *rows,
        ("**all**", *(tally["calls"] for tally in tallies)),
        ("of them refused", *(tally["refused"] for tally in tallies)),
        ("before everybody was told", *(f["until_active"]["calls"] for f in alone), ""),
        ("one pass over the active tenant", *(figures["idle"]["calls"] for figures in alone), ""),
    )


def memory_table(alone: list[Figures], crowd: Figures) -> str:
    """Show time and memory of the onboardings."""
    rows = [
        (
            named(figures),
            f"{figures['active_after_s']:.1f}",
            figures["memory"]["processes"],
            f"{figures['memory']['peak_rss_mib']:.1f}",
        )
        for figures in alone
    ]
    rows.append(
        (
            f"light dev, trial: {crowd['tenants']} at once",
            f"{crowd['all_active_after_s']:.1f}",
            crowd["memory"]["processes"],
            f"{crowd['memory']['peak_rss_mib']:.1f}",
        )
    )
    head = ("onboarding", "active after, s", "function processes", "largest peak memory, MiB")
    return table(head, *rows)


def rotation_table(strategies: list[Figures]) -> str:
    """Show what the four steps of a rotation take together."""
    rows = []
    for figures in strategies:
        rotations = figures["rotations"]
        whole = [sum(step["took_ms"] for step in one["steps"]) for one in rotations]
        database = [sum(map(database_ms, one["steps"])) for one in rotations]
        share = [100 * part / all_ms for part, all_ms in zip(database, whole, strict=True)]
        for what, values in (
            ("four steps, ms", whole),
            ("of that in the database, ms", database),
            ("share of the database, %", share),
        ):
            rows.append((figures["strategy"], what, len(rotations), *spread_of(values)))
    return table(("strategy", "what", "rotations", *SPREAD), *rows)


def database_ms(step: Figures) -> float:
    """Say how long a step waited for the database."""
    return float(step["took_ms"] * step["database_share_percent"] / 100)


def spread_of(values: list[float]) -> list[float]:
    """Give a spread's parts; a tenth is enough where the database sets the pace."""
    spread = summary(values)
    return [round(spread[part], 1) for part in SPREAD]


def step_table(strategies: list[Figures]) -> str:
    """Show the steps one by one, and what follows them."""
    rows: list[tuple[object, ...]] = []
    for figures in strategies:
        rotations = figures["rotations"]
        for steps in zip(*(one["steps"] for one in rotations), strict=True):
            took = spread_of([step["took_ms"] for step in steps])
            database = spread_of([database_ms(step) for step in steps])
            connections = f"{max(step['connections'] for step in steps):g}"
            calls = mean(step["calls"]["calls"] for step in steps)
            rows.append(
                (figures["strategy"], steps[0]["name"], *took[:2], database[0], connections, calls)
            )
        calls = mean(one["rollout"]["calls"] for one in rotations)
        rows.append((figures["strategy"], "rollout", "", "", "", "", calls))
    head = ("median, ms", "p90, ms", "database, median, ms", "connections, most", "calls, mean")
    return table(("strategy", "step", *head), *rows)


def rotation_calls_table(figures: Figures) -> str:
    """Show the calls of a rotation by operation, a step to a column; means."""
    rotations = figures["rotations"]
    columns = {
        steps[0]["name"]: [step["calls"] for step in steps]
        for steps in zip(*(one["steps"] for one in rotations), strict=True)
    } | {"rollout": [one["rollout"] for one in rotations]}
    operations = sorted(
        {name for tally in chain(*columns.values()) for name in tally["by_operation"]}
    )
    rows = [
        (
            f"`{name}`",
            *(
                mean(tally["by_operation"].get(name, 0) for tally in tallies)
                for tallies in columns.values()
            ),
        )
        for name in operations
    ]
    everything = (mean(tally["calls"] for tally in tallies) for tallies in columns.values())
    return table(("operation", *columns), *rows, ("**all**", *everything))


def calls_of_steps(figures: Figures) -> float:
    """Count the calls in all steps: those of the rollout depend on how its events come."""
    return float(sum(s["calls"]["calls"] for one in figures["rotations"] for s in one["steps"]))


def mean(values: Iterable[float]) -> str:
    """Give the mean with a tenth, where there is one."""
    return f"{round(statistics.fmean(values), 1):g}"


def timing_table(timings: list[Figures]) -> str:
    """Show how long pure code takes."""
    rows = [
        (
            timing["what"],
            timing["of"],
            *(microseconds(timing[part]) for part in ("median_ns", "p90_ns", "least_ns")),
        )
        for timing in timings
    ]
    return table(("what", "of", "median, µs", "p90, µs", "least, µs"), *rows)


def template_table(templates: list[Figures]) -> str:
    """Show how large templates are."""
    rows = [
        (size["product"], size["environment"], size["tier"], size["data_bytes"], size["app_bytes"])
        for size in templates
    ]
    return table(("product", "environment", "tier", "data, bytes", "app, bytes"), *rows)


def alerts_told(alerts: Figures) -> str:
    """Say what alerts cost and what became of the storm."""
    storm = alerts["storm"]
    own = statistics.median(alerts["own_ms"])
    return (
        f"A single alert takes {own:.1f} ms of a processor, from the queue to "
        f"the last write. Of a storm of {storm['alerts']} alerts, sent within "
        f"{storm['sent_within_s']:.0f} s, {storm['counted']} were counted by the digests "
        f"{storm['told_after_s']:.1f} s after its end, with {storm['pagerduty_events']} events "
        f"for PagerDuty and {storm['slack_calls']} calls of Slack."
    )


def instance_table(spreads: list[Figures]) -> str:
    """Show how many alerts one instance takes, and what of that time is its own."""
    rows = [
        (
            spread["what"],
            spread["alerts"],
            spread["posts"],
            f"{spread['alerts'] / spread['seconds']:.0f}",
            f"{1000 * spread['own_seconds'] / spread['alerts']:.2f}",
        )
        for spread in spreads
    ]
    return table(("alerts of", "alerts", "posts", "a second", "own time of each, ms"), *rows)


def report(measured: Measured) -> str:
    """Write the whole report, as far as there are figures."""
    parts = [
        *head_parts(measured.starts),
        "### Goals",
        table(("what", "measured", "goal", ""), *(goal.row() for goal in goals(measured))),
        *start_parts(measured.starts),
        *(cloud_parts(measured.cloud) if measured.cloud else ()),
        *(rotation_parts(measured.rotation) if measured.rotation else ()),
        *(("### Alerts", alerts_told(measured.alerts)) if measured.alerts else ()),
        *(
            ("### One busy instance", instance_table(measured.instance["spreads"]))
            if measured.instance
            else ()
        ),
        *(pure_parts(measured.pure) if measured.pure else ()),
    ]
    return "\n\n".join(parts)


def head_parts(starts: dict[str, Figures]) -> Iterator[str]:
    """Say when and on what it was measured, as the first start found it."""
    for figures in list(starts.values())[:1]:
        machine = figures["machine"]
        yield (
            f"Measured on {machine['date']}: {machine['cpus']} cores of {machine['cpu']}, "
            f"{machine['memory_gib']:g} GiB of memory, {machine['system']}."
        )


def start_parts(starts: dict[str, Figures]) -> Iterator[str]:
    """Show how functions start, and how large they are."""
    if not starts:
        return
    sizes = ", ".join(
        f"{name} {figures['bytes'] / 1e6:.1f} MB zipped, {figures['program_bytes'] / 1e6:.1f} MB "
        "as a program"
        for name, figures in starts.items()
    )
    yield "### Start"
    yield start_table(starts)
    yield f"Sizes: {sizes}."


def cloud_parts(cloud: Figures) -> Iterator[str]:
    """Show what onboardings cost."""
    alone, crowd = cloud["alone"], cloud["crowd"]
    yield "### Calls of AWS"
    yield calls_table(alone, crowd)
    yield "### Time and memory on the local cloud"
    yield memory_table(alone, crowd)
    yield (
        f"Of the {crowd['tenants']} tenants asked for at once half were active after "
        f"{crowd['median_active_after_s']:.1f} s, 95 % after {crowd['p95_active_after_s']:.1f} s "
        f"and all after {crowd['all_active_after_s']:.1f} s."
    )


def rotation_parts(rotation: Figures) -> Iterator[str]:
    """Show what rotations cost."""
    strategies = rotation["strategies"]
    costliest = max(strategies, key=calls_of_steps)
    yield "### Rotation of a database user's secret"
    yield rotation_table(strategies)
    yield step_table(strategies)
    yield f"The calls of one rotation by `{costliest['strategy']}`, which makes the most; means:"
    yield rotation_calls_table(costliest)
    yield (
        f"Memory: {rotation['memory']['processes']} processes of the function, the largest peak "
        f"{rotation['memory']['peak_rss_mib']:.1f} MiB."
    )


def pure_parts(pure: Figures) -> Iterator[str]:
    """Show what costs no call."""
    yield "### Thinking"
    yield timing_table(pure["timings"])
    yield "### Templates"
    yield template_table(pure["templates"])


def main() -> int:
    """Read the folder's figures and print the report."""
    if len(sys.argv) != 2:
        print("usage: report.py FOLDER", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    measured = Measured.read(folder)
    missing = measured.missing()
    if len(missing) <= len(PARTS):
        print(report(measured))
    for goal in goals(measured):
        if not goal.met:
            print(f"bench: missed: {goal.what}: {goal.measured:g} {goal.unit}", file=sys.stderr)
    if missing:
        names = ", ".join(missing)
        print(f"bench: not in {folder}: {names}; `make bench` makes them", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

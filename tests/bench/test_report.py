"""The report says what was measured and where a goal is missed."""

import copy
import json
import re

import goals
import pytest
import report

SPREAD = {"median": 8.0, "p90": 9.0, "least": 7.0, "most": 10.0}
MACHINE = {"date": "2026-03-01", "cpus": 2, "cpu": "Z80", "memory_gib": 8.0, "system": "Linux 6"}
STARTS = {
    "tenant-onboarding": {
        "bytes": 5_000_000,
        "program_bytes": 13_000_000,
        "runs": 3,
        "start_to_first_next_ms": SPREAD,
        "peak_rss_mib": SPREAD,
        "machine": MACHINE,
    }
}
PURE = {
    "timings": [
        {"what": "decide", "of": "active", "median_ns": 9.5, "p90_ns": 10.0, "least_ns": 9.0}
    ],
    "templates": [
        {"product": "mate", "environment": "dev", "tier": "trial", "data_bytes": 1, "app_bytes": 2}
    ],
}


def tally(**operations):
    calls = sum(operations.values())
    return {
        "calls": calls,
        "refused": 1,
        "by_operation": {f"s {k}": v for k, v in operations.items()},
    }


CLOUD = {
    "alone": [
        {
            "product": "light",
            "environment": "dev",
            "tier": "trial",
            "database_s": 1,
            "active_after_s": 3.0,
            "until_active": tally(GetItem=38),
            "until_quiet": tally(GetItem=38, CreateStack=2),
            "idle": tally(GetItem=1),
            "memory": {"processes": 2, "peak_rss_mib": 14.4},
        }
    ],
    "crowd": {
        "tenants": 50,
        "median_active_after_s": 1.0,
        "p95_active_after_s": 2.0,
        "all_active_after_s": 3.0,
        "calls": tally(GetItem=2000),
        "memory": {"processes": 10, "peak_rss_mib": 15.0},
    },
}


def step(name, took_ms, share, connections, **operations):
    return {
        "name": name,
        "took_ms": took_ms,
        "database_share_percent": share,
        "connections": connections,
        "calls": tally(**operations),
    }


def rotated(set_ms):
    return {
        "steps": [
            step("createSecret", 10.0, 0.0, 0.0, PutSecretValue=1),
            step("setSecret", set_ms, 75.0, 2.0, GetSecretValue=2),
            step("testSecret", 20.0, 50.0, 1.0, GetSecretValue=1),
            step("finishSecret", 10.0, 0.0, 0.0, PutEvents=1),
        ],
        "rollout": tally(UpdateService=1, PutEvents=1),
    }


ROTATION = {
    "strategies": [
        {"strategy": "single-user", "rotations": [rotated(40.0), rotated(60.0), rotated(360.0)]}
    ],
    "memory": {"processes": 2, "peak_rss_mib": 16.0},
}


ALERTS = {
    "own_ms": [2.0, 3.0, 40.0],
    "storm": {
        "alerts": 10_000,
        "sent_within_s": 60.0,
        "counted": 10_000,
        "told_after_s": 9.0,
        "pagerduty_events": 30,
        "slack_calls": 50,
        "limits_broken": 0,
        "dead_letters": 0,
        "memory": {"processes": 10, "peak_rss_mib": 18.0},
    },
}


INSTANCE = {
    "spreads": [
        {
            "what": "one group",
            "groups": 1,
            "alerts": 6000,
            "seconds": 3.0,
            "own_seconds": 1.5,
            "posts": 12,
        }
    ]
}


ALL = {
    "pure": PURE,
    "cloud": CLOUD,
    "rotation": ROTATION,
    "alerts": ALERTS,
    "instance": INSTANCE,
}


def told(**instead):
    """The report of these figures in place of those that were measured."""
    return report.report(goals.Measured(STARTS, **ALL | instead))


def test_goals_that_are_met_are_said_to_be():
    held = list(goals.goals(goals.Measured(STARTS, **ALL)))
    assert len(held) == 13
    assert all(goal.met for goal in held)
    assert "**missed**" not in told()


@pytest.mark.parametrize(
    ("path", "value", "row"),
    [
        (("alone", 0, "until_quiet", "calls"), 61, "| 61 | ≤ 60 | **missed** |"),
        (("alone", 0, "idle", "calls"), 5, "| 5 | ≤ 4 | **missed** |"),
        (("crowd", "memory", "peak_rss_mib"), 24.1, "| 24.1 MiB | ≤ 24 MiB | **missed** |"),
    ],
)
def test_a_goal_that_is_missed_stands_in_the_table(path, value, row):
    cloud = changed(CLOUD, path, value)
    assert row in told(cloud=cloud)


@pytest.mark.parametrize(
    ("path", "value", "row"),
    [
        (("memory", "peak_rss_mib"), 24.1, "| 24.1 MiB | ≤ 24 MiB | **missed** |"),
        (
            ("strategies", 0, "rotations", 2, "steps", 1, "connections"),
            3.0,
            "single-user, most | 3 | ≤ 2 | **missed** |",
        ),
    ],
)
def test_a_rotation_that_costs_more_than_its_goal_stands_in_the_table(path, value, row):
    rotation = changed(ROTATION, path, value)
    assert row in told(rotation=rotation)


@pytest.mark.parametrize(
    ("path", "value", "row"),
    [
        (("own_ms", 1), 6.0, "| 6 ms | ≤ 5 ms | **missed** |"),
        (("storm", "counted"), 9_998, "| 2 | ≤ 0 | **missed** |"),
        (("storm", "dead_letters"), 1, "| 1 | ≤ 0 | **missed** |"),
        (("storm", "limits_broken"), 3, "| 3 | ≤ 0 | **missed** |"),
    ],
)
def test_alerts_that_miss_a_goal_stand_in_the_table(path, value, row):
    alerts = changed(ALERTS, path, value)
    assert row in told(alerts=alerts)


def test_an_instance_that_takes_too_few_alerts_a_second_misses_its_goal():
    assert "| one group | 6000 | 12 | 2000 | 0.25 |" in told()
    slow = changed(INSTANCE, ("spreads", 0, "seconds"), 15.0)
    row = "| an alert on one busy instance, one group, mean | 2.5 ms | ≤ 2 ms | **missed** |"
    assert row in told(instance=slow)


def changed(figures, path, value):
    figures = copy.deepcopy(figures)
    *way, last = path
    place = figures
    for key in way:
        place = place[key]
    place[last] = value
    return figures


def test_a_rotation_is_its_four_steps_together():
    shown = report.rotation_table(ROTATION["strategies"])
    assert "| single-user | four steps, ms | 3 | 100.0 | 400.0 | 80.0 | 400.0 |" in shown
    assert "of that in the database, ms | 3 | 55.0 | 280.0 | 40.0 | 280.0 |" in shown
    assert "share of the database, % | 3 | 55.0 | 70.0 | 50.0 | 70.0 |" in shown


def test_each_step_is_shown_with_its_connections_and_calls():
    shown = report.step_table(ROTATION["strategies"])
    assert "| single-user | setSecret | 60.0 | 360.0 | 45.0 | 2 | 2 |" in shown
    assert "| single-user | rollout |  |  |  |  | 2 |" in shown


def test_the_strategy_that_makes_the_most_calls_is_the_one_shown():
    other = changed(
        ROTATION["strategies"][0], ("rotations", 0, "steps", 1, "calls"), tally(DescribeSecret=9)
    )
    rotation = changed(
        ROTATION, ("strategies",), [*ROTATION["strategies"], {**other, "strategy": "by-master"}]
    )
    assert "one rotation by `by-master`" in told(rotation=rotation)


def test_calls_of_a_rotation_are_means_over_all_of_them():
    figures = changed(ROTATION["strategies"][0], ("rotations", 0, "rollout"), tally(PutEvents=2))
    shown = report.rotation_calls_table(figures)
    assert "| `s PutEvents` | 0 | 0 | 0 | 1 | 1.3 |" in shown
    assert "| `s UpdateService` | 0 | 0 | 0 | 0 | 0.7 |" in shown


def test_a_figure_that_equals_its_goal_meets_it():
    assert goals.Goal("start", 15, "ms", 15).met


def test_operations_that_an_onboarding_does_not_call_are_shown_as_none():
    assert "| `s CreateStack` | 2 | 0 |" in told()


def test_a_folder_without_figures_says_what_makes_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["report.py", str(tmp_path)])
    assert report.main() == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "start-*.json, pure.json, cloud.json, rotation.json, alerts.json" in printed.err
    assert "`make bench`" in printed.err


@pytest.mark.parametrize(
    ("absent", "headings"),
    [
        ("pure", {"### Thinking", "### Templates"}),
        ("cloud", {"### Calls of AWS", "### Time and memory on the local cloud"}),
        ("rotation", {"### Rotation of a database user's secret"}),
        ("alerts", {"### Alerts"}),
    ],
)
def test_what_was_not_measured_is_named_and_all_else_is_shown(
    absent, headings, tmp_path, monkeypatch, capsys
):
    (tmp_path / "start-tenant-onboarding.json").write_text(json.dumps(STARTS["tenant-onboarding"]))
    for name, figures in ALL.items():
        if name != absent:
            (tmp_path / f"{name}.json").write_text(json.dumps(figures))
    monkeypatch.setattr("sys.argv", ["report.py", str(tmp_path)])
    assert report.main() == 1
    printed = capsys.readouterr()
    everything = set(re.findall("(?m)^### .*", told()))
    assert set(re.findall("(?m)^### .*", printed.out)) == everything - headings
    assert f"{absent}.json;" in printed.err


def test_times_are_written_without_exponents():
    assert [report.microseconds(ns) for ns in (9.25, 52_300, 1_730_000)] == [
        "0.00925",
        "52.3",
        "1730",
    ]


def test_only_columns_of_numbers_stand_to_the_right():
    shown = report.table(("what", "calls"), ("50 at once", 2), ("one", ""))
    assert shown.splitlines()[1] == "| --- | ---: |"

"""Schedules that fire when a test says so.

A sweep every five minutes is nothing that a test can wait for. The control API fires a scheduled
rule of EventBridge, or a schedule of EventBridge Scheduler, at once and through the very code that
would fire it by the clock.
"""

from __future__ import annotations

from localcloud.settings import ACCOUNT_ID, REGION, Settings


class NoSuchSchedule(ValueError):
    """There is nothing by that name that could fire; the message lists what could."""


def install(_settings: Settings) -> None:
    """Nothing to patch: MiniStack fires schedules by itself, every ten seconds."""


def fire(name: str) -> str:
    """Fire the scheduled rule or the recurring schedule of this name now; its ARN."""
    from ministack.services import eventbridge, scheduler

    candidates: dict[str, str] = {}
    for key, rule in eventbridge._rules.all_items():
        if not rule.get("ScheduleExpression"):
            continue
        candidates[rule["Name"]] = rule["Arn"]
        if rule["Name"] == name:
            # As if it had last fired in 1970: whatever its rate, it is due.
            eventbridge._rule_last_fired[key] = 0
            eventbridge._tick_scheduled_rules()
            return str(rule["Arn"])
    for key, schedule in scheduler._schedules.all_items():
        if schedule.get("ScheduleExpression", "").startswith("at("):
            continue
        candidates[schedule["Name"]] = schedule["Arn"]
        if schedule["Name"] == name:
            scheduler._schedule_last_fired[key] = 0
            scheduler._tick_schedules()
            return str(schedule["Arn"])
    known = ", ".join(sorted(candidates)) or "none"
    raise NoSuchSchedule(
        f"no recurring schedule is called {name!r} in {REGION}, account {ACCOUNT_ID}; "
        f"there are: {known}"
    )

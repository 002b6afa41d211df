"""CloudWatch's alarms: evaluated by their own metric, and heard of as on AWS.

MiniStack's alarms take all series of a metric for theirs, know seconds only, and tell SNS topics in
a shape that lacks half of AWS's fields; alarms over expressions lose them through the API. Here a
change of state reaches topics and functions, each if its policy lets CloudWatch in, and the default
bus, with milliseconds, so that the order of two changes can be told.
"""

from __future__ import annotations

import functools
import json
import logging
import operator
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from localcloud import internal_events
from localcloud.extensions import alarm_answers, async_invocations, deliveries
from localcloud.extensions.alarm_messages import (
    ACTION_FIELDS,
    Alarm,
    State,
    for_bus,
    for_function,
    for_topic,
    subject,
    timestamp,
)
from localcloud.settings import ACCOUNT_ID, Settings

logger = logging.getLogger("localcloud")

TOPIC_PRINCIPAL = "cloudwatch.amazonaws.com"
FUNCTION_PRINCIPAL = "lambda.alarms.cloudwatch.amazonaws.com"
REASON_MAX = 1023
INITIAL = ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation", "")
# What an alarm's operator is called, and when it is breached.
_OPERATORS = {
    "GreaterThanOrEqualToThreshold": ("greater than or equal to", operator.ge),
    "GreaterThanThreshold": ("greater than", operator.gt),
    "LessThanThreshold": ("less than", operator.lt),
    "LessThanOrEqualToThreshold": ("less than or equal to", operator.le),
}

Response = tuple[int, dict[str, str], bytes]

# Each alarm's state as it was told last, by its ARN.
_told: dict[str, State] = {}


def install(settings: Settings) -> None:
    """Take over what happens when an alarm changes its state."""
    from ministack.services import cloudwatch

    cloudwatch._dispatch_alarm_actions = functools.partial(_tell, settings.authentication)
    cloudwatch._evaluate_alarm = _evaluate
    cloudwatch._put_metric_alarm = functools.partial(_put_alarm, cloudwatch._put_metric_alarm)
    cloudwatch._set_alarm_state = functools.partial(_set_state, cloudwatch._set_alarm_state)
    alarm_answers.install()


def _tell(strict: bool, alarm: Alarm, old_value: str, new_value: str, reason: str) -> None:
    """An alarm has changed its state: tell whoever is to know."""
    now = time.time()
    alarm["StateUpdatedTimestamp"] = alarm["StateTransitionedTimestamp"] = now
    new = State(new_value, reason, str(alarm.get("StateReasonData") or ""), now)
    arn = alarm["AlarmArn"]
    old = _told.get(arn)
    if old is None or old.value != old_value:
        began = float(alarm.get("AlarmConfigurationUpdatedTimestamp") or now)
        old = State(old_value, INITIAL[1] if old_value == INITIAL[0] else "", "", began)
    _told[arn] = new
    internal_events.publish(
        "aws.cloudwatch", "CloudWatch Alarm State Change", for_bus(alarm, old, new), [arn]
    )
    if not alarm.get("ActionsEnabled", True):
        return
    for action in dict.fromkeys(alarm.get(ACTION_FIELDS[new_value]) or []):
        service = action.split(":")[2] if action.count(":") > 2 else ""
        if service == "sns":
            _to_topic(strict, action, alarm, old, new)
        elif service == "lambda":
            _to_function(strict, action, alarm, old, new)
        else:
            logger.info("alarm %s: nothing is done for %s here", alarm["AlarmName"], action)


def _to_topic(strict: bool, topic: str, alarm: Alarm, old: State, new: State) -> None:
    from ministack.services import sns

    allowed = sns.topic_policy_allows(topic, TOPIC_PRINCIPAL, alarm["AlarmArn"], ACCOUNT_ID)
    if strict and not allowed:
        logger.warning("alarm %s may not publish to %s", alarm["AlarmName"], topic)
        return
    message = for_topic(alarm, old, new)
    sns._fanout(topic, str(uuid.uuid4()), message, subject(alarm, new))


def _to_function(strict: bool, function: str, alarm: Alarm, old: State, new: State) -> None:
    if strict and not deliveries.function_allows(function, FUNCTION_PRINCIPAL, alarm["AlarmArn"]):
        logger.warning("alarm %s may not invoke %s", alarm["AlarmName"], function)
        return
    async_invocations.invoke(function, for_function(alarm, old, new))


def _set_state(
    original: Callable[..., Response],
    params: Any,
    data: dict[str, Any],
    is_cbor: bool,
    is_json: bool = False,
) -> Response:
    """SetAlarmState, with what it refuses."""
    from ministack.services import cloudwatch

    def given(name: str) -> str:
        typed = is_cbor or is_json
        return str((data.get(name) if typed else cloudwatch._p(params, name)) or "")

    mistake = None
    if given("StateValue") not in ACTION_FIELDS:
        mistake = f"StateValue must be one of {', '.join(ACTION_FIELDS)}"
    elif not given("StateReason") or len(given("StateReason")) > REASON_MAX:
        mistake = f"StateReason must have 1 to {REASON_MAX} characters"
    if mistake:
        return cloudwatch._error(
            "ValidationError", mistake, 400, use_json=is_json, use_cbor=is_cbor
        )
    if given("StateReasonData"):
        try:
            json.loads(given("StateReasonData"))
        except ValueError:
            return cloudwatch._error(
                "InvalidFormat",
                "StateReasonData was not syntactically valid JSON",
                400,
                use_json=is_json,
                use_cbor=is_cbor,
            )
    alarm = cloudwatch._alarms.get(given("AlarmName"))
    if alarm is not None and not given("StateReasonData"):
        # What the state before was decided from is not what this one was.
        alarm.pop("StateReasonData", None)
    return original(params, data, is_cbor, is_json)


def _put_alarm(
    original: Callable[..., Response],
    params: Any,
    data: dict[str, Any],
    is_cbor: bool,
    is_json: bool = False,
) -> Response:
    """PutMetricAlarm, without the loss of expressions, actions and what is not there."""
    from ministack.services import cloudwatch

    wish = data if is_cbor or is_json else alarm_answers.from_query(params)
    metrics = wish.get("Metrics")
    both = sorted({"MetricName", "Namespace", "Dimensions", "Period"} & set(wish))
    if metrics and both:
        return cloudwatch._error(
            "ValidationError",
            f"Metrics cannot be combined with {', '.join(both)}.",
            400,
            use_json=is_json,
            use_cbor=is_cbor,
        )
    response = original(params, data, is_cbor, is_json)
    if response[0] >= 400:
        return response
    alarm = cloudwatch._alarms[wish["AlarmName"]]
    for name in ACTION_FIELDS.values():
        alarm[name] = list(wish.get(name) or [])
    if not wish.get("AlarmDescription"):
        alarm.pop("AlarmDescription", None)
    for name in ("Metrics", "ThresholdMetricId", "EvaluateLowSampleCountPercentile"):
        if wish.get(name):
            alarm[name] = wish[name]
    if metrics:
        for name in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit"):
            alarm.pop(name, None)
    if wish.get("ThresholdMetricId"):
        alarm.pop("Threshold", None)
    return response


def _evaluate(alarm: Alarm) -> None:
    """Compare the alarm's metric with its threshold; alarms over expressions are not evaluated."""
    from ministack.services import cloudwatch

    words, breaches = _OPERATORS.get(str(alarm.get("ComparisonOperator")), ("", None))
    if not alarm.get("MetricName") or breaches is None:
        return
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
    points = cloudwatch._metrics.get((alarm["Namespace"], alarm["MetricName"], dimensions)) or []
    period = int(alarm.get("Period") or 60) * int(alarm.get("EvaluationPeriods") or 1)
    recent = [point for point in points if point["Timestamp"] >= time.time() - period]
    if not recent:
        return
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    value = cloudwatch._stat_value(cloudwatch._calc_stats(recent), statistic, recent)
    if value is None:
        return
    threshold = float(alarm["Threshold"])
    breaching = breaches(value, threshold)
    new_value, old_value = ("ALARM" if breaching else "OK"), alarm["StateValue"]
    if new_value == old_value:
        return
    latest = max(point["Timestamp"] for point in recent)
    at = datetime.fromtimestamp(latest, UTC).strftime("%d/%m/%y %H:%M:%S")
    was = "was" if breaching else "was not"
    reason = (
        f"Threshold Crossed: 1 datapoint [{float(value)} ({at})] {was} {words} the threshold "
        f"({threshold})."
    )
    alarm["StateValue"], alarm["StateReason"] = new_value, reason
    alarm["StateReasonData"] = json.dumps(
        {
            "version": "1.0",
            "queryDate": timestamp(time.time()),
            "statistic": statistic,
            "period": alarm.get("Period"),
            "recentDatapoints": [float(value)],
            "threshold": threshold,
        }
    )
    cloudwatch._record_history(alarm["AlarmName"], old_value, new_value, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old_value, new_value, reason)
    cloudwatch._evaluate_parent_alarms(alarm)

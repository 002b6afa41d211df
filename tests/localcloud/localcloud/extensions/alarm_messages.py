"""What CloudWatch says when an alarm changes its state: to topics, to functions, and on the bus.

Three services were built at three times, so the same fact has three shapes. They are AWS's, down to
what is missing from each: a composite alarm has no trigger, metric math no metric's name, and the
region is a name for people in one and a code in the others.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

from localcloud.settings import ACCOUNT_ID, REGION

# The region as its name is for people, in notifications and their subjects.
REGION_NAME = "US East (N. Virginia)"
SUBJECT_MAX = 100
ACTION_FIELDS = {
    "ALARM": "AlarmActions",
    "OK": "OKActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}
_STATISTICS = {
    "Average": "AVERAGE",
    "Sum": "SUM",
    "Minimum": "MINIMUM",
    "Maximum": "MAXIMUM",
    "SampleCount": "SAMPLE_COUNT",
}

Alarm = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class State:
    """A state an alarm was in."""

    value: str
    reason: str
    # JSON, as CloudWatch has it; empty when there is none.
    reason_data: str
    at: float

    def shown(self) -> dict[str, Any]:
        """The state, in the words of the events."""
        shown: dict[str, Any] = {
            "value": self.value,
            "reason": self.reason,
            "timestamp": timestamp(self.at),
        }
        if self.reason_data:
            shown["reasonData"] = self.reason_data
        return shown


def timestamp(moment: float) -> str:
    """CloudWatch's way to write a time: milliseconds, and an offset without a colon."""
    at = datetime.fromtimestamp(moment, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


def subject(alarm: Alarm, new: State) -> str:
    """The subject of a notification."""
    return f'{new.value}: "{alarm["AlarmName"]}" in {REGION_NAME}'[:SUBJECT_MAX]


def for_topic(alarm: Alarm, old: State, new: State) -> str:
    """The message that topics get."""
    message: dict[str, Any] = {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription") or None,
        "AWSAccountId": ACCOUNT_ID,
    }
    if "AlarmRule" not in alarm:
        configured = float(alarm.get("AlarmConfigurationUpdatedTimestamp") or new.at)
        message["AlarmConfigurationUpdatedTimestamp"] = timestamp(configured)
    message |= {
        "NewStateValue": new.value,
        "NewStateReason": new.reason,
        "StateChangeTime": timestamp(new.at),
        "Region": REGION_NAME,
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": old.value,
        "OKActions": alarm.get("OKActions") or [],
        "AlarmActions": alarm.get("AlarmActions") or [],
        "InsufficientDataActions": alarm.get("InsufficientDataActions") or [],
    }
    if "AlarmRule" in alarm:
        message["AlarmRule"] = alarm["AlarmRule"]
        message["TriggeringChildren"] = [
            {
                "Arn": child["arn"],
                "State": {
                    "Value": child["state"]["value"],
                    "Timestamp": child["state"]["timestamp"],
                },
            }
            for child in json.loads(new.reason_data or "{}").get("triggeringAlarms", [])
        ]
    else:
        message["Trigger"] = _trigger(alarm)
    return json.dumps(message)


def _trigger(alarm: Alarm) -> dict[str, Any]:
    metrics = alarm.get("Metrics")
    missing = alarm.get("TreatMissingData") or "missing"
    common = {
        "EvaluationPeriods": alarm.get("EvaluationPeriods", 1),
        "DatapointsToAlarm": alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods", 1),
        "ComparisonOperator": alarm.get("ComparisonOperator"),
        "TreatMissingData": missing,
        "EvaluateLowSampleCountPercentile": alarm.get("EvaluateLowSampleCountPercentile") or "",
    }
    if alarm.get("ThresholdMetricId"):
        common["ThresholdMetricId"] = alarm["ThresholdMetricId"]
    else:
        common["Threshold"] = alarm.get("Threshold")
    if metrics:
        return {"Period": _period(alarm), **common, "Metrics": [_query(one) for one in metrics]}
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    extended = bool(alarm.get("ExtendedStatistic"))
    return {
        "MetricName": alarm.get("MetricName"),
        "Namespace": alarm.get("Namespace"),
        "StatisticType": "ExtendedStatistic" if extended else "Statistic",
        "ExtendedStatistic" if extended else "Statistic": statistic
        if extended
        else _STATISTICS.get(str(statistic), statistic),
        "Unit": alarm.get("Unit"),
        "Dimensions": _dimensions(alarm.get("Dimensions")),
        "Period": _period(alarm),
        **common,
    }


def _period(alarm: Alarm) -> int:
    for one in alarm.get("Metrics") or []:
        if one.get("MetricStat"):
            return int(one["MetricStat"].get("Period", 60))
    return int(alarm.get("Period") or 60)


def _query(query: dict[str, Any]) -> dict[str, Any]:
    """One of an alarm's metrics or expressions, as a notification has it."""
    shown = {
        name: query[name] for name in ("Expression", "Id", "Label") if query.get(name) is not None
    }
    if stat := query.get("MetricStat"):
        metric = stat["Metric"]
        shown["MetricStat"] = {
            "Metric": {
                "Dimensions": _dimensions(metric.get("Dimensions")),
                "MetricName": metric.get("MetricName"),
                "Namespace": metric.get("Namespace"),
            },
            "Period": stat.get("Period"),
            "Stat": stat.get("Stat"),
        }
        if stat.get("Unit"):
            shown["MetricStat"]["Unit"] = stat["Unit"]
    shown["ReturnData"] = query.get("ReturnData", True)
    return shown


def _dimensions(dimensions: Any) -> list[dict[str, Any]]:
    return [{"value": one["Value"], "name": one["Name"]} for one in dimensions or []]


def for_function(alarm: Alarm, old: State, new: State) -> dict[str, Any]:
    """The event that functions get."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": ACCOUNT_ID,
        "time": timestamp(new.at),
        "region": REGION,
        "alarmData": _alarm_data(alarm, old, new),
    }


def for_bus(alarm: Alarm, old: State, new: State) -> dict[str, Any]:
    """The detail of the event on the default bus."""
    return _alarm_data(alarm, old, new)


def _alarm_data(alarm: Alarm, old: State, new: State) -> dict[str, Any]:
    configuration: dict[str, Any] = {}
    if alarm.get("AlarmDescription"):
        configuration["description"] = alarm["AlarmDescription"]
    if "AlarmRule" in alarm:
        configuration["alarmRule"] = alarm["AlarmRule"]
    else:
        configuration["metrics"] = [_camel_query(one) for one in _queries(alarm)]
    return {
        "alarmName": alarm["AlarmName"],
        "state": new.shown(),
        "previousState": old.shown(),
        "configuration": configuration,
    }


def _queries(alarm: Alarm) -> list[dict[str, Any]]:
    """An alarm over one metric is an alarm over a list of one."""
    if alarm.get("Metrics"):
        return list(alarm["Metrics"])
    return [
        {
            "Id": "m1",
            "MetricStat": {
                "Metric": {
                    "Namespace": alarm.get("Namespace"),
                    "MetricName": alarm.get("MetricName"),
                    "Dimensions": alarm.get("Dimensions") or [],
                },
                "Period": alarm.get("Period", 60),
                "Stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic"),
            },
            "ReturnData": True,
        }
    ]


def _camel_query(query: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": query.get("Id")}
    for name in ("Expression", "Label"):
        if query.get(name) is not None:
            shown[name.lower()] = query[name]
    if stat := query.get("MetricStat"):
        metric = stat["Metric"]
        shown["metricStat"] = {
            "metric": {
                "namespace": metric.get("Namespace"),
                "name": metric.get("MetricName"),
                "dimensions": {one["Name"]: one["Value"] for one in metric.get("Dimensions") or []},
            },
            "period": stat.get("Period"),
            "stat": stat.get("Stat"),
        }
    shown["returnData"] = query.get("ReturnData", True)
    return shown

"""Alarms in templates: composite ones and those over an expression, which MiniStack lacks.

An alarm over an expression is kept and shown as it was declared; its expression is not evaluated,
so it stays in INSUFFICIENT_DATA unless somebody calls SetAlarmState.
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.resources import Created, Handlers, Properties

# What a single-metric alarm has and an alarm over an expression has not.
_SINGLE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit")


def types() -> dict[str, Handlers]:
    """The types of this module."""
    from ministack.services.cloudformation import provisioners

    provisioners._cw_metric_alarm_record = _with_expressions(provisioners._cw_metric_alarm_record)
    return {
        "AWS::CloudWatch::CompositeAlarm": {
            "create": _composite_create,
            "update": _composite_update,
            "delete": _composite_delete,
        }
    }


def _with_expressions(single_metric_record: Any) -> Any:
    def record(name: str, props: Properties) -> dict[str, Any]:
        metrics = props.get("Metrics")
        if not metrics:
            return dict(single_metric_record(name, props))
        both = sorted(set(props) & {*_SINGLE_METRIC, "Dimensions"})
        if both:
            raise ValueError(f"Metrics cannot be combined with {', '.join(both)}.")
        if not any(str(one.get("ReturnData", True)).lower() == "true" for one in metrics):
            raise ValueError("One of the Metrics must have ReturnData true.")
        placeholder = {name: value for name, value in props.items() if name != "Metrics"}
        placeholder |= {"MetricName": "-", "Namespace": "-"}
        placeholder.setdefault("Threshold", 0)
        alarm = dict(single_metric_record(name, placeholder))
        for field in _SINGLE_METRIC:
            alarm.pop(field, None)
        alarm["Dimensions"] = []
        alarm["Metrics"] = metrics
        return alarm

    return record


def _composite_create(logical_id: str, props: Properties, stack_name: str) -> Created:
    from ministack.services.cloudformation import provisioners

    name = props.get("AlarmName") or provisioners._physical_name(
        stack_name, logical_id, max_len=255
    )
    return _put(name, props)


def _composite_update(
    physical_id: str, _old_props: Properties, new_props: Properties, _stack_name: str
) -> Created:
    name = new_props.get("AlarmName") or physical_id
    created = _put(name, new_props)
    if name != physical_id:
        _composite_delete(physical_id, {})
    return created


def _put(name: str, props: Properties) -> Created:
    from ministack.services import cloudwatch

    request = {
        **props,
        "AlarmName": name,
        "ActionsEnabled": str(props.get("ActionsEnabled", True)).lower() == "true",
    }
    status, _, body = cloudwatch._put_composite_alarm({}, request, False, is_json=True)
    if status >= 400:
        answer = json.loads(body)
        raise ValueError(answer.get("message") or answer.get("Message") or str(answer))
    return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}


def _composite_delete(physical_id: str, _props: Properties) -> None:
    from ministack.services import cloudwatch

    alarm = cloudwatch._composite_alarms.pop(physical_id, None)
    cloudwatch._composite_triggers.pop(physical_id, None)
    if alarm is not None:
        cloudwatch._resource_tags.pop(alarm["AlarmArn"], None)

"""DescribeAlarms in the older of CloudWatch's protocols, which some SDKs still speak.

MiniStack's XML has a handful of an alarm's fields; the newer protocols get all of them.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

_MEMBER = re.compile(r"member\.(\d+)")
_NUMBERS = ("MaxRecords", "Period", "EvaluationPeriods", "DatapointsToAlarm", "Threshold")
_BOOLEANS = ("ActionsEnabled", "ReturnData")

Response = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Answer in full."""
    from ministack.services import cloudwatch

    cloudwatch._describe_alarms = functools.partial(_describe, cloudwatch._describe_alarms)


def _describe(
    original: Callable[..., Response],
    params: Any,
    data: dict[str, Any],
    is_cbor: bool,
    is_json: bool = False,
) -> Response:
    from ministack.services import cloudwatch

    if is_cbor or is_json:
        return original(params, data, is_cbor, is_json)
    wish = from_query(params)
    status, _, body = original(params, wish, False, True)
    if status >= 400:
        # The refusal, in this protocol's words.
        return original(params, data, False, False)
    answer = json.loads(body)
    inner = "".join(
        f"<{name}>{''.join(f'<member>{_xml(one)}</member>' for one in answer[name])}</{name}>"
        for name in ("MetricAlarms", "CompositeAlarms")
    )
    if answer.get("NextToken"):
        inner += f"<NextToken>{escape(answer['NextToken'])}</NextToken>"
    full: Response = cloudwatch._xml(
        200, "DescribeAlarmsResponse", f"<DescribeAlarmsResult>{inner}</DescribeAlarmsResult>"
    )
    return full


def _xml(value: Any, name: str = "") -> str:
    """A document as the protocol writes it."""
    if isinstance(value, dict):
        return "".join(
            f"<{key}>{_xml(inner, key)}</{key}>"
            for key, inner in value.items()
            if inner is not None
        )
    if isinstance(value, list):
        return "".join(f"<member>{_xml(inner)}</member>" for inner in value)
    if isinstance(value, bool):
        return str(value).lower()
    if name.endswith("Timestamp") and isinstance(value, int | float):
        moment = datetime.fromtimestamp(value, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return escape(str(value))


def from_query(params: Any) -> dict[str, Any]:
    """The parameters of a call as the document that the newer protocols would have sent."""
    document: dict[str, Any] = {}
    for path, values in params.items():
        value = values[0] if isinstance(values, list) else values
        place: Any = document
        steps = _MEMBER.sub(r"#\1", path).split(".")
        for position, step in enumerate(steps):
            last = position == len(steps) - 1
            if last:
                place[step] = _typed(step, value)
            else:
                place = place.setdefault(step, {})
    found: dict[str, Any] = _listed(document)
    return found


def _listed(value: Any) -> Any:
    """Members by number become lists."""
    if not isinstance(value, dict):
        return value
    if value and all(name.startswith("#") for name in value):
        ordered = sorted(value.items(), key=lambda item: int(item[0][1:]))
        return [_listed(inner) for _, inner in ordered]
    return {name: _listed(inner) for name, inner in value.items()}


def _typed(name: str, value: str) -> Any:
    if name in _BOOLEANS:
        return value == "true"
    if name in _NUMBERS:
        return float(value) if name == "Threshold" else int(value)
    return value

"""Cost Explorer, a service that MiniStack lacks.

It answers GetCostAndUsage, GetTags and ListCostAllocationTags from the ledger
(``localcloud.ledger``), in pages, with amounts as decimal strings that add up. All cost metrics are
the ledger's amount. Forecasts and anomalies it does not have, and says so.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import decimal
from collections.abc import Callable, Iterator
from typing import Any

from localcloud import ledger
from localcloud.json_service import ServiceError, register
from localcloud.ledger import Charge
from localcloud.settings import Settings, current

METRICS = (
    "AmortizedCost",
    "BlendedCost",
    "NetAmortizedCost",
    "NetUnblendedCost",
    "UnblendedCost",
)
GROUPS_MAX = 2
# What Cost Explorer calls charges that carry no value for a dimension.
NO_DIMENSION = "NoValue"

Period = tuple[datetime.date, datetime.date]
Request = dict[str, Any]


def install(_settings: Settings) -> None:
    """Serve the API."""
    register(
        "ce",
        "AWSInsightsIndexService.",
        {
            "GetCostAndUsage": _get_cost_and_usage,
            "GetTags": _get_tags,
            "ListCostAllocationTags": _list_cost_allocation_tags,
        },
    )


def _get_cost_and_usage(request: Request) -> dict[str, Any]:
    period = _time_period(request)
    metrics = request.get("Metrics") or []
    unknown = sorted(set(metrics) - set(METRICS))
    if not metrics or unknown:
        raise _invalid(f"Metrics must be some of {', '.join(METRICS)}")
    group_by = request.get("GroupBy") or []
    if len(group_by) > GROUPS_MAX:
        raise _invalid(f"at most {GROUPS_MAX} GroupBy definitions are allowed")
    matches = _filter(request.get("Filter"))
    charges = [one for one in _ledger().charges if _within(one, period) and matches(one)]

    rows = []
    periods = list(_periods(period, request.get("Granularity")))
    for one in periods:
        inside = [charge for charge in charges if _within(charge, one)]
        groups = _grouped(inside, group_by) if group_by else {(): _total(inside)}
        # A period without any group is told all the same.
        rows += [(one, keys, amount) for keys, amount in sorted(groups.items())] or [(one, None, 0)]
    start = _page_start(request.get("NextPageToken"))
    size = int(current().cost_page_groups)
    answer: dict[str, Any] = {"ResultsByTime": [], "DimensionValueAttributes": []}
    if group_by:
        answer["GroupDefinitions"] = group_by
    if start + size < len(rows):
        answer["NextPageToken"] = base64.b64encode(str(start + size).encode()).decode()
    for one, keys, amount in rows[start : start + size]:
        result = _result_of(answer["ResultsByTime"], one)
        if keys:
            result["Groups"].append({"Keys": list(keys), "Metrics": _metrics(metrics, amount)})
        elif keys is not None:
            result["Total"] = _metrics(metrics, amount)
    return answer


def _get_tags(request: Request) -> dict[str, Any]:
    period = _time_period(request)
    found = _ledger()
    key = request.get("TagKey")
    if key is None:
        tags = sorted(found.tag_keys)
    else:
        inside = [one for one in found.charges if _within(one, period)]
        tags = sorted({one.tags.get(key, "") for one in inside})
    return {"Tags": tags, "ReturnSize": len(tags), "TotalSize": len(tags)}


def _list_cost_allocation_tags(request: Request) -> dict[str, Any]:
    wanted = request.get("TagKeys")
    status = request.get("Status")
    return {
        "CostAllocationTags": [
            {"TagKey": key, "Type": "UserDefined", "Status": "Active"}
            for key in _ledger().tag_keys
            if (not wanted or key in wanted) and status in (None, "Active")
        ]
    }


def _ledger() -> ledger.Ledger:
    try:
        return ledger.read(current().state_dir)
    except ledger.LedgerError as error:
        raise ServiceError("DataUnavailableException", str(error)) from None


def _time_period(request: Request) -> Period:
    given = request.get("TimePeriod") or {}
    try:
        start = datetime.date.fromisoformat(given["Start"])
        end = datetime.date.fromisoformat(given["End"])
    except (KeyError, ValueError):
        raise _invalid("TimePeriod needs a Start and an End like 2026-11-21") from None
    if start >= end:
        raise _invalid("Start date (and hour) should be before end date (and hour)")
    return start, end


def _periods(whole: Period, granularity: str | None) -> Iterator[Period]:
    """The days or months of a period; its ends cut the first and the last."""
    start, end = whole
    while start < end:
        if granularity == "DAILY":
            following = start + datetime.timedelta(days=1)
        elif granularity == "MONTHLY":
            following = (start.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
        else:
            raise _invalid("Granularity must be DAILY or MONTHLY")
        yield start, min(following, end)
        start = following


def _within(charge: Charge, period: Period) -> bool:
    return period[0] <= charge.day < period[1]


def _grouped(
    charges: list[Charge], group_by: list[Request]
) -> dict[tuple[str, ...], decimal.Decimal]:
    groups: dict[tuple[str, ...], decimal.Decimal] = {}
    for charge in charges:
        keys = tuple(_group_key(charge, one) for one in group_by)
        groups[keys] = groups.get(keys, decimal.Decimal(0)) + charge.amount
    return groups


def _group_key(charge: Charge, definition: Request) -> str:
    kind, key = definition.get("Type"), str(definition.get("Key"))
    if kind == "TAG":
        return f"{key}${charge.tags.get(key, '')}"
    if kind == "DIMENSION":
        return charge.dimensions.get(key) or f"{NO_DIMENSION}{key.title().replace('_', '')}"
    raise _invalid("a GroupBy's Type must be DIMENSION or TAG")


def _filter(expression: Request | None) -> Callable[[Charge], bool]:
    """A filter expression as a function of a charge."""
    if not expression:
        return lambda _charge: True
    if len(expression) != 1:
        raise _invalid("an expression has exactly one of And, Or, Not, Dimensions, Tags")
    (operator, operand), *_ = expression.items()
    if operator in ("And", "Or"):
        parts = [_filter(one) for one in operand]
        combine = all if operator == "And" else any
        return lambda charge: combine(part(charge) for part in parts)
    if operator == "Not":
        negated = _filter(operand)
        return lambda charge: not negated(charge)
    if operator not in ("Dimensions", "Tags"):
        raise _invalid(f"{operator} is not among the local cloud's filters")
    key, values = operand.get("Key"), operand.get("Values") or []
    absent = "ABSENT" in (operand.get("MatchOptions") or [])

    def matches(charge: Charge) -> bool:
        carried = charge.dimensions if operator == "Dimensions" else charge.tags
        found = carried.get(key, "")
        return not found if absent else found in values

    return matches


def _total(charges: list[Charge]) -> decimal.Decimal:
    return sum((one.amount for one in charges), decimal.Decimal(0))


def _metrics(names: list[str], amount: decimal.Decimal) -> dict[str, dict[str, str]]:
    return {name: {"Amount": f"{amount:f}", "Unit": "USD"} for name in names}


def _result_of(results: list[Request], period: Period) -> Request:
    """The entry of a period, begun when it is the first of its page."""
    span = {"Start": period[0].isoformat(), "End": period[1].isoformat()}
    if not results or results[-1]["TimePeriod"] != span:
        today = datetime.datetime.now(datetime.UTC).date()
        # Figures move until the month is closed.
        estimated = period[1] > today.replace(day=1)
        results.append({"TimePeriod": span, "Total": {}, "Groups": [], "Estimated": estimated})
    return results[-1]


def _page_start(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        raise ServiceError("InvalidNextTokenException", "the page token is not ours") from None


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)

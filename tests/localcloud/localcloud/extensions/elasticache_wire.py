"""What the operations on ElastiCache's users and user groups have in common on the wire."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.sax.saxutils import escape

from localcloud.extensions.elasticache import Parameters, Record, Response

PAGE_MAX = 100
PAGE_DEFAULT = 50
# Redis OSS knows users from this version on; ElastiCache says so of each of them.
MINIMUM_ENGINE_VERSION = "6.0"

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")

Operation = Callable[[Parameters], Response]


class Refused(Exception):
    """ElastiCache's refusal: its code, a sentence, and the status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def refusing(operation: Operation) -> Operation:
    """The operation, with its refusals as ElastiCache's error answers."""

    def operate(p: Parameters) -> Response:
        from ministack.services import elasticache

        try:
            return operation(p)
        except Refused as refusal:
            return elasticache._error(refusal.code, escape(str(refusal)), refusal.status)

    return operate


def identifier(p: Parameters, name: str) -> str:
    """An identifier for something new, in small letters as ElastiCache keeps it."""
    value = text(p, name)
    if not _IDENTIFIER.fullmatch(value) or value.endswith("-") or "--" in value:
        raise Refused(
            "InvalidParameterValue",
            f"{name} must begin with a letter and have letters, digits and single hyphens only.",
        )
    return value.lower()


def text(p: Parameters, name: str) -> str:
    """A parameter; empty where it was not given."""
    from ministack.services import elasticache

    return str(elasticache._p(p, name))


def members(p: Parameters, name: str) -> list[str]:
    """A list among the parameters."""
    found: list[str] = []
    while value := text(p, f"{name}.member.{len(found) + 1}"):
        found.append(value)
    return found


def page(p: Parameters, records: list[Record]) -> tuple[list[Record], str]:
    """The page that is asked for, and the marker of the next one."""
    size = min(int(text(p, "MaxRecords") or PAGE_DEFAULT), PAGE_MAX)
    start = int(text(p, "Marker") or 0)
    end = start + size
    marker = f"<Marker>{end}</Marker>" if end < len(records) else ""
    return records[start:end], marker


def answer(action: str, inner: str) -> Response:
    """A whole answer around its inner part."""
    from ministack.services import elasticache

    response: Response = elasticache._xml(
        200, f"{action}Response", f"<{action}Result>{inner}</{action}Result>"
    )
    return response

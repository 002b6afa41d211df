"""A whole AWS service that MiniStack lacks, put beside the others.

Such a service speaks AWS's JSON 1.1 protocol: the operation in the ``X-Amz-Target`` header, the
input and the output as JSON. It is subject to IAM like any other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Operation = Callable[[dict[str, Any]], dict[str, Any]]

CONTENT_TYPE = "application/x-amz-json-1.1"


class ServiceError(Exception):
    """An error answer: AWS's code, a sentence for people, and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def register(name: str, target_prefix: str, operations: Mapping[str, Operation]) -> None:
    """Serve these operations under the signing name, which is also the prefix of IAM actions."""
    from ministack import app
    from ministack.core import iam_actions, router

    async def handle(
        _method: str,
        _path: str,
        headers: dict[str, str],
        body: bytes,
        _query: dict[str, list[str]],
    ) -> tuple[int, dict[str, str], bytes]:
        operation = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        try:
            if operation not in operations:
                raise ServiceError(
                    "UnknownOperationException",
                    f"the local cloud's {name} has no {operation}; it has "
                    f"{', '.join(sorted(operations))}",
                )
            answer = operations[operation](json.loads(body or b"{}"))
        except ServiceError as error:
            failure = {"__type": error.code, "message": str(error)}
            headers_out = {"Content-Type": CONTENT_TYPE, "x-amzn-errortype": error.code}
            return error.status, headers_out, json.dumps(failure).encode()
        return 200, {"Content-Type": CONTENT_TYPE}, json.dumps(answer).encode()

    app.SERVICE_HANDLERS[name] = handle
    router.SERVICE_PATTERNS[name] = {"target_prefixes": [target_prefix]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[name] = name

"""Rotation of secrets, which MiniStack only pretends.

RotateSecret there promotes a copy of the old value at once and calls nobody. Here it does what AWS
documents: an empty version is made under AWSPENDING, and the rotation function is driven through
createSecret, setSecret, testSecret and finishSecret, one after the other, each with the same token.
When a step fails, however it fails, the whole four are tried again after a pause, some times; then
the rotation is given up and AWSPENDING stays where it is. The next RotateSecret says so and takes
the rotation up again. Taking AWSPENDING off the version ends the rotation, too.

Each step that was run is on record (``GET /_localcloud/rotations``), and so are the calls that the
function made in it.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import logging
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from localcloud.settings import ACCOUNT_ID, REGION, Settings, current

logger = logging.getLogger("localcloud")

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
SERVICE_PRINCIPAL = "secretsmanager.amazonaws.com"
# Steps on record: more than any test run makes; the oldest go first.
RECORDS_MAX = 20_000

NOT_FOUND = "Secrets Manager can't find the specified secret."
CANNOT_INVOKE = (
    "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy "
    f"grants access to the principal {SERVICE_PRINCIPAL}."
)
NOT_COMPLETE = "A previous rotation isn't complete. That rotation will be reattempted."

Response = tuple[int, dict[str, str], bytes]


@dataclasses.dataclass(frozen=True)
class Rotation:
    """One version's way through the steps."""

    secret: dict[str, Any]
    function_arn: str
    token: str
    steps: tuple[str, ...]

    @property
    def arn(self) -> str:
        """The secret that is rotated."""
        return str(self.secret["ARN"])


# The version that is being made current, by the secret's ARN: a newer one ends the older one.
_rotating: dict[str, str] = {}
# A secret's steps never overlap, whichever rotation they belong to.
_turns: dict[str, threading.Lock] = {}
# The steps that are under way: which role performs which.
_under_way: list[tuple[str, str]] = []
# The rotation tokens that were handed out, each with the secret and the version it is for.
_issued: dict[str, tuple[str, str]] = {}
_records: collections.deque[dict[str, Any]] = collections.deque(maxlen=RECORDS_MAX)
_lock = threading.Lock()


def install(_settings: Settings) -> None:
    """Replace the stub."""
    from ministack.services import secretsmanager

    handle = secretsmanager.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Response:
        if headers.get("x-amz-target", "").endswith(".CancelRotateSecret"):
            return cancel_rotation(json.loads(body or b"{}"))
        return await handle(method, path, headers, body, query)

    secretsmanager.handle_request = handle_request
    secretsmanager._rotate_secret = rotate_secret


def recorded(secret: str | None = None) -> list[dict[str, Any]]:
    """The steps that were run, oldest first; a secret is asked for by any part of its ARN."""
    with _lock:
        return [one for one in _records if secret is None or secret in one["secret"]]


def forget() -> None:
    """Start the record anew."""
    with _lock:
        _records.clear()


def step_of(caller_arn: str) -> str | None:
    """The step in which this caller makes a call; None when it is in none, or in several."""
    with _lock:
        steps = {step for role, step in _under_way if f"/{role}" in caller_arn}
    return steps.pop() if len(steps) == 1 else None


def is_issued(rotation_token: str, secret_arn: str, version_id: str) -> bool:
    """Whether the rotation token was handed out for this version of this secret."""
    with _lock:
        return _issued.get(rotation_token) == (secret_arn, version_id)


def rotate_secret(data: dict[str, Any]) -> Response:
    """RotateSecret: check, take note of the settings, and start the rotation in the background."""
    from ministack.core.responses import json_response
    from ministack.services import secretsmanager

    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if not secret:
        return refuse("ResourceNotFoundException", NOT_FOUND)
    if secret.get("DeletedDate"):
        return refuse(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    function_arn = data.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
    if not function_arn:
        return refuse(
            "InvalidRequestException",
            "No Lambda rotation function ARN is associated with this secret.",
        )
    if not _may_invoke(function_arn):
        return refuse("AccessDeniedException", CANNOT_INVOKE)
    secret["RotationLambdaARN"] = function_arn
    secret["RotationRules"] = data.get("RotationRules") or secret.get("RotationRules")
    secret["RotationEnabled"] = True

    token = data.get("ClientRequestToken") or str(uuid.uuid4())
    answer = {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token}
    if not data.get("RotateImmediately", True):
        _start(Rotation(secret, function_arn, token, ("testSecret",)))
        return json_response({**answer, "VersionId": token})
    pending = _unfinished(secret)
    if token in secret["Versions"] and token != pending:
        # Asked for before, and done.
        return json_response(answer)
    if pending is not None:
        _start(Rotation(secret, function_arn, pending, STEPS))
        if token == pending:
            return json_response(answer)
        return refuse("InvalidRequestException", NOT_COMPLETE)
    _start(Rotation(secret, function_arn, token, STEPS))
    return json_response(answer)


def cancel_rotation(data: dict[str, Any]) -> Response:
    """CancelRotateSecret: no further rotations; what is under way is left as it is."""
    from ministack.core.responses import json_response
    from ministack.services import secretsmanager

    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if not secret:
        return refuse("ResourceNotFoundException", NOT_FOUND)
    secret["RotationEnabled"] = False
    return json_response({"ARN": secret["ARN"], "Name": secret["Name"]})


def refuse(code: str, message: str) -> Response:
    """Secrets Manager's error answer."""
    from ministack.core.responses import error_response_json

    refusal: Response = error_response_json(code, message, 400)
    return refusal


def _may_invoke(function_arn: str) -> bool:
    """Whether the function exists and its own policy lets Secrets Manager call it."""
    from ministack import app
    from ministack.services import lambda_svc

    function, _, _ = lambda_svc._get_func_record_for_ref(function_arn)
    if not function:
        return False
    if not app.AUTH:
        return True
    return any(
        statement.get("Effect") == "Allow"
        and isinstance(statement.get("Principal"), dict)
        and statement["Principal"].get("Service") == SERVICE_PRINCIPAL
        for statement in (function.get("policy") or {}).get("Statement", [])
    )


def _unfinished(secret: dict[str, Any]) -> str | None:
    """The version that an earlier rotation left under AWSPENDING, if it did."""
    for version_id, version in secret["Versions"].items():
        if "AWSPENDING" in version["Stages"] and "AWSCURRENT" not in version["Stages"]:
            return str(version_id)
    return None


def _start(rotation: Rotation) -> None:
    """Make the version and begin; joins the rotation that is already making the same one."""
    with _lock:
        if _rotating.get(rotation.arn) == rotation.token:
            return
        _rotating[rotation.arn] = rotation.token
        turn = _turns.setdefault(rotation.arn, threading.Lock())
    rotation.secret["Versions"].setdefault(
        rotation.token,
        {
            "SecretString": None,
            "SecretBinary": None,
            "CreatedDate": int(time.time()),
            "Stages": ["AWSPENDING"],
        },
    )
    threading.Thread(
        target=_rotate,
        args=(rotation, turn),
        name=f"rotate-{rotation.secret['Name']}",
        daemon=True,
    ).start()


def _rotate(rotation: Rotation, turn: threading.Lock) -> None:
    """Drive the function through the steps, from the first one again when one of them fails."""
    from ministack.core.responses import request_scope

    try:
        with request_scope(ACCOUNT_ID, REGION):
            attempts = max(1, int(current().rotation_attempts))
            for attempt in range(1, attempts + 1):
                if attempt > 1:
                    time.sleep(current().rotation_retry_seconds)
                with turn:
                    if _try(rotation, attempt):
                        return
                if not _is_wanted(rotation):
                    return
            logger.warning("rotation of %s given up after %d attempts", rotation.arn, attempts)
    finally:
        if rotation.steps != STEPS:
            # A mere test makes a pending version and takes it away again.
            rotation.secret["Versions"].pop(rotation.token, None)
        with _lock:
            if _rotating.get(rotation.arn) == rotation.token:
                del _rotating[rotation.arn]


def _try(rotation: Rotation, attempt: int) -> bool:
    """Run the steps once; whether all of them went well."""
    for step in rotation.steps:
        if not _is_wanted(rotation):
            return False
        failure = _run(rotation, step, attempt)
        if failure is not None:
            logger.warning("rotation of %s failed in %s: %s", rotation.arn, step, failure)
            return False
    if "finishSecret" in rotation.steps:
        rotation.secret["LastRotatedDate"] = int(time.time())
    logger.info("rotation of %s: %s done", rotation.arn, ", ".join(rotation.steps))
    return True


def _is_wanted(rotation: Rotation) -> bool:
    """Whether there still is something to rotate to, and nobody asked for something else."""
    version = rotation.secret["Versions"].get(rotation.token)
    with _lock:
        newest = _rotating.get(rotation.arn) == rotation.token
    return bool(
        newest
        and rotation.secret.get("RotationEnabled")
        and not rotation.secret.get("DeletedDate")
        and version
        and {"AWSPENDING", "AWSCURRENT"} & set(version["Stages"])
    )


def _run(rotation: Rotation, step: str, attempt: int) -> str | None:
    """Run one step and write it down; why it failed, or None."""
    from ministack.services import lambda_svc

    function, config, _ = lambda_svc._get_func_record_for_ref(rotation.function_arn)
    if not function or not config:
        return f"function {rotation.function_arn} does not exist"
    entry = (str(config.get("Role", "")).rsplit("/", 1)[-1], step)
    rotation_token = str(uuid.uuid4())
    with _lock:
        _issued[rotation_token] = (rotation.arn, rotation.token)
        _under_way.append(entry)
    came_in = datetime.now(UTC).isoformat(timespec="milliseconds")
    started = time.monotonic()
    event = {
        "Step": step,
        "SecretId": rotation.arn,
        "ClientRequestToken": rotation.token,
        "RotationToken": rotation_token,
    }
    try:
        record = lambda_svc._execution_record_for_config(function, config)
        failure = _failure(lambda_svc._execute_function_with_config_scope(record, event))
    finally:
        with _lock:
            _under_way.remove(entry)
    with _lock:
        _records.append(
            {
                "time": came_in,
                "secret": rotation.arn,
                "version": rotation.token,
                "attempt": attempt,
                "step": step,
                "duration_ms": round((time.monotonic() - started) * 1000, 1),
                "failure": failure,
            }
        )
    return failure


def _failure(result: dict[str, Any]) -> str | None:
    """Why an invocation failed, or None."""
    if not (result.get("error") or result.get("throttle")):
        return None
    body = result.get("body")
    return str(body.get("errorMessage") if isinstance(body, dict) else body)

"""Rotation of secrets, which MiniStack only pretends.

RotateSecret there promotes a copy of the old value at once and calls nobody. Here it does what AWS
documents: an empty version is made under AWSPENDING, and the rotation function is driven through
createSecret, setSecret, testSecret and finishSecret, one after the other, each with the same token.
A step that fails ends the rotation and leaves AWSPENDING where it is; the next RotateSecret says so
and takes the rotation up again. AWS tries again by itself too; here that takes a request.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from typing import Any

from localcloud.settings import ACCOUNT_ID, REGION, Settings

logger = logging.getLogger("localcloud")

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
SERVICE_PRINCIPAL = "secretsmanager.amazonaws.com"
DAY_SECONDS = 86_400

NOT_FOUND = "Secrets Manager can't find the specified secret."
CANNOT_INVOKE = (
    "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy "
    f"grants access to the principal {SERVICE_PRINCIPAL}."
)
NOT_COMPLETE = "A previous rotation isn't complete. That rotation will be reattempted."

Response = tuple[int, dict[str, str], bytes]

# Secrets whose rotation is under way, by ARN.
_rotating: set[str] = set()
_lock = threading.Lock()


def install(_settings: Settings) -> None:
    """Replace the stub, and make versions behave as a rotation function expects them to."""
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
    secretsmanager._get_secret_value = _checked_get(secretsmanager)
    secretsmanager._put_secret_value = _checked_put(secretsmanager)
    secretsmanager._describe_secret = _dated_describe(secretsmanager)


def rotate_secret(data: dict[str, Any]) -> Response:
    """RotateSecret: check, take note of the settings, and start the rotation in the background."""
    from ministack.core.responses import json_response
    from ministack.services import secretsmanager

    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if not secret:
        return _refuse("ResourceNotFoundException", NOT_FOUND)
    if secret.get("DeletedDate"):
        return _refuse(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    function_arn = data.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
    if not function_arn:
        return _refuse(
            "InvalidRequestException",
            "No Lambda rotation function ARN is associated with this secret.",
        )
    if not _may_invoke(function_arn):
        return _refuse("AccessDeniedException", CANNOT_INVOKE)
    secret["RotationLambdaARN"] = function_arn
    secret["RotationRules"] = data.get("RotationRules") or secret.get("RotationRules")
    secret["RotationEnabled"] = True

    token = data.get("ClientRequestToken") or str(uuid.uuid4())
    answer = {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token}
    if not data.get("RotateImmediately", True):
        _start(secret, function_arn, token, ("testSecret",))
        return json_response({**answer, "VersionId": token})
    pending = _unfinished(secret)
    if token in secret["Versions"] and token != pending:
        # Asked for before, and done.
        return json_response(answer)
    if pending is not None:
        _start(secret, function_arn, pending, STEPS)
        if token == pending:
            return json_response(answer)
        return _refuse("InvalidRequestException", NOT_COMPLETE)
    _start(secret, function_arn, token, STEPS)
    return json_response(answer)


def cancel_rotation(data: dict[str, Any]) -> Response:
    """CancelRotateSecret: no further rotations; what is under way is left as it is."""
    from ministack.core.responses import json_response
    from ministack.services import secretsmanager

    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if not secret:
        return _refuse("ResourceNotFoundException", NOT_FOUND)
    secret["RotationEnabled"] = False
    return json_response({"ARN": secret["ARN"], "Name": secret["Name"]})


def _refuse(code: str, message: str) -> Response:
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


def _start(secret: dict[str, Any], function_arn: str, token: str, steps: tuple[str, ...]) -> None:
    with _lock:
        if secret["ARN"] in _rotating:
            return
        _rotating.add(secret["ARN"])
    secret["Versions"].setdefault(
        token,
        {
            "SecretString": None,
            "SecretBinary": None,
            "CreatedDate": int(time.time()),
            "Stages": ["AWSPENDING"],
        },
    )
    threading.Thread(
        target=_rotate,
        args=(secret, function_arn, token, steps),
        name=f"rotate-{secret['Name']}",
        daemon=True,
    ).start()


def _rotate(secret: dict[str, Any], function_arn: str, token: str, steps: tuple[str, ...]) -> None:
    """Drive the function through the steps; the first failure ends it."""
    from ministack.core.responses import request_scope

    arn = secret["ARN"]
    try:
        with request_scope(ACCOUNT_ID, REGION):
            for step in steps:
                failure = _invoke(function_arn, arn, token, step)
                if failure is not None:
                    logger.warning("rotation of %s failed in %s: %s", arn, step, failure)
                    return
            if "finishSecret" in steps:
                secret["LastRotatedDate"] = int(time.time())
            logger.info("rotation of %s: %s done", arn, ", ".join(steps))
    finally:
        if steps != STEPS:
            # A mere test makes a pending version and takes it away again.
            secret["Versions"].pop(token, None)
        with _lock:
            _rotating.discard(arn)


def _invoke(function_arn: str, secret_arn: str, token: str, step: str) -> str | None:
    """Run one step; why it failed, or None."""
    from ministack.services import lambda_svc

    function, config, _ = lambda_svc._get_func_record_for_ref(function_arn)
    if not function or not config:
        return f"function {function_arn} does not exist"
    event = {
        "Step": step,
        "SecretId": secret_arn,
        "ClientRequestToken": token,
        "RotationToken": str(uuid.uuid4()),
    }
    record = lambda_svc._execution_record_for_config(function, config)
    result = lambda_svc._execute_function_with_config_scope(record, event)
    if result.get("error") or result.get("throttle"):
        body = result.get("body")
        return str(body.get("errorMessage") if isinstance(body, dict) else body)
    return None


def _checked_get(secretsmanager: Any) -> Any:
    get = secretsmanager._get_secret_value

    def get_secret_value(data: dict[str, Any]) -> Response:
        _, secret = secretsmanager._resolve(data.get("SecretId"))
        version_id, stage = data.get("VersionId"), data.get("VersionStage")
        if secret and not secret.get("DeletedDate"):
            if version_id is None:
                version_id, version = secretsmanager._find_stage_version(
                    secret, stage or "AWSCURRENT"
                )
            else:
                version = secret["Versions"].get(version_id)
            if version and stage and stage not in version["Stages"]:
                return _refuse(
                    "InvalidRequestException",
                    "You provided a VersionStage that is not associated to the provided VersionId.",
                )
            if version and version["SecretString"] is None and version["SecretBinary"] is None:
                # Made by RotateSecret, not yet filled by the function.
                return _refuse(
                    "ResourceNotFoundException",
                    "Secrets Manager can't find the specified secret value for VersionId: "
                    f"{version_id}",
                )
        found: Response = get(data)
        return found

    return get_secret_value


def _checked_put(secretsmanager: Any) -> Any:
    put = secretsmanager._put_secret_value

    def put_secret_value(data: dict[str, Any]) -> Response:
        from ministack.core.responses import json_response

        _, secret = secretsmanager._resolve(data.get("SecretId"))
        token = data.get("ClientRequestToken")
        if not secret or secret.get("DeletedDate"):
            refused: Response = put(data)
            return refused
        known = secret["Versions"].get(token) if token else None
        filled = known and not (known["SecretString"] is None and known["SecretBinary"] is None)
        if known and filled:
            if known["SecretString"] != data.get("SecretString"):
                return _refuse(
                    "ResourceExistsException",
                    "You can't use ClientRequestToken "
                    f"{token} because that value is already in use for a version of secret "
                    f"{secret['ARN']}.",
                )
            return json_response(
                {
                    "ARN": secret["ARN"],
                    "Name": secret["Name"],
                    "VersionId": token,
                    "VersionStages": list(known["Stages"]),
                }
            )
        stages = data.get("VersionStages") or ["AWSCURRENT"]
        for stage in stages:
            # A label is on one version at a time; AWSCURRENT's move is MiniStack's own doing.
            if stage != "AWSCURRENT":
                secretsmanager._remove_stage_everywhere(secret, stage, except_version_id=token)
        done: Response = put(data)
        return done

    return put_secret_value


def _dated_describe(secretsmanager: Any) -> Any:
    describe = secretsmanager._describe_secret

    def describe_secret(data: dict[str, Any]) -> Response:
        status, headers, body = describe(data)
        _, secret = secretsmanager._resolve(data.get("SecretId"))
        if status != 200 or not secret or not secret.get("LastRotatedDate"):
            return status, headers, body
        document = json.loads(body)
        document["LastRotatedDate"] = secret["LastRotatedDate"]
        days = (secret.get("RotationRules") or {}).get("AutomaticallyAfterDays")
        if days and secret.get("RotationEnabled"):
            document["NextRotationDate"] = secret["LastRotatedDate"] + int(days) * DAY_SECONDS
        return status, headers, json.dumps(document).encode()

    return describe_secret

"""Versions and labels of secrets, as strict and as talkative as Secrets Manager is about them.

MiniStack hands out a version that has no value yet, lets a version be written twice, puts a label
on several versions, finds secrets by any part of their name, and says little about rotation.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from localcloud.extensions import rotation
from localcloud.extensions.rotation import Response, refuse
from localcloud.settings import Settings

DAY_SECONDS = 86_400

Secret = dict[str, Any]
Operation = Callable[[dict[str, Any]], Response]


def install(_settings: Settings) -> None:
    """Make versions behave as a rotation function expects them to."""
    from ministack.services import secretsmanager

    secretsmanager._get_secret_value = _checked_get(secretsmanager)
    secretsmanager._put_secret_value = _checked_put(secretsmanager)
    secretsmanager._describe_secret = _full_describe(secretsmanager)
    secretsmanager._list_secrets = _full_list(secretsmanager)
    secretsmanager._filter_secret_names = _filtered


def _checked_get(secretsmanager: Any) -> Operation:
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
                return refuse(
                    "InvalidRequestException",
                    "You provided a VersionStage that is not associated to the provided VersionId.",
                )
            if version and version["SecretString"] is None and version["SecretBinary"] is None:
                # Made by RotateSecret, not yet filled by the function.
                return refuse(
                    "ResourceNotFoundException",
                    "Secrets Manager can't find the specified secret value for VersionId: "
                    f"{version_id}",
                )
        found: Response = get(data)
        return found

    return get_secret_value


def _checked_put(secretsmanager: Any) -> Operation:
    put = secretsmanager._put_secret_value

    def put_secret_value(data: dict[str, Any]) -> Response:
        from ministack.core.responses import json_response

        _, secret = secretsmanager._resolve(data.get("SecretId"))
        token = data.get("ClientRequestToken")
        if not secret or secret.get("DeletedDate"):
            refused: Response = put(data)
            return refused
        rotation_token = data.get("RotationToken")
        if rotation_token and not rotation.is_issued(rotation_token, secret["ARN"], token or ""):
            return refuse(
                "InvalidRequestException",
                "The RotationToken is not one of this rotation of this secret.",
            )
        known = secret["Versions"].get(token) if token else None
        filled = known and not (known["SecretString"] is None and known["SecretBinary"] is None)
        if known and filled:
            if known["SecretString"] != data.get("SecretString"):
                return refuse(
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


def _full_describe(secretsmanager: Any) -> Operation:
    describe = secretsmanager._describe_secret

    def describe_secret(data: dict[str, Any]) -> Response:
        status, headers, body = describe(data)
        _, secret = secretsmanager._resolve(data.get("SecretId"))
        if status != 200 or not secret:
            return status, headers, body
        return status, headers, json.dumps(json.loads(body) | _about_rotation(secret)).encode()

    return describe_secret


def _full_list(secretsmanager: Any) -> Operation:
    list_secrets = secretsmanager._list_secrets

    def list_all(data: dict[str, Any]) -> Response:
        status, headers, body = list_secrets(data)
        if status != 200:
            return status, headers, body
        document = json.loads(body)
        for entry in document["SecretList"]:
            _, secret = secretsmanager._resolve(entry["ARN"])
            entry.update(_about_rotation(secret or {}))
        return status, headers, json.dumps(document).encode()

    return list_all


def _about_rotation(secret: Secret) -> dict[str, Any]:
    """What DescribeSecret and ListSecrets tell of a secret's rotation, and of its owner."""
    said: dict[str, Any] = {}
    for name in ("RotationLambdaARN", "RotationRules", "LastRotatedDate", "OwningService"):
        if secret.get(name):
            said[name] = secret[name]
    days = (secret.get("RotationRules") or {}).get("AutomaticallyAfterDays")
    if days and secret.get("RotationEnabled") and secret.get("LastRotatedDate"):
        said["NextRotationDate"] = secret["LastRotatedDate"] + int(days) * DAY_SECONDS
    return said


def _filtered(names: list[str], filters: list[dict[str, Any]]) -> list[str]:
    """The names that pass every filter."""
    from ministack.services import secretsmanager

    return [
        name
        for name in names
        if all(_passes(secretsmanager._secrets[name], wish) for wish in filters)
    ]


def _passes(secret: Secret, wish: dict[str, Any]) -> bool:
    """Whether one of the filter's values fits; `!` before a value is everything but it."""
    key = wish.get("Key", "")
    texts = _texts(secret, key)

    def fits(value: str) -> bool:
        if value.startswith("!"):
            return not fits(value[1:])
        if key == "all":
            return all(any(word in text for text in texts) for word in value.lower().split())
        wanted = value.lower() if key == "description" else value
        return any(text.startswith(wanted) for text in texts)

    return any(fits(value) for value in wish.get("Values", []))


def _texts(secret: Secret, key: str) -> list[str]:
    """What a filter of this key looks at, in small letters where it does not tell them apart."""
    tags = secret.get("Tags") or []
    looked_at = {
        "name": [secret["Name"]],
        "description": [(secret.get("Description") or "").lower()],
        "tag-key": [str(tag.get("Key")) for tag in tags],
        "tag-value": [str(tag.get("Value")) for tag in tags],
        "owning-service": [secret.get("OwningService") or ""],
        "primary-region": [secret.get("_PrimaryRegion") or ""],
    }
    if key == "all":
        return [text.lower() for texts in looked_at.values() for text in texts]
    return looked_at.get(key, [])

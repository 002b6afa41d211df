"""Reads `infra/manifest.yaml`: fills in its placeholders and applies what a test sets over it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import yaml

# IAM: the characters of all of a role's inline policies together, white space not counted.
POLICY_LENGTH_MAX = 10_240
# AWS's limits for the names that are put together from the manifest's keys.
NAME_LENGTH_MAX = {"function": 64, "rule": 64, "role": 64}
# What a rule, a role or a queue has that is not in this list is a slip of the pen.
FUNCTION_KEYS = {
    "alarm_topics",
    "description",
    "environment",
    "invoked_by",
    "log_retention_days",
    "memory_mb",
    "policy",
    "queue",
    "reserved_concurrency",
    "rules",
    "timeout_seconds",
    "topics",
    "vpc",
}
INVOKER_KEYS = {"principal", "source_account", "source_arn"}


class ManifestError(ValueError):
    """The manifest, or what was set over it, cannot be used; the text names every mistake."""


def load(path: Path, values: Mapping[str, str]) -> dict[str, Any]:
    """The manifest with every placeholder filled in from `values`."""
    template = Template(path.read_text(encoding="utf-8"))
    unknown = sorted(set(template.get_identifiers()) - set(values))
    if unknown:
        raise ManifestError(
            f"{path}: no value is known for {', '.join('${' + name + '}' for name in unknown)}; "
            f"known are {', '.join(sorted(values))}"
        )
    manifest = yaml.safe_load(template.substitute(values))
    mistakes = list(_mistakes(manifest, values["prefix"]))
    if mistakes:
        raise ManifestError(f"{path}: " + "; ".join(mistakes))
    return manifest


def set_values(manifest: dict[str, Any], settings: list[str]) -> None:
    """Applies `path=value` settings: `queue.max_receive_count=2` to every function,
    `functions.NAME.queue.max_receive_count=2` to one. Only what is there can be set, except for
    environment variables, which may be added.
    """
    mistakes = [
        mistake for setting in settings for mistake in _set_value(manifest, setting) if mistake
    ]
    if mistakes:
        raise ManifestError("; ".join(mistakes))


def _set_value(manifest: dict[str, Any], setting: str) -> list[str]:
    path, equals, text = setting.partition("=")
    if not equals:
        return [f"--set {setting}: expected PATH=VALUE, such as queue.max_receive_count=2"]
    keys = path.split(".")
    places = [manifest] if keys[0] in manifest else list(manifest["functions"].values())
    return [_set_at(place, keys, yaml.safe_load(text), text, path) for place in places]


def _set_at(place: Any, keys: list[str], value: Any, text: str, path: str) -> str:
    """Sets one value in one place; the answer is what is wrong, or nothing."""
    *way, last = keys
    for depth, key in enumerate(way):
        if not isinstance(place, dict) or key not in place:
            return _no_such(path, ".".join(keys[: depth + 1]), place)
        place = place[key]
    if way[-1:] == ["environment"]:
        place[last] = text
        return ""
    if not isinstance(place, dict) or last not in place:
        return _no_such(path, path, place)
    place[last] = value
    return ""


def _no_such(path: str, missing: str, place: Any) -> str:
    known = ", ".join(sorted(place)) if isinstance(place, dict) else "nothing"
    return f"--set {path}: the manifest has no {missing}; there it has {known}"


def _mistakes(manifest: dict[str, Any], prefix: str) -> list[str]:
    """What AWS would refuse only after half of the suite exists."""
    mistakes = []
    for kind, names in _names(manifest, prefix).items():
        for name in names:
            if len(name) > NAME_LENGTH_MAX[kind]:
                mistakes.append(
                    f"the {kind}'s name {name} has {len(name)} characters, "
                    f"AWS takes {NAME_LENGTH_MAX[kind]}"
                )
    for name, described in {**manifest["roles"], **manifest["functions"]}.items():
        length = len("".join(json.dumps(described.get("policy", [])).split()))
        if length > POLICY_LENGTH_MAX:
            mistakes.append(
                f"the policy of {name} has {length} characters, IAM takes {POLICY_LENGTH_MAX}"
            )
    for name, function in manifest["functions"].items():
        for key in sorted(set(function) ^ FUNCTION_KEYS):
            what = "is missing" if key in FUNCTION_KEYS else "is unknown"
            mistakes.append(f"functions.{name}.{key} {what}")
        mistakes += _names_that_lead_nowhere(manifest, name, function)
        queue = function.get("queue", {})
        timeout = function.get("timeout_seconds", 0)
        if queue.get("visibility_timeout_seconds", 0) < timeout:
            mistakes.append(
                f"functions.{name}: its queue hands a message out again after "
                f"{queue.get('visibility_timeout_seconds')} s, while it may still be at work "
                f"for {timeout} s"
            )
    return mistakes


def _names_that_lead_nowhere(
    manifest: dict[str, Any], name: str, function: dict[str, Any]
) -> list[str]:
    """Topics that the suite does not have, and callers of whom nobody says on whose behalf."""
    mistakes = []
    for key in ("topics", "alarm_topics"):
        known = ", ".join(sorted(manifest["topics"]))
        mistakes += [
            f"functions.{name}.{key}: there is no topic {topic}; there are {known}"
            for topic in function.get(key, [])
            if topic not in manifest["topics"]
        ]
    for caller, described in function.get("invoked_by", {}).items():
        if "principal" not in described or not set(described) & INVOKER_KEYS - {"principal"}:
            mistakes.append(
                f"functions.{name}.invoked_by.{caller}: needs a principal, and a source_account or "
                "a source_arn: without one, anybody's resources could call the function"
            )
        for key in sorted(set(described) - INVOKER_KEYS):
            mistakes.append(f"functions.{name}.invoked_by.{caller}.{key} is unknown")
    return mistakes


def _names(manifest: dict[str, Any], prefix: str) -> dict[str, list[str]]:
    functions = manifest["functions"]
    return {
        "function": [f"{prefix}-{name}" for name in functions],
        "rule": [
            f"{prefix}-{name}-{rule}" for name in functions for rule in functions[name]["rules"]
        ],
        "role": [f"{prefix}-{name}" for name in [*functions, *manifest["roles"]]],
    }

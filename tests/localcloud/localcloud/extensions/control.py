"""The control API: how a test tells the cloud what to do and asks what happened.

It answers on the same port as AWS, below ``/_localcloud/``, and knows no IAM: it stands for the
laws of nature, not for a service.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from localcloud import gateway, internal_events, settings
from localcloud.extensions import calls, faults, mail, rotation, schedules, sinks
from localcloud.gateway import Proceed, Request, Send
from localcloud.settings import Settings
from localcloud.sinks import sink

PREFIX = "/_localcloud/"

Handler = Callable[[Request], Any]


class Refused(ValueError):
    """The request cannot be carried out; the message says why."""


REFUSALS = (
    Refused,
    faults.FaultError,
    schedules.NoSuchSchedule,
    settings.SettingsError,
    *sink.REFUSALS,
)


def install(_settings: Settings) -> None:
    """Answer the control API before anybody else sees a request."""
    ROUTES["sinks"] = {"GET": lambda _request: sinks.overview(), "DELETE": _forget_sinks}
    for name in sinks.names():
        ROUTES.update(_sink_routes(name))
    gateway.add_door(_answer)


async def _answer(request: Request, send: Send, proceed: Proceed) -> None:
    if not request.path.startswith(PREFIX):
        await proceed(request, send)
        return
    name = request.path.removeprefix(PREFIX).rstrip("/")
    methods = ROUTES.get(name)
    if methods is None:
        known = ", ".join(sorted(ROUTES))
        await gateway.answer_json(send, 404, {"error": f"no such path: {name}; known: {known}"})
        return
    handler = methods.get(request.method)
    if handler is None:
        allowed = ", ".join(sorted(methods))
        await gateway.answer_json(send, 405, {"error": f"{name} takes {allowed}"})
        return
    try:
        body = handler(request)
    except REFUSALS as error:
        await gateway.answer_json(send, 400, {"error": str(error)})
        return
    await gateway.answer_json(send, 200, body)


def _document(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(request.body)
    except ValueError as error:
        raise Refused(f"the body is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Refused("the body must be a JSON object")
    return document


def _health(_request: Request) -> dict[str, str]:
    return {"status": "ok"}


def _calls(request: Request) -> list[dict[str, Any]]:
    query = request.query()
    unknown = sorted(set(query) - {"service", "operation", "caller"})
    if unknown:
        raise Refused(f"{', '.join(unknown)}: unknown; known are service, operation, caller")
    return calls.recorded(**{name: values[-1] for name, values in query.items() if values[-1]})


def _forget_calls(_request: Request) -> dict[str, str]:
    calls.forget()
    return {"status": "forgotten"}


def _rotations(request: Request) -> list[dict[str, Any]]:
    query = request.query()
    unknown = sorted(set(query) - {"secret"})
    if unknown:
        raise Refused(f"{', '.join(unknown)}: unknown; known is secret")
    return rotation.recorded(**{name: values[-1] for name, values in query.items() if values[-1]})


def _forget_rotations(_request: Request) -> dict[str, str]:
    rotation.forget()
    return {"status": "forgotten"}


def _show_faults(_request: Request) -> dict[str, Any]:
    return {"rules": faults.show_rules()}


def _replace_faults(request: Request) -> dict[str, Any]:
    return {"rules": faults.replace_rules(_document(request))}


def _no_faults(_request: Request) -> dict[str, Any]:
    return {"rules": faults.replace_rules({"rules": []})}


def _show_settings(_request: Request) -> dict[str, Any]:
    return settings.current().as_json()


def _change_settings(request: Request) -> dict[str, Any]:
    return settings.change(_document(request)).as_json()


def _fire(request: Request) -> dict[str, str]:
    document = _document(request)
    name = document.get("schedule")
    if set(document) != {"schedule"} or not isinstance(name, str):
        raise Refused('expected {"schedule": "the name of a rule or of a schedule"}')
    return {"fired": schedules.fire(name)}


def _publish(request: Request) -> dict[str, str]:
    document = _document(request)
    wanted = {"source": str, "detail-type": str, "detail": dict, "resources": list}
    mistakes = [
        f"{name}: expected a {kind.__name__}"
        for name, kind in wanted.items()
        if not isinstance(document.get(name), kind)
    ]
    mistakes += [f"{name}: unknown" for name in sorted(set(document) - set(wanted))]
    if not str(document.get("source")).startswith("aws."):
        mistakes.append("source: expected an AWS service's; PutEvents takes all others")
    if mistakes:
        raise Refused("; ".join(mistakes))
    internal_events.publish(
        document["source"], document["detail-type"], document["detail"], document["resources"]
    )
    return {"published": document["detail-type"]}


def _mail(_request: Request) -> list[dict[str, Any]]:
    return mail.letters()


def _forget_mail(_request: Request) -> dict[str, str]:
    mail.forget()
    return {"status": "forgotten"}


def _forget_sinks(_request: Request) -> dict[str, str]:
    for name in sinks.names():
        sinks.find(name).forget()
    return {"status": "forgotten"}


def _sink_routes(name: str) -> dict[str, dict[str, Handler]]:
    """What can be asked of one sink."""
    one = sinks.find(name)

    def forget(_request: Request) -> dict[str, str]:
        one.forget()
        return {"status": "forgotten"}

    return {
        f"sinks/{name}": {
            "GET": lambda _request: one.shown(),
            "PUT": lambda request: one.configure(_document(request)),
            "DELETE": forget,
        },
        f"sinks/{name}/faults": {
            "GET": lambda _request: {"rules": one.show_rules()},
            "PUT": lambda request: {"rules": one.replace_rules(_document(request))},
            "DELETE": lambda _request: {"rules": one.replace_rules({"rules": []})},
        },
    }


ROUTES: dict[str, dict[str, Handler]] = {
    "health": {"GET": _health},
    "calls": {"GET": _calls, "DELETE": _forget_calls},
    "events": {"POST": _publish},
    "faults": {"GET": _show_faults, "PUT": _replace_faults, "DELETE": _no_faults},
    "fire": {"POST": _fire},
    "mail": {"GET": _mail, "DELETE": _forget_mail},
    "rotations": {"GET": _rotations, "DELETE": _forget_rotations},
    "settings": {"GET": _show_settings, "PUT": _change_settings},
}

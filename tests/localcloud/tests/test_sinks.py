"""PagerDuty, Teams and a webhook's receiver, and how every sink fails on demand."""

from __future__ import annotations

import hashlib
import hmac
import ssl
import urllib.error

import pytest
from cloud import wait_for
from sinks_in_tests import CHANNEL, ROUTING_KEY, failing, kept, requests, send, set_up, slack

TEAMS = "/workflows/localcloudworkflow/triggers/manual/paths/invoke?sig=localcloud-signature"
PAYLOAD = {"summary": "All tasks have stopped", "source": "mate-demo-dev", "severity": "critical"}
CARD = {
    "type": "message",
    "attachments": [
        {
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [{"type": "TextBlock", "text": "All tasks have stopped"}],
            },
        }
    ],
}


@pytest.fixture(autouse=True)
def fresh(cloud):
    cloud.control("DELETE", "sinks")


def page(cloud, action="trigger", **more):
    """Send an event to PagerDuty; status and answer."""
    event = {"routing_key": ROUTING_KEY, "event_action": action, "dedup_key": "tasks"}
    if action == "trigger":
        event["payload"] = PAYLOAD
    return send(cloud, "pagerduty", "/v2/enqueue", event | more)[:2]


def incidents(cloud):
    return kept(cloud, "pagerduty")["incidents"]


def test_an_event_opens_an_incident_the_same_again_joins_it_and_resolve_closes_it(cloud):
    taken = {"status": "success", "message": "Event processed", "dedup_key": "tasks"}
    assert page(cloud) == (202, taken)
    assert page(cloud) == (202, taken)
    assert page(cloud, "acknowledge") == (202, taken)
    assert incidents(cloud)[0]["state"] == "acknowledged"
    assert page(cloud, "resolve") == (202, taken)
    (incident,) = incidents(cloud)
    assert incident["state"] == "resolved" and len(incident["events"]) == 2
    actions = [one["action"] for one in incident["log"]]
    assert actions == ["trigger", "trigger", "acknowledge", "resolve"]
    page(cloud)
    assert [one["state"] for one in incidents(cloud)] == ["resolved", "triggered"]


def test_only_the_routing_key_that_opened_an_incident_closes_it(cloud):
    page(cloud)
    assert page(cloud, "resolve", routing_key="f" * 32)[0] == 202
    assert incidents(cloud)[0]["state"] == "triggered"


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"routing_key": "short"}, "Length of 'routing_key' is incorrect"),
        ({"routing_key": "0" * 32}, "Invalid routing key"),
        ({"event_action": "page"}, "'event_action' is missing or invalid"),
        ({"event_action": "resolve", "dedup_key": None}, "'dedup_key' is required"),
        ({"dedup_key": "x" * 256}, "'dedup_key' is too long"),
        ({"payload": None}, "'payload' is missing"),
        ({"payload": PAYLOAD | {"severity": "fatal"}}, "'payload.severity' is invalid"),
        ({"payload": PAYLOAD | {"summary": "x" * 1025}}, "'payload.summary' is too long"),
        ({"payload": PAYLOAD | {"source": " "}}, "'payload.source' is missing"),
        ({"payload": PAYLOAD | {"timestamp": "today"}}, "'payload.timestamp'"),
        ({"payload": PAYLOAD | {"colour": "red"}}, "'payload.colour' is not a field"),
        ({"links": [{"text": "no address"}]}, "'links' must be"),
    ],
)
def test_an_event_that_pagerduty_would_not_take_is_refused(cloud, change, mistake):
    status, answer = page(cloud, **change)
    assert status == 400 and answer["status"] == "invalid event"
    assert len(answer["errors"]) == 1 and mistake in answer["errors"][0]
    assert incidents(cloud) == []


def test_an_event_of_more_than_512_kb_is_refused(cloud):
    big = PAYLOAD | {"custom_details": {"log": "x" * 512 * 1024}}
    assert page(cloud, payload=big)[0] == 413


def test_a_routing_key_takes_a_burst_of_120_events_and_then_two_a_second(cloud):
    # The bucket is refilled while the requests are made, so it holds somewhat more than 120.
    statuses = [page(cloud)[0] for _ in range(120)]
    assert statuses == [202] * 120
    wait_for("a refusal", lambda: page(cloud)[0] == 429)
    assert page(cloud, routing_key="f" * 32)[0] == 202
    with set_up(cloud, "pagerduty", limits=False):
        assert page(cloud)[0] == 202


def test_teams_takes_a_card_at_the_workflow_s_address(cloud):
    assert send(cloud, "teams", TEAMS, CARD)[0] == 202
    (message,) = kept(cloud, "teams")["messages"]
    assert message["cards"] == [CARD["attachments"][0]["content"]]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (TEAMS.replace("localcloud-signature", "wrong"), CARD, 401),
        (TEAMS.replace("localcloudworkflow", "another"), CARD, 404),
        (TEAMS, {"text": "hello"}, 400),
        (TEAMS, CARD | {"attachments": []}, 400),
        (TEAMS, b"{", 400),
        (TEAMS, CARD | {"more": "x" * 28 * 1024}, 413),
    ],
)
def test_teams_refuses_what_it_cannot_post(cloud, path, body, status):
    assert send(cloud, "teams", path, body)[0] == status
    assert kept(cloud, "teams")["messages"] == []


def test_a_webhook_s_receiver_keeps_what_a_signature_is_made_of(cloud):
    body = '{"summary": "Größe über 90 %"}'.encode()
    signature = hmac.new(b"key", body, hashlib.sha256).hexdigest()
    assert send(cloud, "webhook", "/alerts", body, {"X-Signature": signature})[0] == 204
    (request,) = requests(cloud, "webhook")
    again = hmac.new(b"key", request["body"].encode(), hashlib.sha256).hexdigest()
    assert (request["path"], request["headers"]["x-signature"]) == ("/alerts", again)


def test_a_sink_shows_a_certificate_of_the_local_authority_and_no_other(cloud):
    with pytest.raises(urllib.error.URLError) as refused:
        urllib.request.urlopen(cloud.control("GET", "sinks")["webhook"]["url"])
    assert isinstance(refused.value.reason, ssl.SSLCertVerificationError)


def test_a_sink_answers_with_the_status_that_is_asked_for(cloud):
    rule = {"kind": "refuse", "status": 429, "retry_after": 7, "count": 1, "skip": 1}
    with failing(cloud, "pagerduty", rule):
        event = {"routing_key": ROUTING_KEY, "event_action": "trigger", "payload": PAYLOAD}
        answers = [send(cloud, "pagerduty", "/v2/enqueue", event) for _ in range(3)]
        rules = cloud.control("GET", "sinks/pagerduty/faults")["rules"]
    assert [answer[0] for answer in answers] == [202, 429, 202]
    assert answers[1][2]["retry-after"] == "7"
    assert (rules[0]["matched"], rules[0]["applied"]) == (3, 1)
    assert len(incidents(cloud)) == 2
    assert [one["fault"] for one in requests(cloud, "pagerduty")] == [None, "refuse before", None]


def test_a_failure_may_come_after_the_effect(cloud):
    with failing(cloud, "pagerduty", {"kind": "refuse", "when": "after"}):
        assert page(cloud)[0] == 500
    assert len(incidents(cloud)) == 1


@pytest.mark.parametrize(
    ("sink", "path", "said"),
    [
        ("slack", "/api/chat.postMessage", {"ok": False, "error": "fatal_error"}),
        (
            "teams",
            TEAMS,
            "Webhook message delivery failed with error: fatal_error",
        ),
    ],
)
def test_a_failure_may_hide_in_a_200(cloud, sink, path, said):
    with failing(cloud, sink, {"kind": "error_body", "error": "fatal_error"}):
        assert send(cloud, sink, path, {})[:2] == (200, said)


@pytest.mark.parametrize("kind", ["timeout", "hang_up"])
def test_a_sink_may_say_nothing_at_all(cloud, kind):
    with failing(cloud, "webhook", {"kind": kind, "seconds": 0.2}), pytest.raises(OSError):
        send(cloud, "webhook", "/", {})
    assert [one["status"] for one in requests(cloud, "webhook")] == [0]


def test_a_dead_sink_comes_back_by_itself(cloud):
    with failing(cloud, "webhook", {"kind": "dead", "seconds": 0.5}):
        with pytest.raises(OSError):
            send(cloud, "webhook", "/", {})
        wait_for("its return", lambda: answers(cloud))


def answers(cloud) -> bool:
    """Whether the webhook's receiver takes anything now."""
    try:
        return send(cloud, "webhook", "/", {})[0] == 204
    except OSError:
        return False


def test_a_fault_may_be_about_some_requests_only(cloud):
    with failing(cloud, "slack", {"kind": "refuse", "about": "C0WARNINGS"}):
        assert slack(cloud, "chat.postMessage", channel=CHANNEL, text="hello")["ok"]
        assert slack(cloud, "chat.postMessage", channel="C0WARNINGS", text="hello") == ""


@pytest.mark.parametrize(
    ("path", "document", "words"),
    [
        ("sinks/slack/faults", {"rules": [{"kind": "explode", "rate": 2}]}, "kind.*rate"),
        ("sinks/slack/faults", {"rule": []}, "rules"),
        ("sinks/slack", {"tokens": "one", "colour": "red"}, "tokens.*colour"),
    ],
)
def test_a_wrong_document_is_refused_with_all_its_mistakes(cloud, path, document, words):
    with pytest.raises(AssertionError, match=words):
        cloud.control("PUT", path, document)

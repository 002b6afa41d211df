"""The imitation of Slack refuses, limits and keeps as Slack does."""

from __future__ import annotations

import json
import urllib.parse

import pytest
from sinks_in_tests import CHANNEL, TOKEN, kept, send, set_up, slack

HOOK = "/services/T0LOCALCLD/B0CRITICAL/localcloudcritical00"


@pytest.fixture(autouse=True)
def fresh(cloud):
    cloud.control("DELETE", "sinks/slack")


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def section(text):
    return {"type": "section", "text": mrkdwn(text)}


def messages(cloud):
    return kept(cloud, "slack")["messages"]


def test_a_message_is_posted_updated_and_answered_in_its_thread(cloud):
    posted = slack(cloud, "chat.postMessage", channel=CHANNEL, text="firing")
    assert posted["ok"] and posted["channel"] == CHANNEL
    reply = slack(
        cloud, "chat.postMessage", channel="#critical", text="more", thread_ts=posted["ts"]
    )
    assert reply["ok"]
    updated = slack(
        cloud, "chat.update", channel=CHANNEL, ts=posted["ts"], blocks=[section("resolved")]
    )
    assert updated["ok"]
    first, second = messages(cloud)
    assert first["blocks"] == [section("resolved")]
    assert [one["text"] for one in first["earlier"]] == ["firing"]
    assert second["thread_ts"] == first["ts"]


@pytest.mark.parametrize(
    ("token", "error"),
    [(None, "not_authed"), ("xoxb-wrong", "invalid_auth"), ("xoxb-old", "token_revoked")],
)
def test_a_token_that_is_none_is_told_in_a_200(cloud, token, error):
    with set_up(cloud, "slack", revoked_tokens=["xoxb-old"]):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        message = {"channel": CHANNEL, "text": "hello"}
        answer = send(cloud, "slack", "/api/chat.postMessage", message, headers)
    assert answer[:2] == (200, {"ok": False, "error": error})
    assert messages(cloud) == []


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ({"channel": "C0ARCHIVED", "text": "x"}, "is_archived"),
        ({"text": "x"}, "channel_not_found"),
        ({"channel": CHANNEL}, "no_text"),
        ({"channel": CHANNEL, "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": CHANNEL, "text": "x", "blocks": "{"}, "invalid_blocks_format"),
        ({"channel": CHANNEL, "attachments": [{}] * 101}, "too_many_attachments"),
        ({"channel": CHANNEL, "text": "x", "thread_ts": "1.000000"}, "thread_not_found"),
        ({"channel": CHANNEL, "blocks": [section("x" * 2700)] * 5}, "msg_blocks_too_long"),
    ],
)
def test_a_message_that_slack_would_not_take_is_refused(cloud, message, error):
    assert slack(cloud, "chat.postMessage", **message) == {"ok": False, "error": error}
    assert messages(cloud) == []


@pytest.mark.parametrize(
    ("block", "mistake"),
    [
        (
            section("x" * 3001),
            "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
        ),
        (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        (
            {"type": "section", "fields": [mrkdwn("x")] * 11},
            "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
        ),
        (
            {"type": "section", "fields": [mrkdwn("x" * 2001)]},
            "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
        ),
        (
            {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
            "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            {"type": "header", "text": mrkdwn("x")},
            "must be a valid enum value [json-pointer:/blocks/0/text/type]",
        ),
        (
            {"type": "context", "elements": [mrkdwn("x")] * 11},
            "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
        ),
        ({"type": "banner"}, "unsupported type: banner [json-pointer:/blocks/0/type]"),
        (
            {"type": "divider", "color": "red"},
            "additional property is not allowed: color [json-pointer:/blocks/0]",
        ),
    ],
)
def test_a_block_that_is_wrong_is_pointed_at(cloud, block, mistake):
    answer = slack(cloud, "chat.postMessage", channel=CHANNEL, blocks=[block])
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"] == [mistake]
    assert answer["response_metadata"] == {"messages": [f"[ERROR] {mistake}"]}
    coloured = [{"color": "#ff0000", "blocks": [block]}]
    answer = slack(cloud, "chat.postMessage", channel=CHANNEL, attachments=coloured)
    assert answer["errors"] == [mistake.replace("/blocks/", "/attachments/0/blocks/")]


def test_fifty_blocks_are_taken_and_fifty_one_are_not(cloud):
    post = {"channel": CHANNEL, "text": "many"}
    assert slack(cloud, "chat.postMessage", blocks=[{"type": "divider"}] * 50, **post)["ok"]
    answer = slack(cloud, "chat.postMessage", blocks=[{"type": "divider"}] * 51, **post)
    assert answer["errors"] == ["no more than 50 items allowed [json-pointer:/blocks]"]


def test_a_channel_takes_a_burst_of_three_and_then_one_a_second(cloud):
    headers = {"Authorization": f"Bearer {TOKEN}"}

    def post(channel):
        message = {"channel": channel, "text": "again"}
        return send(cloud, "slack", "/api/chat.postMessage", message, headers)

    assert all(post(CHANNEL)[1]["ok"] for _ in range(3))
    status, body, answered = post(CHANNEL)
    assert (status, body) == (429, {"ok": False, "error": "ratelimited"})
    assert int(answered["retry-after"]) >= 1
    assert post("C0WARNINGS")[1]["ok"]
    with set_up(cloud, "slack", limits=False):
        assert post(CHANNEL)[1]["ok"]


def test_only_the_bots_own_messages_can_be_updated(cloud):
    assert send(cloud, "slack", HOOK, {"text": "by the hook"})[:2] == (200, "ok")
    ts = messages(cloud)[0]["ts"]
    update = {"channel": CHANNEL, "text": "changed"}
    assert slack(cloud, "chat.update", ts=ts, **update)["error"] == "cant_update_message"
    assert slack(cloud, "chat.update", ts="1.000000", **update)["error"] == "message_not_found"
    by_name = slack(cloud, "chat.update", ts=ts, channel="critical", text="changed")
    assert by_name["error"] == "channel_not_found"
    posted = slack(cloud, "chat.postMessage", channel=CHANNEL, text="mine")
    long = slack(cloud, "chat.update", ts=posted["ts"], channel=CHANNEL, text="x" * 4001)
    assert long["error"] == "msg_too_long"


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        (HOOK, {"text": "hello"}, (200, "ok")),
        (HOOK, b"payload=" + urllib.parse.quote('{"text": "hello"}').encode(), (200, "ok")),
        (HOOK, b"{", (400, "invalid_payload")),
        (HOOK, {}, (400, "no_text")),
        (HOOK, {"blocks": [section("x" * 3001)]}, (400, "invalid_blocks")),
        ("/services/T0/B0/nothing", {"text": "hello"}, (404, "no_service")),
    ],
)
def test_a_webhook_says_ok_or_why_not(cloud, path, body, answer):
    assert send(cloud, "slack", path, body)[:2] == answer
    assert len(messages(cloud)) == (answer[1] == "ok")


def test_a_webhook_writes_to_its_own_channel_whatever_the_message_says(cloud):
    send(cloud, "slack", HOOK, {"text": "hello", "channel": "C0WARNINGS"})
    assert messages(cloud)[0]["channel"] == CHANNEL


def test_a_webhook_of_an_archived_channel_is_gone(cloud):
    hooks = {"T0/B0/archived": "C0ARCHIVED"}
    with set_up(cloud, "slack", webhooks=hooks):
        answer = send(cloud, "slack", "/services/T0/B0/archived", {"text": "hello"})
    assert answer[:2] == (410, "channel_is_archived")


def test_whom_a_message_pings_is_kept_with_it(cloud):
    escaped = "&lt;!channel&gt; and &lt;@U012345&gt;"
    slack(cloud, "chat.postMessage", channel=CHANNEL, blocks=[section(escaped)])
    plain = {"type": "header", "text": {"type": "plain_text", "text": "<!here>"}}
    slack(cloud, "chat.postMessage", channel=CHANNEL, blocks=[plain])
    slack(cloud, "chat.postMessage", channel=CHANNEL, text="<@U012345> and <!channel>")
    assert [one["mentions"] for one in messages(cloud)] == [[], [], ["@U012345", "!channel"]]


def test_a_form_is_as_good_as_json(cloud):
    form = urllib.parse.urlencode(
        {"token": TOKEN, "channel": CHANNEL, "blocks": json.dumps([section("in a form")])}
    )
    answer = send(
        cloud,
        "slack",
        "/api/chat.postMessage",
        form.encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer[1]["ok"]
    assert messages(cloud)[0]["blocks"] == [section("in a form")]

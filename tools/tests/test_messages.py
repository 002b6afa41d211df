"""The page of messages shows what people got, and nothing of it works on the page itself."""

import messages
import pytest
from drawn_messages import slack_post, teams_card

NASTY = '<script>alert("x")</script>'


def slack_message(ts, words, thread_ts=None, earlier=()):
    return {
        "channel": "C1",
        "ts": ts,
        "thread_ts": thread_ts,
        "blocks": [{"type": "header", "text": {"text": words}}],
        "attachments": [],
        "earlier": [slack_message(ts, text) for text in earlier],
    }


def incident(words):
    return {
        "state": "resolved",
        "events": [{"payload": {"summary": words, "custom_details": {words: words}}}],
        "log": [
            {"action": "trigger", "time": "2026-03-01T12:00:00.000+00:00"},
            {"action": "resolve", "time": "2026-03-01T12:17:00.000+00:00"},
        ],
    }


def card(words):
    text = {"type": "RichTextBlock", "inlines": [{"text": words}]}
    content = {"body": [text], "actions": [{"title": words}]}
    return {"attachments": [{"content": content}]}


def letter(**body):
    return {"subject": NASTY, "to": ["a@example.com"], **body}


@pytest.mark.parametrize(
    "shown",
    [
        slack_post(slack_message("1.0", NASTY), "12:00"),
        messages.incident(incident(NASTY)),
        teams_card(card(NASTY)),
        messages.letter(letter(text=NASTY)),
        messages.letter(letter(html=NASTY)),
    ],
    ids=["slack", "pagerduty", "teams", "a letter of text", "a letter of HTML"],
)
def test_words_of_an_alert_never_become_markup_of_the_page(shown):
    assert "alert(" in shown
    assert "<script" not in shown


def test_a_link_in_slack_ends_where_its_address_ends():
    section = {"type": "section", "text": {"text": '<https://x.example/"onclick="y|here>'}}
    shown = slack_post({"blocks": [section]}, "12:00")
    assert 'href="https://x.example/&quot;onclick=&quot;y"' in shown


def test_the_markup_of_a_letter_is_looked_at_in_a_frame_that_may_do_nothing():
    assert "<iframe sandbox srcdoc=" in messages.letter(letter(html="<b>bold</b>"))


def test_a_message_in_slack_is_shown_with_its_thread_and_with_what_stood_in_it_before():
    first = slack_message("1.0", "it is over", earlier=["it fires"])
    answer = slack_message("61.0", "an answer", thread_ts="1.0")
    shown = messages.slack([first, answer], {"C1": "alerts"})
    assert "<h3>#alerts</h3>" in shown
    assert "00:00:01 (edited)" in shown
    assert shown.index("it is over") < shown.index("an answer") < shown.index("it fires")
    assert shown.count("an answer") == 1


def test_an_incident_says_when_it_was_triggered_and_when_resolved():
    shown = messages.incident(incident("CPU"))
    assert "resolved: trigger 12:00:00, resolve 12:17:00" in shown


def test_a_folder_without_a_cloud_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["messages.py", str(tmp_path)])
    assert messages.main() == 1
    assert f"there is no {tmp_path}/localcloud.json" in capsys.readouterr().err

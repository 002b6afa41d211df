"""Writes a page with the messages that a local cloud's people got, as they see them.

    .venv/bin/python tools/messages.py .localcloud

The cloud must run; the page is `messages.html` in its state folder, and its path is printed.
"""

from __future__ import annotations

import html
import json
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drawn_messages import page, slack_post, teams_card, with_signs

# It answers from memory; a cloud that hangs is not waited for.
ANSWER_SECONDS = 30


def kept(endpoint: str, what: str) -> Any:
    """What the cloud's control API says: everything that one of its sinks got."""
    url = f"{endpoint}/_localcloud/{what}"
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
        return json.load(answer)


def slack(messages: list[dict[str, Any]], channels: dict[str, str]) -> str:
    """The channels: each message with what stood in it before, and its thread."""
    parts = []
    for channel in sorted({message["channel"] for message in messages}):
        parts.append(f"<h3>#{html.escape(channels.get(channel, channel))}</h3>")
        for message in messages:
            if message["channel"] == channel and message["thread_ts"] is None:
                parts += slack_thread(message, messages)
    return "".join(parts)


def slack_thread(message: dict[str, Any], messages: list[dict[str, Any]]) -> list[str]:
    """A message as it now stands, as it stood before, and its answers."""
    at = moment(message["ts"])
    earlier = [slack_post(version, at) for version in message["earlier"]]
    answers = [
        slack_post(answer, moment(answer["ts"]))
        for answer in messages
        if answer["thread_ts"] == message["ts"]
    ]
    parts = [slack_post(message, f"{at} (edited)" if earlier else at)]
    if answers:
        parts.append(f'<div class="thread">{"".join(answers)}</div>')
    if earlier:
        parts.append(f"<details><summary>as it was posted</summary>{earlier[0]}</details>")
    return parts


def moment(ts: str) -> str:
    """When a message was posted, from its name."""
    return datetime.fromtimestamp(float(ts), UTC).strftime("%H:%M:%S")


def incident(kept: dict[str, Any]) -> str:
    """An incident of PagerDuty with what happened to it."""
    payload = kept["events"][-1].get("payload", {})
    happened = ", ".join(f"{one['action']} {one['time'][11:19]}" for one in kept["log"])
    details = payload.get("custom_details", {})
    rows = "".join(
        f"<tr><td>{html.escape(str(name))}</td><td>{html.escape(str(value))}</td></tr>"
        for name, value in details.items()
    )
    return (
        f'<div class="card"><div class="top">{html.escape(payload.get("summary", ""))}</div>'
        f'<div class="in"><p>{html.escape(kept["state"])}: {html.escape(happened)}</p>'
        f"<table>{rows}</table></div></div>"
    )


def letter(mail: dict[str, Any]) -> str:
    """A letter; its own markup may do nothing here but be looked at."""
    head = f"{mail['subject']} (to {', '.join(mail['to'])})"
    body = mail.get("html")
    shown = (
        f'<iframe sandbox srcdoc="{html.escape(body)}"></iframe>'
        if body
        else f"<pre>{html.escape(mail.get('text') or '')}</pre>"
    )
    return f"<details><summary>{with_signs(html.escape(head))}</summary>{shown}</details>"


def all_messages(endpoint: str) -> str:
    """Everything that everybody got."""
    slack_kept, pagerduty, teams = (
        kept(endpoint, f"sinks/{name}") for name in ("slack", "pagerduty", "teams")
    )
    chapters = {
        "PagerDuty": "".join(map(incident, pagerduty["kept"]["incidents"])),
        "Slack": slack(slack_kept["kept"]["messages"], slack_kept["settings"]["channels"]),
        "Teams": "".join(map(teams_card, teams["kept"]["messages"])),
        "Mail": "".join(map(letter, kept(endpoint, "mail"))),
    }
    return page("".join(f"<h1>{name}</h1>{text}" for name, text in chapters.items() if text))


def main() -> int:
    """Write the page of the cloud whose state folder is named."""
    if len(sys.argv) != 2:
        print("usage: messages.py STATE", file=sys.stderr)
        return 2
    state = Path(sys.argv[1])
    about = state / "localcloud.json"
    if not about.exists():
        print(f"messages: there is no {about}: no local cloud runs there", file=sys.stderr)
        return 1
    target = state / "messages.html"
    target.write_text(all_messages(json.loads(about.read_text())["endpoint"]))
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())

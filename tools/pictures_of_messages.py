"""Draws the messages of alert-fanout as Slack, Teams and a mail program show them.

The words and the markup come from the snapshots of the tests, so a picture shows what is really
sent; only the frame around it is drawn after the real program. Run it after a change of a message:

    .venv/bin/python tools/pictures_of_messages.py

It needs a Chromium (CHROMIUM names another one) and writes docs/images/alerts/*.png.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from drawn_messages import page, slack_post, teams_card

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "functions/alert-fanout/src"
PICTURES = ROOT / "docs/images/alerts"
CHROMIUM = os.environ.get("CHROMIUM", "chromium")
# A page is drawn within seconds; a browser that hangs is not waited for.
BROWSER_SECONDS = 60
WIDTH, MAIL_WIDTH = 720, 700


def snapshot(path: str) -> str:
    """What a test's snapshot holds, without its head."""
    files = list(SOURCES.glob(path))
    if len(files) != 1:
        sys.exit(f"found {len(files)} snapshots at {path} in place of one: run the tests first")
    return files[0].read_text().split("---\n", 2)[2]


def browser(*arguments: str) -> str:
    """Run Chromium, and what it printed."""
    fixed = ["--headless", "--no-sandbox", "--hide-scrollbars", "--force-device-scale-factor=1.5"]
    done = subprocess.run(
        [CHROMIUM, *fixed, *arguments],
        capture_output=True,
        text=True,
        timeout=BROWSER_SECONDS,
        check=True,
    )
    return done.stdout


def draw(name: str, markup: str, width: int = WIDTH) -> None:
    """Draw a page as high as it is."""
    # The last thing a page does is to say how high it has become.
    height = "document.documentElement.getBoundingClientRect().height"
    measure = f"<script>document.title = Math.ceil({height})</script>"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(markup + measure)
        printed = browser(f"--window-size={width},600", "--dump-dom", file.as_uri())
        titles = re.findall(r"<title>(\d+)</title>", printed)
        if not titles:
            sys.exit(f"{CHROMIUM} did not say how high {name} is")
        target = PICTURES / f"{name}.png"
        size = f"--window-size={width},{titles[-1]}"
        browser(size, f"--screenshot={target}", file.as_uri())
    print(target.relative_to(ROOT))


def main() -> None:
    """Draw all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    slack = "sinks/slack/message/snapshots/*__"
    opened = json.loads(snapshot(f"{slack}one_alert_is_a_message*.snap"))
    update = json.loads(snapshot(f"{slack}an_end_is_an_update.snap"))
    answer = json.loads(snapshot(f"{slack}an_end_is_answered.snap"))
    storm = json.loads(snapshot(f"{slack}of_a_storm*.snap"))
    draw("slack-firing", page(slack_post(opened, "12:00")))
    thread = f'<div class="thread">{slack_post(answer, "12:17")}</div>'
    draw("slack-resolved", page(slack_post(update, "12:00 (edited)") + thread))
    draw("slack-storm", page(slack_post(storm, "12:01")))
    card = json.loads(snapshot("sinks/teams/snapshots/*one_alert_is_a_card.snap"))
    draw("teams-firing", page(teams_card(card)))
    draw("mail-firing", snapshot("render/snapshots/*one_alert_is_a_page.snap"), MAIL_WIDTH)


if __name__ == "__main__":
    main()

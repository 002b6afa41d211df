"""Draws messages as Slack and Teams show them, as HTML.

The frame is ours, the words and the markup are those that were sent. Whoever can publish to a topic
writes words of an alert, so nothing of them becomes markup of the page by itself.
"""

from __future__ import annotations

import html
import re
from typing import Any

STYLE = """
body { margin: 0; background: #fff; color: #1d1c1d;
  font: 15px/1.46 Lato, 'DejaVu Sans', sans-serif }
#page { padding: 18px 20px 22px }
.post { display: flex; gap: 10px; margin-bottom: 14px } .said { min-width: 0; flex: 1 }
.face { flex: none; width: 36px; height: 36px; border-radius: 6px; background: #1c3d5a; color: #fff;
  font-weight: 700; display: flex; align-items: center; justify-content: center }
.thread .face { width: 28px; height: 28px; font-size: 12px }
.who { font-weight: 900 } .app { background: #e8e8e8; border-radius: 3px; padding: 1px 4px;
  font-size: 10px; color: #616061; vertical-align: 1px } .when { font-size: 12px; color: #616061 }
h2 { font-size: 18px; margin: 4px 0 6px; line-height: 1.3 } p { margin: 6px 0 }
.bar { border-left: 4px solid; border-radius: 4px; padding: 2px 0 2px 12px; margin-top: 6px }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; margin: 8px 0 }
.fields > div, p { overflow-wrap: anywhere } .quiet { font-size: 12px; color: #616061 }
.buttons { display: flex; gap: 8px; margin: 10px 0 } .buttons b { border: 1px solid #bbb;
  border-radius: 4px; padding: 4px 12px; font-size: 14px }
a { color: #1264a3; text-decoration: none } .mention { background: #fff3d1; color: #1264a3 }
.thread { border-left: 2px solid #ddd; margin: 4px 0 0 46px; padding-left: 14px }
.dot { display: inline-block; width: .85em; height: .85em; border-radius: 50%;
  vertical-align: -.06em }
.tick { display: inline-block; background: #2eb67d; color: #fff; border-radius: 3px; width: 1.05em;
  height: 1.05em; line-height: 1.05em; text-align: center; font-size: .85em }
.card { border: 1px solid #e1dfdd; border-radius: 6px; overflow: hidden; font-size: 14px }
.card .top { padding: 12px 16px; font-weight: 600; font-size: 17px }
.card .in { padding: 8px 16px 14px }
.card table { border-collapse: collapse } .card td { padding: 3px 0; vertical-align: top }
.card td:first-child { font-weight: 600; width: 126px }
"""

# Signs that fonts of a build machine do not have.
SIGNS = {
    "🔴": '<i class="dot" style="background:#dd2e44"></i>',
    "🟠": '<i class="dot" style="background:#f4900c"></i>',
    "🔵": '<i class="dot" style="background:#55acee"></i>',
    "✅": '<i class="tick">✓</i>',
}
GROUNDS = {"attention": "#fde7e9", "warning": "#fff4ce", "good": "#dff6dd", "accent": "#e5f1fb"}


def with_signs(markup: str) -> str:
    """The markup with signs drawn."""
    for sign, drawn in SIGNS.items():
        markup = markup.replace(sign, drawn)
    return markup


def mrkdwn(text: str) -> str:
    """Slack's markup as HTML: its escapes are HTML's already."""
    text = text.replace('"', "&quot;")
    text = re.sub(r"<!date\^\d+\^[^|]*\|([^>]*)>", r"\1", text)
    text = re.sub(r"<(https://[^|>]*)\|([^>]*)>", r'<a href="\1">\2</a>', text)
    text = re.sub(r"<[@!]([^>]*)>", r'<span class="mention">@\1</span>', text)
    text = re.sub(r"(?m)^(\W*)\*([^*\n]+)\*", r"\1<b>\2</b>", text)
    return with_signs(text.replace("\n", "<br>"))


def slack_block(block: dict[str, Any]) -> str:
    """One block of Block Kit."""
    match block["type"]:
        case "header":
            return f"<h2>{with_signs(html.escape(block['text']['text']))}</h2>"
        case "section" if "fields" in block:
            fields = "".join(f"<div>{mrkdwn(field['text'])}</div>" for field in block["fields"])
            return f'<div class="fields">{fields}</div>'
        case "section":
            return f"<p>{mrkdwn(block['text']['text'])}</p>"
        case "actions":
            words = (button["text"]["text"] for button in block["elements"])
            buttons = "".join(f"<b>{html.escape(text)}</b>" for text in words)
            return f'<div class="buttons">{buttons}</div>'
        case "context":
            return f'<p class="quiet">{mrkdwn(block["elements"][0]["text"])}</p>'
        case other:
            raise ValueError(f"no picture of a block {other} yet")


def slack_post(body: dict[str, Any], when: str) -> str:
    """One message in a channel."""
    blocks = "".join(map(slack_block, body["blocks"]))
    for attachment in body.get("attachments", []):
        inner = "".join(map(slack_block, attachment["blocks"]))
        blocks += f'<div class="bar" style="border-color:{attachment["color"]}">{inner}</div>'
    who = '<span class="who">Caretaker</span> <span class="app">APP</span>'
    said = f'{who} <span class="when">{when}</span>{blocks}'
    return f'<div class="post"><div class="face">C</div><div class="said">{said}</div></div>'


def teams_runs(block: dict[str, Any]) -> str:
    """The text of a rich text block."""
    runs = []
    for run in block["inlines"]:
        text = html.escape(run["text"]).replace("\n", "<br>")
        bold = run.get("weight") == "Bolder"
        quiet = ' class="quiet"' if run.get("isSubtle") else ""
        runs.append(f"<b>{text}</b>" if bold else f"<span{quiet}>{text}</span>")
    return with_signs("".join(runs))


def teams_card(body: dict[str, Any]) -> str:
    """An Adaptive Card."""
    content = body["attachments"][0]["content"]
    parts: list[str] = []
    for part in content["body"]:
        match part["type"]:
            case "Container":
                text = teams_runs(part["items"][0])
                ground = GROUNDS[part["style"]]
                parts.append(f'<div class="top" style="background:{ground}">{text}</div>')
                parts.append('<div class="in">')
            case "ColumnSet":
                cells = [teams_runs(column["items"][0]) for column in part["columns"]]
                row = "".join(f"<td>{cell}</td>" for cell in cells)
                parts.append(f"<table><tr>{row}</tr></table>")
            case "RichTextBlock":
                parts.append(f"<p>{teams_runs(part)}</p>")
            case other:
                raise ValueError(f"no picture of an element {other} yet")
    buttons = "".join(f"<b>{html.escape(it['title'])}</b>" for it in content["actions"])
    return f'<div class="card">{"".join(parts)}<div class="buttons">{buttons}</div></div></div>'


def page(inner: str) -> str:
    """A page of our own frame."""
    return f'<meta charset="utf-8"><style>{STYLE}</style><div id="page">{inner}</div>'

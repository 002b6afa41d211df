"""Somebody's own receiver of alerts: takes any POST, and keeps it to the letter.

Whether the signature fits the body is for the test to find out, with the headers and the body as
they came.
"""

from __future__ import annotations

from localcloud.sinks.sink import Incoming, Outgoing, Sink, as_json, text


class Webhook(Sink):
    """A receiver below any path."""

    name = "webhook"

    def answer(self, request: Incoming) -> Outgoing:
        """Take it."""
        return text(204) if request.method == "POST" else text(405, "expected POST")

    def error_answer(self, word: str | None) -> Outgoing:
        """What a proxy in front of it says instead."""
        return as_json(200, {"error": word or "upstream is not available"})

"""A function's log is complete when its invocation ends, however busy the machine is."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from localcloud.extensions import function_output


class Function:
    """The end of a pipe that a function writes to, and the environment that reads it."""

    def __init__(self) -> None:
        readable, self.writable = os.pipe()
        self.lines: queue.Queue[str] = queue.Queue(maxsize=4)
        stream = os.fdopen(readable, "rb")
        self.environment = SimpleNamespace(
            _proc=SimpleNamespace(stdout=stream), _drain_stderr=self.drained
        )
        self.pump = threading.Thread(
            target=function_output._pump, args=(self.environment, stream, self.lines)
        )

    def writes(self, text: str) -> None:
        os.write(self.writable, text.encode())

    def drained(self) -> str:
        found = []
        while not self.lines.empty():
            found.append(self.lines.get_nowait())
        return "\n".join(found)

    def log(self) -> str:
        return function_output._drain(self.environment)

    def ends(self) -> None:
        os.close(self.writable)
        self.pump.join()


@pytest.fixture
def function() -> Iterator[Function]:
    yield (made := Function())
    if not made.pump.ident:
        made.pump.start()
    if made.pump.is_alive():
        made.ends()


def test_what_was_written_before_the_answer_is_waited_for(function: Function):
    function.writes("one\ntwo\n")
    # As if the machine had no time for the thread that reads.
    late = threading.Timer(0.1, function.pump.start)
    late.start()
    assert function.log() == "one\ntwo"
    late.join()


def test_a_line_is_logged_once_it_is_whole_or_the_function_is_gone(function: Function):
    function.pump.start()
    function.writes("one\nhal")
    assert function.log() == "one"
    function.writes("f\nla")
    assert function.log() == "half"
    function.writes("st")
    function.ends()
    assert function.log() == "last"


def test_of_too_many_lines_the_last_are_kept(function: Function):
    function.pump.start()
    function.writes("".join(f"{number}\n" for number in range(9)))
    assert function.log() == "5\n6\n7\n8"


def test_a_function_that_never_stops_writing_holds_up_nobody(
    function: Function, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(function_output, "DRAIN_SECONDS", 0.01)
    function.writes("never read\n")
    assert function.log() == ""


def environment_without_process() -> Any:
    return SimpleNamespace(_proc=None, _drain_stderr=lambda: "the end")


def test_the_log_of_a_function_that_is_gone_is_what_was_taken_over():
    assert function_output._drain(environment_without_process()) == "the end"

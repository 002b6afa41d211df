"""Starts are measured on a program that does what a function does, and not on one that does not."""

import sys

import coldstart
import pytest

# The least that a function does: ask for events and answer each.
FUNCTION = """
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event, request_id = answer.read(), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", event)
    api.getresponse().read()
"""

# A function whose wiring is incomplete says so to Lambda and ends.
BROKEN = """
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
api.request("POST", "/2018-06-01/runtime/init/error", "CARETAKER_TABLE is missing")
"""


@pytest.fixture
def program(tmp_path):
    def write(source):
        file = tmp_path / "bootstrap"
        file.write_text(f"#!{sys.executable} -E\n{source}")
        file.chmod(0o755)
        return file

    return write


def test_a_start_has_a_time_and_a_peak_of_memory(program):
    run = coldstart.measure(program(FUNCTION), {}, None, 0)
    assert run.start_ms > 0
    assert run.peak_rss_mib > 1


def test_an_event_is_handled_as_often_as_asked_before_memory_is_read(program, tmp_path):
    seen = tmp_path / "seen"
    source = FUNCTION.replace(
        '    api.request("POST"',
        f"    open({str(seen)!r}, 'ab').write(event)\n    api.request(\"POST\"",
    )
    coldstart.measure(program(source), {}, b"{}", 3)
    assert seen.read_bytes() == b"{}{}{}"


def test_a_function_that_does_not_start_is_no_measurement(program):
    with pytest.raises(coldstart.MeasurementError, match=r"init/error.*CARETAKER_TABLE is missing"):
        coldstart.measure(program(BROKEN), {}, None, 0)


def test_the_median_and_the_spread_are_told():
    assert coldstart.summary([3.0, 1.0, 2.0]) == {"median": 2, "p90": 3, "least": 1, "most": 3}

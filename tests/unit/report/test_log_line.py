"""What `scaleproof logs` makes of a line."""

import json

import pytest

from scaleproof.report.log_line import readable


@pytest.mark.parametrize("line", ["", "[warning] envoy says", "{", "{not json", '{"other": 1}', "[1]", '{"time": 1}'])
def test_what_is_no_record_stays_as_it_is(line):
    assert readable(line) == line


def test_a_record_is_one_line_with_its_trace_and_then_the_traceback():
    record = {"time": "T", "level": "ERROR", "logger": "a.b", "message": "failed", "service": "orders", "trace_id": "ab"}
    assert readable(json.dumps(record)) == "T ERROR a.b failed trace_id=ab"
    assert readable(json.dumps({**record, "exception": "Traceback:\n  line\nError"})).splitlines()[1:] == [
        "Traceback:",
        "  line",
        "Error",
    ]


def test_nothing_reaches_the_terminal_that_it_would_obey():
    record = {"time": "T", "level": "INFO", "message": "\x1b[2J\n", "exception": "\x1b]0;x"}
    assert readable(json.dumps(record)) == "T INFO \\x1b[2J\\n\n\\x1b]0;x"

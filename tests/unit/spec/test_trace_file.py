"""Traces from CSV files."""

import pytest

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.trace_file import read_trace


def trace(tmp_path, text):
    file = tmp_path / "trace.csv"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "rates", "interval", "absent", "gloss"),
    [
        ("second,requests_per_second\n0,5\n1,7\n", [5, 7], 1, 0, "a rate each second"),
        ("minute,requests\n1998-06-01T00:00Z,60\n1998-06-01T00:01Z,120\n", [1, 2], 60, 0, "a count each minute"),
        ("t,requests\n2023-11-16 18:15:46,1\n2023-11-16 18:15:47,0\n", [1, 0], 1, 0, "times without a zone"),
        ("t,rate\n0,2\n1,\n2,4\n", [2, 3, 4], 1, 1, "a blank is filled between its neighbours"),
        ("t,rate\n0,2\n1,2\n3,6\n", [2, 2, 4, 6], 1, 1, "so is a missing row"),
    ],
)
def test_reads(tmp_path, text, rates, interval, absent, gloss):
    read = read_trace(trace(tmp_path, text))
    assert list(read.rates) == pytest.approx(rates), gloss
    assert (read.interval_seconds, read.absent) == (interval, absent)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a header and at least two rows"),
        ("t,rate\n0,1\n", "found 1"),
        ("t,rate\n0,1\n1,-2\n", ":3: expected a number of requests of at least 0, found '-2'"),
        ("t,rate\n0,1\n1,nan\n", ":3: expected a number"),
        ("t,rate\n0,1\n1,many\n", ":3: expected a number"),
        ("t,rate\n0,1\nsoon,2\n", ":3: expected seconds or an ISO 8601 time, found 'soon'"),
        ("t,rate\n1,1\n1,2\n", ":3: time does not increase"),
        ("t,rate\n0,\n1,\n", "every value is blank"),
    ],
)
def test_refuses(tmp_path, text, message):
    with pytest.raises(BadInputError) as caught:
        read_trace(trace(tmp_path, text))
    assert message in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(BadInputError, match="no such file"):
        read_trace(tmp_path / "trace.csv")
    with pytest.raises(BadInputError, match="cannot be read"):
        read_trace(tmp_path)

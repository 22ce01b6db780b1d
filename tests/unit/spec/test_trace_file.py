"""Traces from CSV files."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis.strategies import booleans, datetimes, floats, integers, lists, none, sampled_from

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.trace_file import Trace, read_trace, write_trace


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
    ("first", "second", "began", "gloss"),
    [
        ("1998-06-01T00:00Z", "1998-06-01T00:01Z", 896_659_200, "a moment"),
        ("1998-06-01T02:00+02:00", "1998-06-01T02:01+02:00", 896_659_200, "the same one"),
        ("1790000000", "1790000060", 1_790_000_000, "Unix time"),
        ("0", "60", None, "since when?"),
        ("86400", "86460", None, "a day after whatever it was"),
    ],
)
def test_when_it_was(tmp_path, first, second, began, gloss):
    read = read_trace(trace(tmp_path, f"t,rate\n{first},1\n{second},2\n"))
    assert read.began == began, gloss
    file = tmp_path / "again.csv"
    write_trace(read, file)
    assert read_trace(file).began == began


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


@pytest.mark.parametrize(
    ("text", "message", "gloss"),
    [
        ("0,10\n1,20\n2,30\n", ":1: expected a header such as second,requests_per_second, found '0,10'", "it would be lost"),
        ("time\n0,1\n1,2\n", ":1: expected a header such as second,requests_per_second, found 1 column", "what are they?"),
        ("t,rate\nnan,1\n1,2\n", ":2: expected seconds or an ISO 8601 time, found 'nan'", "nan is a number to Python"),
        ("t,rate\n0,1\ninf,2\n", ":3: expected seconds or an ISO 8601 time, found 'inf'", "so is inf"),
        ("t,rate\n1790000000000,1\n1790000060000,2\n", "are these milliseconds?", "as Grafana exports them"),
        ("t,rate\n0,1\n0.001,2\n86400,3\n", "more than 50,000,000 intervals", "a slip in one row makes no day of milliseconds"),
    ],
)
def test_refuses_what_would_be_read_as_something_else(tmp_path, text, message, gloss):
    with pytest.raises(BadInputError) as caught:
        read_trace(trace(tmp_path, text))
    assert message in str(caught.value), gloss


@given(
    rates=lists(floats(0, 1e9, allow_subnormal=False), min_size=2, max_size=50),
    interval_seconds=sampled_from([0.1, 0.5, 1.0, 7.0, 60.0, 3600.0]),
)
def test_what_is_written_is_read_again(tmp_path_factory, rates, interval_seconds):
    file = tmp_path_factory.mktemp("trace") / "trace.csv"
    write_trace(Trace("any", np.array(rates), interval_seconds, absent=0), file)
    again = read_trace(file)
    assert list(again.rates) == rates
    assert (again.interval_seconds, again.absent) == (pytest.approx(interval_seconds), 0)


@given(
    counts=lists(none() | integers(0, 10**9), min_size=2, max_size=50).filter(lambda counts: counts[0] is not None),
    step=sampled_from([1, 15, 60]),
    begin=datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),  # noqa: DTZ001  no zone is read as UTC
    drops=booleans(),
)
def test_counts_at_iso_times_come_back_as_rates_whether_blank_or_left_out(tmp_path_factory, counts, step, begin, drops):
    file = tmp_path_factory.mktemp("trace") / "trace.csv"
    rows = [(begin + timedelta(seconds=slot * step), count) for slot, count in enumerate(counts)]
    known = [slot for slot, count in enumerate(counts) if count is not None]
    if drops:
        assume(len(known) > 1 and 1 in np.diff(known))  # else the file's interval is another one
        rows = [row for row in rows if row[1] is not None]
    file.write_text("time,requests\n" + "".join(f"{at.isoformat()},{'' if count is None else count}\n" for at, count in rows))
    read = read_trace(file)
    size = known[-1] + 1 if drops else len(counts)
    expected = np.interp(np.arange(size), known, [counts[slot] / step for slot in known])
    assert read.rates == pytest.approx(expected)
    assert (read.interval_seconds, read.absent) == (step, size - len(known))


def test_a_trace_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(BadInputError, match="cannot be written"):
        write_trace(Trace("any", np.ones(2), 1.0, absent=0), tmp_path / "nowhere" / "trace.csv")

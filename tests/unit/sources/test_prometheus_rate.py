"""Recorded traffic out of a Prometheus: a real HTTP server that speaks query_range."""

import json
import math
import socket

import numpy as np
import pytest

from fakes.prometheus_server import FakePrometheus
from scaleproof.sources.prometheus_rate import read_rate
from scaleproof.sources.prometheus_server import MOST_POINTS
from scaleproof.spec.errors import BadInputError, CannotMeasureError

END = 1_790_000_040.0  # a whole minute
QUERY = "sum(rate(http_requests_total[1m]))"


def rate(*series, since_seconds=600, step_seconds=60, end=END, **options):
    with FakePrometheus(*series, **options.pop("server", {})) as server:
        trace = read_rate(server.url, QUERY, end=end, since_seconds=since_seconds, step_seconds=step_seconds, **options)
    return trace, server.asked


def minutes_before(moment):
    return round((END - moment) / 60)


def test_one_value_a_step_up_to_the_end():
    trace, asked = rate(({}, lambda moment: 100.0 + minutes_before(moment)))
    assert list(trace.rates) == [109, 108, 107, 106, 105, 104, 103, 102, 101, 100]
    assert (trace.name, trace.interval_seconds, trace.absent) == (QUERY, 60, 0)
    assert trace.began == END - 600  # a rate is that of the minute before
    assert [one["query"] for one in asked] == [QUERY]


def test_steps_are_whole_so_that_the_same_samples_answer_a_moment_later():
    _, now = rate(({}, lambda moment: 1.0), end=END)
    _, later = rate(({}, lambda moment: 1.0), end=END + 59)
    assert [(one["start"], one["end"]) for one in now] == [(one["start"], one["end"]) for one in later]


def test_a_long_time_is_asked_for_in_pieces_and_none_is_lost_or_twice():
    shares = []
    trace, asked = rate(
        ({}, lambda moment: moment % 1000), since_seconds=2 * MOST_POINTS + 5, step_seconds=1, advance=shares.append
    )
    assert len(asked) == 3
    assert np.array_equal(trace.rates, np.arange(END - 2 * MOST_POINTS - 4, END + 1) % 1000)
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])


@pytest.mark.parametrize(
    ("value", "rates", "absent", "gloss"),
    [
        (lambda m: None if minutes_before(m) == 2 else 10.0 + minutes_before(m), [14, 13, 12, 11, 10], 1, "no sample: a line"),
        (lambda m: math.nan if minutes_before(m) in {1, 2} else 10.0, [10, 10, 10, 10, 10], 2, "0 / 0 is NaN"),
        (lambda m: math.inf if minutes_before(m) == 2 else 10.0, [10, 10, 10, 10, 10], 1, "1 / 0 is infinite"),
        (lambda m: None if minutes_before(m) > 2 else 10.0, [10, 10, 10], 0, "before its retention there is nothing to fill"),
        (lambda m: None if minutes_before(m) < 2 else 10.0, [10, 10, 10], 0, "nor after the last"),
    ],
)
def test_what_is_absent_is_filled_and_counted_between_the_first_and_the_last_value(value, rates, absent, gloss):
    trace, _ = rate(({}, value), since_seconds=300)
    assert list(trace.rates) == rates, gloss
    assert trace.absent == absent


def test_several_series_are_named_and_a_sum_is_suggested():
    series = [({"__name__": "up", "pod": f"orders-{number}"}, lambda moment: 1.0) for number in range(7)]
    with pytest.raises(BadInputError, match=r'has 7 series: up\{pod="orders-0"\}, .*orders-4"\}, …; expected one') as raised:
        rate(*series)
    assert raised.value.hint == f"add them up: sum({QUERY})"


def test_a_pod_that_another_replaced_is_a_second_series_too():
    old = ({"pod": "a"}, lambda moment: 1.0 if moment < END - 15_000 else None)
    new = ({"pod": "b"}, lambda moment: None if moment < END - 15_000 else 1.0)
    with pytest.raises(BadInputError, match="has 2 series"):
        rate(old, new, since_seconds=20_000, step_seconds=1)


@pytest.mark.parametrize(
    ("series", "error", "says"),
    [
        ([], CannotMeasureError, "has no value of"),
        ([({}, lambda moment: math.nan)], CannotMeasureError, "has no value of"),
        ([({}, lambda moment: -1.0)], BadInputError, "negative values, down to -1; expected requests/s"),
    ],
)
def test_nothing_and_negative_values(series, error, says):
    with pytest.raises(error, match=says) as raised:
        rate(*series)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("since", "step", "says"),
    [(60, 60, "fewer than two steps"), (10**9, 1, "more than 20,000,000 steps")],
)
def test_a_time_and_a_step_that_do_not_fit(since, step, says):
    with pytest.raises(BadInputError, match=says):
        rate(({}, lambda moment: 1.0), since_seconds=since, step_seconds=step)


def test_a_token_is_sent_and_one_that_is_missing_is_asked_for():
    trace, _ = rate(({}, lambda moment: 1.0), server={"token": "secret"}, bearer_token="secret")
    assert trace.rates.size == 10
    with pytest.raises(CannotMeasureError, match="wants authentication") as raised:
        rate(({}, lambda moment: 1.0), server={"token": "secret"}, bearer_token="another")
    assert "another" not in str(raised.value)


def test_an_answer_that_takes_too_long_suggests_to_ask_for_less(monkeypatch):
    monkeypatch.setattr("scaleproof.sources.prometheus_server.TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr("scaleproof.sources.prometheus_rate.PATIENCE_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(CannotMeasureError, match=r"does not answer the query .* within 0.3 s") as raised:
            read_rate(f"http://127.0.0.1:{silent.getsockname()[1]}", QUERY, end=END, since_seconds=600, step_seconds=60)
    assert "larger step" in raised.value.hint


@pytest.mark.parametrize(
    "result", ["text", [1], [{"metric": {}}], [{"metric": {}, "values": [[1]]}], [{"metric": {}, "values": [[1, "many"]]}]]
)
def test_an_answer_that_is_not_prometheus_own_is_no_internal_error(result, serve):
    url = serve(lambda path: (200, json.dumps({"status": "success", "data": {"result": result}})))
    with pytest.raises(CannotMeasureError, match="does not answer like a Prometheus"):
        read_rate(url, QUERY, end=END, since_seconds=600, step_seconds=60)

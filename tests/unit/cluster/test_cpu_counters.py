from __future__ import annotations

import numpy as np

from scaleproof.cluster.cpu_counters import Counter, Counters


def means(counter: Counter, *ends: float) -> list[float]:
    return [round(value, 6) for value in counter.means(np.array(ends, dtype=float))]


def test_between_two_readings_use_is_even() -> None:
    counter = Counter()
    counter.add(100.0, 5.0)
    counter.add(110.0, 8.0)
    assert means(counter, 101, 105, 110) == [0.3, 0.3, 0.3]


def test_the_sum_of_the_seconds_is_the_counter() -> None:
    counter = Counter()
    for moment, value in ((100.0, 0.0), (103.3, 1.2), (107.9, 1.3), (112.0, 4.0)):
        counter.add(moment, value)
    assert np.isclose(counter.means(np.arange(101.0, 113.0)).sum(), 4.0)


def test_before_the_first_reading_nothing_is_known_and_after_the_last_it_goes_on_for_a_while() -> None:
    counter = Counter()
    assert np.isnan(counter.means(np.array([1.0]))).all()
    counter.add(100.0, 0.0)
    counter.add(102.0, 1.0)
    found = counter.means(np.array([100.0, 103.0, 400.0]))
    assert np.isnan(found[[0, 2]]).all()
    assert found[1] == 0.5


def test_a_container_that_started_anew_counts_on() -> None:
    counter = Counter()
    counter.add(100.0, 10.0)
    counter.add(101.0, 0.2)
    assert means(counter, 101) == [0.2]


def test_an_old_reading_says_nothing_new() -> None:
    counter = Counter()
    counter.add(100.0, 1.0)
    counter.add(100.0, 9.0)
    counter.add(99.0, 0.0)
    assert counter.readings == 1
    assert counter.last_at == 100.0


def test_windows_of_a_metrics_server_with_a_gap_between() -> None:
    counter = Counter()
    counter.add_mean(115.0, 15.0, 0.2)
    counter.add_mean(145.0, 15.0, 0.4)
    assert means(counter, 110, 120, 145) == [0.2, 0.4, 0.4]


def test_only_counters_with_readings_are_there() -> None:
    counters = Counters()
    assert np.isnan(counters["nobody"].means(np.array([1.0]))[0])
    counters["somebody"].add(1.0, 1.0)
    assert counters.keys() == ["somebody"]

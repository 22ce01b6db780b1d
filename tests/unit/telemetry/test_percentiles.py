from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.telemetry.percentiles import grouped_quantiles, histogram_between, histogram_quantile, quantiles


def test_quantiles_of_nothing_are_not_a_number():
    assert np.isnan(quantiles([], [0.5, 0.9])).all()
    assert np.isnan(quantiles([np.nan, np.inf], [0.5])).all()


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 100)), max_size=60), st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_grouped_quantiles_are_each_groups_own_quantile(rows, share):
    groups = np.array([g for g, _ in rows], dtype=np.int64)
    values = np.array([v for _, v in rows], dtype=np.float64)
    table = grouped_quantiles(groups, values, 5, [share])
    for group in range(5):
        expected = quantiles(values[groups == group], [share])[0]
        assert table[group, 0] == pytest.approx(expected, nan_ok=True)


def test_values_without_a_group_or_a_number_are_left_out():
    table = grouped_quantiles(np.array([0, 0, -1, 7]), np.array([1.0, np.nan, 5.0, 5.0]), 2, [0.5])
    assert table[0, 0] == 1.0
    assert np.isnan(table[1, 0])


@pytest.mark.parametrize(
    ("counts", "share", "expected", "gloss"),
    [
        ([10, 20, 20], 0.5, 0.1, "the rank ends the first bucket"),
        ([10, 20, 20], 0.75, 0.15, "half way through the second bucket"),
        ([10, 20, 20], 0.25, 0.05, "the first bucket starts at zero"),
        ([0, 0, 5], 0.5, 0.2, "beyond the last finite bound: that bound"),
        ([0, 20, 20], 0.5, 0.15, "an empty first bucket"),
        ([5, 5, 5], 1.0, 0.1, "nothing above the first bucket"),
    ],
)
def test_quantile_of_a_cumulative_histogram(counts, share, expected, gloss):
    assert histogram_quantile([0.1, 0.2, np.inf], counts, share) == pytest.approx(expected), gloss


def test_quantile_of_an_empty_histogram_is_not_a_number():
    assert np.isnan(histogram_quantile([0.1, np.inf], [0, 0], 0.5))
    assert np.isnan(histogram_quantile([], [], 0.5))
    assert np.isnan(histogram_quantile([np.inf], [3], 0.5))


@given(st.lists(st.integers(0, 50), min_size=2, max_size=8), st.floats(0.01, 0.99))
def test_histogram_quantiles_rise_with_the_share(increments, share):
    bounds = [*np.arange(1, len(increments)), np.inf]
    counts = np.cumsum(increments)
    low, high = histogram_quantile(bounds, counts, share), histogram_quantile(bounds, counts, min(1.0, share + 0.01))
    assert low <= high or np.isnan(low)


def gateway(rows):
    return pd.DataFrame(rows, columns=["time_s", "service", "upper_bound_s", "count"])


def scrape(time_s, low, total, service="orders"):
    return [(time_s, service, 0.1, low), (time_s, service, np.inf, total)]


def test_what_was_counted_between_two_times():
    table = gateway([*scrape(0, 100, 100), *scrape(5, 110, 120), *scrape(10, 130, 150)])
    bounds, counts = histogram_between(table, 5, 10, "orders")
    assert bounds.tolist() == [0.1, np.inf]
    assert counts.tolist() == [20, 30]


def test_a_restart_of_the_gateway_counts_from_zero():
    table = gateway([*scrape(0, 100, 100), *scrape(5, 110, 120), *scrape(10, 3, 4), *scrape(15, 5, 9)])
    assert histogram_between(table, 0, 15)[1].tolist() == [15, 29]


def test_several_services_add_up_and_an_unknown_one_is_empty():
    table = gateway([*scrape(0, 0, 0), *scrape(5, 1, 2), *scrape(0, 0, 0, "dashboard"), *scrape(5, 3, 4, "dashboard")])
    assert histogram_between(table, 0, 5)[1].tolist() == [4, 6]
    assert histogram_between(table, 0, 5, "nobody")[1].size == 0

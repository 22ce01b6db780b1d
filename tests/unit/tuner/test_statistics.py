from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.tuner.statistics import difference_estimate, ratio_estimate, student_t_95


@pytest.mark.parametrize(
    ("degrees", "factor"),
    [
        (1, 6.314),  # from a table of Student's distribution
        (8, 1.860),
        (30, 1.697),
        (120, 1.658),
        (1e6, 1.645),  # the normal distribution
    ],
)
def test_student_factor(degrees, factor):
    assert student_t_95(degrees) == pytest.approx(factor, abs=0.002)


def test_student_needs_a_degree():
    with pytest.raises(ValueError, match="at least 1"):
        student_t_95(0.5)


@given(st.floats(1, 200), st.floats(0.01, 50))
def test_more_degrees_never_widen(degrees, more):
    assert student_t_95(degrees + more) <= student_t_95(degrees)


def test_ratio_is_not_pulled_towards_zero_by_noise_in_the_divisor():
    random = np.random.default_rng(1)
    true_requests = np.full(400, 20.0)
    counted = random.poisson(true_requests).astype(float)
    assert ratio_estimate(0.006 * true_requests, counted).value == pytest.approx(0.006, rel=0.02)


def test_ratio_interval_holds_the_truth_in_nine_of_ten():
    random = np.random.default_rng(2)
    hits = 0
    for _ in range(300):
        requests = random.integers(20, 90, 6).astype(float)
        found = ratio_estimate(0.004 * requests + random.normal(0, 0.01, 6), requests)
        hits += found.low <= 0.004 <= found.high
    assert 0.84 <= hits / 300 <= 0.96


def test_ratio_of_one_part_is_wide():
    found = ratio_estimate(np.array([1.0]), np.array([10.0]))
    assert (found.low, found.value, found.high) == pytest.approx((0.08, 0.1, 0.12))


def test_ratio_of_nothing():
    with pytest.raises(ValueError, match="divide"):
        ratio_estimate(np.array([1.0]), np.array([0.0]))


def test_one_pair_has_the_prior_noise():
    found = difference_estimate(np.array([-5.0]), 2.0)
    assert found.value == -5.0
    assert found.high - found.value == pytest.approx(1.860 * 2.0)


def test_pairs_that_agree_narrow_the_interval_and_pairs_that_scatter_widen_it():
    agreeing = difference_estimate(np.full(6, -5.0), 2.0)
    scattered = difference_estimate(np.array([-15.0, 5.0] * 3), 2.0)
    assert agreeing.high - agreeing.low < 0.5 * 2 * 1.860 * 2.0
    assert scattered.high - scattered.low > 2 * (agreeing.high - agreeing.low)

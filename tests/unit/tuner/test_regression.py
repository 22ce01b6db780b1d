"""Regression only beyond noise: pairs of equal seeds, bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.world import truth
from scaleproof.spec.gate import Gate
from scaleproof.tuner.baseline import Figures
from scaleproof.tuner.regression import Growth, calibration_growths, figure_growths, paired_growth

SIZES = st.lists(st.floats(0.1, 1e6), min_size=2, max_size=20)
GATE = Gate()


def figures(cost: list[float], violation: list[float] | None = None, cpu: list[float] | None = None) -> Figures:
    return Figures(
        seeds=list(range(len(cost))),
        cost=cost,
        violation={"orders": violation or [0.01] * len(cost)},
        cpu_seconds_per_request={"orders": cpu} if cpu else {},
    )


@given(SIZES, st.booleans())
def test_nothing_changed_is_no_growth(values, relative):
    found = paired_growth(values, values, relative=relative)
    assert (found.low, found.value, found.high) == pytest.approx((0, 0, 0), abs=1e-9)


@given(SIZES, st.floats(0.2, 5))
def test_the_same_factor_in_every_pair_is_certain(values, factor):
    found = paired_growth(values, [value * factor for value in values], relative=True)
    assert (found.low, found.value, found.high) == pytest.approx((factor - 1,) * 3, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=20))
def test_the_interval_holds_the_mean(pairs):
    before, after = zip(*pairs, strict=True)
    found = paired_growth(before, after, relative=False)
    assert found.low <= found.value + 1e-12
    assert found.value <= found.high + 1e-12


def test_one_pair_alone_proves_nothing():
    growth = figure_growths(figures([1.0]), figures([2.0]), GATE, "measured")[0]
    assert growth.difference.value == 1
    assert not growth.regressed


def test_no_pairs():
    with pytest.raises(ValueError, match="no pairs"):
        paired_growth([], [], relative=True)
    with pytest.raises(ValueError, match="no pairs"):
        figure_growths(figures([1.0]), figures([1.0, 2.0]), GATE, "simulated")


def test_from_nothing_to_something_is_boundless():
    assert paired_growth([0.0, 0.0], [1.0, 1.0], relative=True).value == float("inf")
    assert paired_growth([0.0, 0.0], [0.0, 0.0], relative=True).value == 0


def test_intervals_hold_the_truth_in_about_nine_of_ten():
    rng = np.random.default_rng(4)
    hits = 0
    for number in range(200):
        before = rng.normal(100, 5, 10)
        after = before * 1.1 + rng.normal(0, 3, 10)
        found = paired_growth(list(before), list(after), relative=True, seed=number)
        hits += found.low <= 0.1 <= found.high
    assert 0.82 <= hits / 200 <= 0.97


def test_unchanged_runs_raise_no_false_alarm_and_a_quarter_more_cpu_does():
    """As measured runs scatter: CPU a request by 3 % from run to run, three runs a side."""
    rng = np.random.default_rng(5)

    def alarms(factor: float, repetitions: int) -> int:
        count = 0
        for _ in range(repetitions):
            before, after = (rng.normal(0.004, 0.00012, 3) for _ in range(2))
            grown = figure_growths(
                figures([1.0] * 3, cpu=list(before)), figures([1.0] * 3, cpu=list(after * factor)), GATE, "measured"
            )
            count += any(growth.regressed for growth in grown)
        return count

    assert alarms(1.0, 200) == 0
    assert alarms(1.25, 200) >= 190


@pytest.mark.parametrize(
    ("before", "after", "regressed"),
    [
        ([100.0, 104, 96], [104.0, 108, 100], False),  # 4 % dearer for certain: allowed
        ([100.0, 104, 96], [108.0, 112, 104], True),  # 8 % dearer for certain
        ([100.0, 100, 100], [90.0, 140, 95], False),  # 8 % dearer on average, by one run alone
        ([100.0, 104, 96], [50.0, 52, 48], False),  # cheaper
    ],
)
def test_cost(before, after, regressed):
    growth = figure_growths(figures(before), figures(after), GATE, "simulated")[0]
    assert (growth.metric, growth.regressed) == ("cost", regressed)


def test_violation_grows_by_points_and_unknown_services_have_no_pair():
    before, after = figures([1, 1], [0.01, 0.02]), figures([1, 1], [0.03, 0.04])
    growth = figure_growths(before, after, GATE, "simulated")[1]
    assert growth.difference.value == pytest.approx(0.02)
    assert growth.regressed
    other = after.model_copy(update={"violation": {"new": [1.0, 1.0]}})
    assert [each.metric for each in figure_growths(before, other, GATE, "simulated")] == ["cost"]


def scaled(factor: float, spread: float = 0.0):
    known = truth()
    orders = known.services["orders"]
    value = orders.cpu_seconds_per_request.value * factor
    estimate = orders.cpu_seconds_per_request.model_copy(
        update={"value": value, "low": value * (1 - spread), "high": value * (1 + spread)}
    )
    changed = orders.model_copy(update={"cpu_seconds_per_request": estimate})
    return known.model_copy(update={"services": {**known.services, "orders": changed}})


def regressed(found: list[Growth]) -> list[tuple[str, str | None]]:
    return [(growth.metric, growth.service) for growth in found if growth.regressed]


def test_a_calibration_with_twice_the_cpu_is_named():
    assert regressed(calibration_growths(truth(), scaled(2.0), GATE)) == [("cpu_per_request", "orders")]
    assert regressed(calibration_growths(truth(), truth(), GATE)) == []


def test_calibrations_whose_intervals_meet_are_not_told_apart():
    assert regressed(calibration_growths(scaled(1.0, 0.1), scaled(1.15, 0.1), GATE)) == []
    assert regressed(calibration_growths(scaled(1.0, 0.02), scaled(1.15, 0.02), GATE)) == [("cpu_per_request", "orders")]


def test_a_service_that_one_side_does_not_know_is_left_out():
    known = truth()
    alone = known.model_copy(update={"services": {"orders": known.services["orders"]}})
    assert {growth.service for growth in calibration_growths(alone, known, GATE)} == {"orders"}

"""What the time explains of traffic: of noise nothing, of a day that repeats itself all."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from scaleproof.simulator.traffic.schedule import EVERY_DAY
from scaleproof.spec.trace_file import Trace
from scaleproof.tuner.traffic.daily_pattern import (
    QUARTERS,
    WEEKEND,
    WORKING_DAYS,
    explained_share,
    pattern_of,
    quarter_hours,
)

MONDAY = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
TIMES = np.arange(QUARTERS)
WAVE = 500 - 400 * np.cos(2 * np.pi * (TIMES - 16) / QUARTERS)
"""Quietest at 04:00."""


def trace_of(days, began=MONDAY) -> Trace:
    """A row a day, a rate every quarter of an hour."""
    return Trace("x", np.concatenate(days), 900.0, 0, began)


def test_a_day_that_repeats_itself_explains_all():
    found = pattern_of(quarter_hours([trace_of([WAVE] * 4)], "UTC"))
    assert found.explained == pytest.approx(1)
    assert found.is_one
    assert found.kinds == (EVERY_DAY,)


@pytest.mark.parametrize("days", [2, 3, 10])
def test_noise_explains_nothing_however_few_days_there_are(days):
    rates = [np.random.default_rng([days, day]).uniform(0, 1000, QUARTERS) for day in range(days)]
    found = pattern_of(quarter_hours([trace_of(rates)], "UTC"))
    assert found.explained < 0.05
    assert not found.is_one


def test_constant_traffic_has_nothing_to_explain():
    assert pattern_of(quarter_hours([trace_of([np.full(QUARTERS, 7.0)] * 3)], "UTC")).explained == 0


def test_working_days_and_weekends_are_told_apart_where_that_helps():
    week = [WAVE] * 5 + [WAVE[::-1] / 4] * 2
    assert pattern_of(quarter_hours([trace_of(week * 2)], "UTC")).kinds == (WORKING_DAYS, WEEKEND)
    assert pattern_of(quarter_hours([trace_of([WAVE] * 14)], "UTC")).kinds == (EVERY_DAY,)
    # one weekend day of each kind of noise is not enough to predict the other kind's
    assert pattern_of(quarter_hours([trace_of(week[:6])], "UTC")).kinds == (EVERY_DAY,)


def test_days_begin_at_the_quietest_time_and_belong_to_the_day_on_which_they_begin():
    days = quarter_hours([trace_of([WAVE] * 3)], "UTC")
    assert days.begins == 16
    # from Sunday 04:00, of which the trace has nothing, to Thursday 04:00
    assert days.weekdays.tolist() == [0, 1, 2, 3]
    assert np.isnan(days.means[0]).sum() == 80
    assert days.means[1].tolist() == pytest.approx(np.roll(WAVE, -16).tolist())
    assert np.isnan(days.means[3]).sum() == 16


def test_the_clock_is_the_zones():
    days = quarter_hours([trace_of([WAVE] * 3)], "Asia/Kolkata")
    assert days.begins == 16 + 22  # 5 h 30 min ahead


def test_means_and_peaks_of_seconds():
    rates = np.zeros(2 * 86_400)
    rates[100] = 90.0  # in the first quarter hour of the trace, which begins 30 s into one of the clock
    days = quarter_hours([Trace("x", rates, 1.0, 0, MONDAY + 30)], "UTC")
    first = days.means[days.weekdays == 1][0]
    assert days.begins == 1  # the first quiet one
    assert np.nanmax(days.peaks) == 90
    assert np.nanmax(days.means) == pytest.approx(90 / 870)
    assert np.nansum(first) == 0


def test_several_traces_are_more_days():
    days = quarter_hours([trace_of([WAVE] * 2), trace_of([WAVE] * 2, MONDAY + 30 * 86_400)], "UTC")
    assert days.means.shape == (6, QUARTERS)
    assert explained_share(days.means, np.zeros(6, np.int64)) == pytest.approx(1)

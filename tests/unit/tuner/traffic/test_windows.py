"""Windows out of what days have needed: the best partition there is, few, early enough, and never a whole day long."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.reference import SERVICE
from scaleproof.simulator.traffic.schedule import EVERY_DAY, Window
from scaleproof.tuner.traffic.daily_pattern import QUARTERS, WEEKEND, WORKING_DAYS, QuarterHours
from scaleproof.tuner.traffic.windows import MOST_WINDOWS, fitted_pieces, lead_minutes, needed, schedules_of

LEAST = 2


def difference(pieces, wanted) -> int:
    """What the windows differ from what is wanted, summed over the day."""
    kept = np.full(QUARTERS, LEAST)
    for piece in pieces:
        assert 1 <= piece.begin < piece.end <= QUARTERS
        assert (kept[piece.begin : piece.end] == LEAST).all()  # no two overlap
        assert piece.replicas > LEAST
        kept[piece.begin : piece.end] = piece.replicas
    return int(np.abs(kept - wanted).sum())


@st.composite
def days(draw):
    """Replicas wanted in every quarter hour: the quietest first, then some levels."""
    levels = draw(st.lists(st.tuples(st.integers(1, 40), st.integers(LEAST, 12)), max_size=12))
    wanted = np.concatenate([[LEAST], *(np.full(length, level) for length, level in levels), np.full(QUARTERS, LEAST)])
    return wanted[:QUARTERS].astype(np.int64)


@given(days())
@settings(max_examples=60, deadline=None)
def test_more_windows_fit_better_and_enough_of_them_exactly(wanted):
    found = fitted_pieces(wanted, LEAST)
    off = [difference(pieces, wanted) for pieces in found]
    assert [len(pieces) <= count for count, pieces in enumerate(found)] == [True] * (MOST_WINDOWS + 1)
    assert off == sorted(off, reverse=True)
    changes = np.flatnonzero(np.diff(np.append(wanted, LEAST)))
    levels = int((wanted[changes] > LEAST).sum())
    if levels <= MOST_WINDOWS:
        assert off[levels] == 0
        assert len(found[MOST_WINDOWS]) == levels  # and no more than it takes


@given(days())
@settings(max_examples=3, deadline=None)
def test_one_window_is_the_best_of_all(wanted):
    best = int((wanted - LEAST).sum())
    for begin in range(1, QUARTERS):
        for end in range(begin + 1, QUARTERS + 1):
            inside = wanted[begin:end]
            middle = round(float(np.median(inside)))  # the level with the least absolute differences
            if middle > LEAST:
                outside = int(wanted.sum() - inside.sum()) - LEAST * (QUARTERS - inside.size)
                best = min(best, outside + int(np.abs(inside - middle).sum()))
    assert difference(fitted_pieces(wanted, LEAST)[1], wanted) <= best


def quarter_days(peaks, weekdays, begins=0) -> QuarterHours:
    table = np.array(peaks, float)
    return QuarterHours(table, table, np.array(weekdays), begins)


def test_what_is_needed_is_a_quantile_over_days_and_one_strange_day_is_none():
    peaks = np.full((5, QUARTERS), 280.0)
    peaks[:, 40:48] = 700.0
    peaks[3, 60:64] = 5000.0
    peaks[0, :4] = np.nan
    mine = {"least": 2, "most": 9}
    half = needed(quarter_days(peaks, [1, 2, 3, 4, 5]), EVERY_DAY, SERVICE, quantile=0.5, share=1.0, **mine)
    assert (set(half[:40]), set(half[40:48]), set(half[48:])) == ({2}, {5}, {2})
    all_days = needed(quarter_days(peaks, [1, 2, 3, 4, 5]), EVERY_DAY, SERVICE, quantile=1.0, share=1.0, **mine)
    assert set(all_days[60:64]) == {9}
    assert set(needed(quarter_days(peaks, [1] * 5), WEEKEND, SERVICE, quantile=0.5, share=1.0, **mine)) == {2}


def test_a_window_opens_as_much_earlier_as_a_replica_takes():
    """25 s to start, 15 s to the decision, 15 s to the sample: a minute before 07:00, on the clock whose day begins at 04:00."""
    assert lead_minutes(SERVICE) == 1
    slow = SERVICE.model_copy(update={"start_seconds": (100.0, 200.0), "node_seconds": 40.0})
    assert lead_minutes(slow) == 5
    peaks = np.full((3, QUARTERS), 100.0)
    peaks[:, 12:20] = 140.0 * 6
    found = schedules_of(quarter_days(peaks, [1, 2, 3], begins=16), [EVERY_DAY], "UTC", SERVICE, least=2, most=20)
    assert Window(EVERY_DAY, 7 * 60 - 1, 121, 6) in {window for schedule in found for window in schedule.windows}
    assert len(found) == len(set(found))


def test_what_begins_after_midnight_is_of_the_next_day():
    """Days begin at 20:00 here; 22 quarter hours later it is 01:30."""
    peaks = np.full((4, QUARTERS), 100.0)
    peaks[:2, 22:30] = 140.0 * 5
    found = schedules_of(
        quarter_days(peaks, [4, 5, 6, 0], begins=80), [WORKING_DAYS, WEEKEND], "UTC", SERVICE, least=2, most=20
    )
    windows = {window for schedule in found for window in schedule.windows}
    assert {window.days for window in windows} == {(2, 3, 4, 5, 6)}
    assert Window((2, 3, 4, 5, 6), 89, 121, 5) in windows
    assert all(len(schedule.windows) <= MOST_WINDOWS for schedule in found)


@pytest.mark.parametrize("level", [0.0, 200.0])
def test_days_that_need_no_more_than_the_least_have_no_schedule(level):
    peaks = np.full((3, QUARTERS), level)
    assert schedules_of(quarter_days(peaks, [1, 2, 3]), [EVERY_DAY], "UTC", SERVICE, least=2, most=20) == []

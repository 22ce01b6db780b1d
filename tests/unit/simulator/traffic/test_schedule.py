"""A schedule asks for what KEDA's cron scaler would ask for, minute by minute, by the clocks of its zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaleproof.simulator.traffic.schedule import (
    EVERY_DAY,
    OUTSIDE,
    WEEK_MINUTES,
    Schedule,
    Window,
    scheduled_replicas,
    wall_minutes,
)
from scaleproof.spec.errors import BadInputError

DAYS = st.just(EVERY_DAY) | st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days)))
WINDOWS = st.builds(Window, DAYS, st.integers(0, 1439), st.integers(1, 1439), st.integers(2, 40))
MARCH, OCTOBER = datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)


def moments(cron: str) -> np.ndarray:
    """Minutes of the week at which a cron expression with lists and ranges of weekdays fires, ascending."""
    minute, hour, day, month, weekdays = cron.split()
    assert (day, month) == ("*", "*")
    chosen = set()
    for part in ["0-6"] if weekdays == "*" else weekdays.split(","):
        first, _, last = part.partition("-")
        chosen |= set(range(int(first), int(last or first) + 1))
    return np.array(sorted(1440 * each + 60 * int(hour) + int(minute) for each in chosen))


def following(found: np.ndarray, now: np.ndarray) -> np.ndarray:
    """The first of the moments after each minute, in minutes from it on: in this week or the next."""
    away = (found[None, :] - now[:, None] - 1) % WEEK_MINUTES + 1
    return away.min(axis=1)


@given(st.lists(WINDOWS, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_week_is_what_the_cron_scaler_says(windows):
    """GetMetricsAndActivity: within the window where the next end comes before the next start; the HPA takes the greatest."""
    now = np.arange(WEEK_MINUTES)
    expected = np.full(WEEK_MINUTES, OUTSIDE)
    for window in windows:
        start, end = moments(window.start_cron), moments(window.end_cron)
        within = following(end, now) < following(start, now)
        expected = np.maximum(expected, np.where(within, window.replicas, OUTSIDE))
    assert Schedule(tuple(windows), "UTC").of_week().tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        (Window(EVERY_DAY, 419, 121, 4), "59 6 * * *", "0 9 * * *"),
        (Window(EVERY_DAY, 1319, 241, 4), "59 21 * * *", "0 2 * * *"),
        (Window((1, 2, 3, 4, 5), 1380, 60, 4), "0 23 * * 1-5", "0 0 * * 2-6"),
        (Window((0, 6), 0, 600, 4), "0 0 * * 0,6", "0 10 * * 0,6"),
        (Window((6,), 1439, 2, 4), "59 23 * * 6", "1 0 * * 0"),
    ],
)
def test_cron_expressions(window, start, end):
    assert (window.start_cron, window.end_cron) == (start, end)


@pytest.mark.parametrize(
    ("begin", "opens_at"),
    [
        (MARCH, ["2026-03-28T05:00+00:00", "2026-03-29T04:00+00:00"]),
        (OCTOBER, ["2026-10-24T04:00+00:00", "2026-10-25T05:00+00:00"]),
    ],
)
def test_windows_follow_the_clocks_when_these_are_changed(begin, opens_at):
    schedule = Schedule((Window(EVERY_DAY, 360, 60, 9),), "Europe/Berlin")
    wanted = scheduled_replicas(schedule, begin.timestamp(), 2 * 86_400)
    opening = np.flatnonzero((wanted[1:] == 9) & (wanted[:-1] == OUTSIDE)) + 1
    found = [datetime.fromtimestamp(begin.timestamp() + int(second), UTC).isoformat(timespec="minutes") for second in opening]
    assert found == opens_at
    assert (wanted == 9).sum() == 2 * 3600


def test_a_trace_may_begin_within_a_minute():
    schedule = Schedule((Window(EVERY_DAY, 1, 1, 5),), "UTC")
    assert scheduled_replicas(schedule, MARCH.timestamp() + 58.5, 64).tolist() == [1] * 2 + [5] * 60 + [1] * 2
    assert scheduled_replicas(schedule, MARCH.timestamp() + 60, 1).tolist() == [5]


@given(st.sampled_from(["UTC", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York"]), st.integers(0, 2_000_000_000))
@settings(max_examples=40, deadline=None)
def test_wall_minutes_are_what_a_clock_shows(zone, began):
    walls = wall_minutes(began, 7200, ZoneInfo(zone))
    for second in (0, 3599, 7199):
        shown = datetime.fromtimestamp(began + second, ZoneInfo(zone))
        minute = (shown.isoweekday() % 7) * 1440 + 60 * shown.hour + shown.minute
        assert walls[(began + second) // 60 - began // 60] % WEEK_MINUTES == minute


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/hosts", "", "America"])
def test_a_zone_that_is_none(zone):
    with pytest.raises(BadInputError, match="is not known"):
        scheduled_replicas(Schedule((), zone), 0.0, 60)


@pytest.mark.parametrize(
    "wrong", [((), 0, 60, 2), ((1, 0), 0, 60, 2), ((7,), 0, 60, 2), ((0,), 1440, 60, 2), ((0,), 0, 1440, 2), ((0,), 0, 60, 0)]
)
def test_a_window_that_is_none(wrong):
    with pytest.raises(ValueError, match="no window"):
        Window(*wrong)

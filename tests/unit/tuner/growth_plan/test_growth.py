"""When a number of users is there."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.spec.errors import BadInputError
from scaleproof.tuner.growth_plan.growth import parse_growth, recorded_growth

START = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("growth", "users", "on", "gloss"),
    [
        ("5%/month", 10_000, date(2026, 12, 1), "who is there already is there on the first day"),
        ("5%/month", 10_500, date(2027, 1, 1), "one month"),
        ("100%/year", 20_000, date(2027, 12, 2), "a year of 365.2425 days, rounded up"),
        ("500/week", 11_000, date(2026, 12, 15), "two weeks"),
        ("0.001%/year", 1_000_000, None, "not within a century"),
        ("10 % / week", 11_000, date(2026, 12, 8), "spaces do not matter"),
    ],
)
def test_steady_growth(growth, users, on, gloss):
    reached = parse_growth(growth, start=START, users=10_000).reached(users)
    assert (reached.on, reached.early, reached.extrapolated) == (on, None, False), gloss


@pytest.mark.parametrize(
    "text", ["", "5", "5%", "5%/fortnight", "-5%/month", "0%/month", "a lot", "1e9%/day", "99999999999/day"]
)
def test_no_growth_is_refused(text):
    with pytest.raises(BadInputError, match="--growth: expected a growth above 0"):
        parse_growth(text, start=START, users=10)


def months(*users):
    return [(date(2026, month, 1), float(count)) for month, count in enumerate(users, start=1)]


def test_between_two_dates_growth_is_by_equal_shares():
    known = recorded_growth(months(100, 400), "growth.csv")
    assert known.reached(200).on == date(2026, 1, 1) + timedelta(days=16)  # half of 31 days, rounded up
    assert not known.reached(200).extrapolated


def test_beyond_the_file_the_trend_goes_on_with_its_interval():
    known = recorded_growth(months(100, 211, 390, 820), "growth.csv")  # about twice a month
    reached = known.reached(1_640)
    assert reached.extrapolated
    assert abs((reached.on - date(2026, 5, 1)).days) <= 2
    assert date(2026, 4, 1) < reached.early < reached.on < reached.late
    assert "a month" in known.words


def test_two_points_give_no_interval():
    reached = recorded_growth(months(100, 200), "growth.csv").reached(400)
    assert (reached.on is not None, reached.early, reached.late) == (True, None, None)


def test_a_platform_that_shrinks_never_gets_there():
    reached = recorded_growth(months(400, 300, 200), "growth.csv").reached(500)
    assert reached.on is None


def test_users_that_were_there_once_were_reached_then():
    assert recorded_growth(months(100, 400, 200), "growth.csv").reached(400).on == date(2026, 2, 1)


counts = st.floats(1, 1e6)


@given(st.lists(counts, min_size=2, max_size=12), counts, counts)
def test_dates_never_go_back_for_more_users(users, one, other):
    known = recorded_growth(months(*users), "growth.csv")
    few, many = known.reached(min(one, other)), known.reached(max(one, other))
    assert (few.on or date.max) <= (many.on or date.max)
    if few.early is not None and many.early is not None:
        assert few.early <= many.early


@given(st.floats(0.01, 50), st.sampled_from(["day", "week", "month", "quarter", "year"]), counts, counts)
def test_steady_dates_never_go_back(rate, period, one, other):
    known = parse_growth(f"{rate:.4f}%/{period}", start=START, users=1_000)
    few, many = known.reached(min(one, other)), known.reached(max(one, other))
    assert (few.on or date.max) <= (many.on or date.max)

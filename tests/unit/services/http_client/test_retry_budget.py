"""What retries may add to the load, over any window."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.http_client.policy import RetryPolicy
from services.common.http_client.retry_budget import SLICES, RetryBudget

SHARE_ONLY = RetryPolicy(budget_share=0.1, budget_per_second=0.0, budget_window_seconds=10.0)
RESERVE_ONLY = RetryPolicy(budget_share=0.0, budget_per_second=0.5, budget_window_seconds=10.0)


def taken(budget: RetryBudget, now: float, most: int = 100) -> int:
    return sum(budget.take(now) for _ in range(most))


def test_a_tenth_of_what_was_asked_may_be_repeated():
    budget = RetryBudget(SHARE_ONLY)
    assert taken(budget, 0.0) == 0, "nothing was asked yet"
    for _ in range(100):
        budget.asked(0.0)
    assert taken(budget, 1.0) == 10


def test_what_was_asked_longer_ago_than_the_window_does_not_count():
    budget = RetryBudget(SHARE_ONLY)
    for _ in range(100):
        budget.asked(0.5)
    assert taken(budget, 10.5, most=1) == 0, "the whole window later"
    budget = RetryBudget(SHARE_ONLY)
    for _ in range(100):
        budget.asked(0.5)
    assert taken(budget, 9.5) == 10, "just before"


def test_a_caller_with_few_calls_has_a_reserve():
    budget = RetryBudget(RESERVE_ONLY)
    assert taken(budget, 100.0) == 5, "0.5 a second over 10 s"
    assert taken(budget, 105.0) == 0, "still the same window"
    assert taken(budget, 110.5) == 5


def test_a_clock_that_stands_still_or_steps_back_does_no_harm():
    budget = RetryBudget(RESERVE_ONLY)
    assert taken(budget, 50.0) == 5
    assert taken(budget, 20.0) == 0
    assert taken(budget, 50.0) == 0


@pytest.mark.parametrize("rate", [25, 50, 200])
def test_with_the_defaults_load_grows_by_a_tenth_at_most_when_everything_fails(rate: int):
    budget = RetryBudget(RetryPolicy())
    retries, seconds = 0, 120
    for number in range(rate * seconds):
        now = number / rate
        budget.asked(now)
        retries += taken(budget, now, most=2)
    assert 0.05 < retries / (rate * seconds) <= 0.1


steps = st.lists(
    st.tuples(st.floats(0, 4), st.integers(0, 30), st.integers(0, 5)), max_size=40
)  # seconds passed, first attempts, retries wanted


@given(steps=steps, share=st.floats(0, 0.5), per_second=st.floats(0, 2))
def test_no_window_holds_more_retries_than_its_share_and_reserve(steps, share: float, per_second: float):
    """Against a plain list of everything that happened, summed up by the same slices."""
    policy = RetryPolicy(budget_share=share, budget_per_second=per_second, budget_window_seconds=10.0)
    budget = RetryBudget(policy)
    slice_seconds = policy.budget_window_seconds / SLICES
    asked: list[int] = []
    retried: list[int] = []
    now = 0.0
    for passed, calls, wanted in steps:
        now += passed
        current = int(now / slice_seconds)
        for _ in range(calls):
            budget.asked(now)
            asked.append(current)
        for _ in range(wanted):
            in_window = [sum(current - SLICES < each for each in events) for events in (asked, retried)]
            fits = in_window[1] + 1 <= share * in_window[0] + per_second * policy.budget_window_seconds
            assert budget.take(now) == fits
            if fits:
                retried.append(current)

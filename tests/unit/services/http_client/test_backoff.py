"""Waits: full jitter, and Retry-After in both its forms."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.http_client.backoff import full_jitter, wait_before
from services.common.http_client.policy import RetryPolicy
from services.common.http_client.retry_after import read_retry_after

POLICY = RetryPolicy(base_seconds=0.1, longest_wait_seconds=1.0, longest_retry_after_seconds=2.0)
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC).timestamp()
draws = st.floats(min_value=0, max_value=1, exclude_max=True)


@pytest.mark.parametrize(("retry", "longest", "gloss"), [
    (1, 0.1, "the base"), (2, 0.2, "twice"), (4, 0.8, "and so on"), (5, 1.0, "up to the limit"), (100_000, 1.0, "however often"),
])  # fmt: skip
def test_the_range_doubles_up_to_its_limit(retry: int, longest: float, gloss: str):
    assert full_jitter(retry, POLICY, lambda: 1.0) == pytest.approx(longest), gloss
    assert full_jitter(retry, POLICY, lambda: 0.0) == 0, "the whole range is drawn from"


@given(retry=st.integers(1, 50), draw=draws)
def test_a_wait_lies_in_its_range(retry: int, draw: float):
    assert 0 <= full_jitter(retry, POLICY, lambda: draw) <= min(1.0, 0.1 * 2 ** (retry - 1))


@given(retry=st.integers(1, 10), draw=draws, retry_after=st.floats(0, 10))
def test_nobody_comes_back_sooner_than_told_or_after_being_told_too_long(retry: int, draw: float, retry_after: float):
    wait = wait_before(retry, POLICY, lambda: draw, retry_after=retry_after)
    if retry_after > 2.0:
        assert wait is None
    else:
        assert wait is not None
        assert retry_after <= wait <= retry_after + 1.0


def test_without_retry_after_it_is_the_jitter_alone():
    assert wait_before(2, POLICY, lambda: 0.5, retry_after=None) == pytest.approx(0.1)


@pytest.mark.parametrize(("text", "seconds"), [
    ("0", 0.0),
    ("7", 7.0),
    (" 120 ", 120.0),
    ("9" * 400, math.inf),
    ("Fri, 27 Nov 2026 12:00:30 GMT", 30.0),
    ("Fri, 27 Nov 2026 11:59:00 GMT", 0.0),
    ("Fri, 27 Nov 2026 13:00:30 +0100", 30.0),
    ("Fri, 27 Nov 2026 12:00:30 -0000", 30.0),
    ("-1", None), ("1.5", None), ("soon", None), ("", None), ("²", None),
])  # fmt: skip
def test_retry_after(text: str, seconds: float | None):
    assert read_retry_after(text, unix_now=NOW) == seconds


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001 - hypothesis wants them naive
def test_every_http_date_is_read(date: datetime):
    aware = date.replace(tzinfo=UTC, microsecond=0)
    expected = max(0.0, aware.timestamp() - NOW)
    assert read_retry_after(format_datetime(aware, usegmt=True), unix_now=NOW) == expected


@given(st.text(max_size=60))
def test_whatever_is_sent_is_a_wait_or_nothing(text: str):
    seconds = read_retry_after(text, unix_now=NOW)
    assert seconds is None or seconds >= 0

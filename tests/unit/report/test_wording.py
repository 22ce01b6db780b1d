"""Figures as people read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.report import wording


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (0.00004, "< 0.01 %"),
        (0.0004, "0.04 %"),
        (0.031, "3.1 %"),
        (0.42, "42 %"),
        (0.9512, "95.1 %"),
        (0.9986, "99.86 %"),
        (0.999999, "> 99.99 %"),
        (1.0, "100 %"),
        (math.nan, wording.MISSING),
        (None, wording.MISSING),
    ],
)
def test_a_share_has_as_many_digits_as_it_deserves(share, text):
    assert wording.percent(share) == text


@given(st.floats(min_value=1e-12, max_value=1, exclude_max=True))
def test_only_nothing_reads_as_zero_and_only_all_reads_as_all(share):
    assert wording.percent(share) not in {"0 %", "100 %"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0084, "8 ms"),
        (0.184, "184 ms"),
        (0.9999, "1 s"),
        (2.34, "2.3 s"),
        (45, "45 s"),
        (125, "2 min 5 s"),
        (240, "4 min"),
        (math.inf, wording.MISSING),
    ],
)
def test_a_duration_in_the_unit_that_fits(seconds, text):
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (100, 77, f"{wording.MINUS}23 %"),
        (100, 109.2, "+9.2 %"),
        (100, 100.4, "unchanged"),
        (15, 0.039, f"{wording.MINUS}100 %"),
        (1, 30, "+2,900 %"),
        (0, 3, wording.MISSING),
        (None, 3, wording.MISSING),
    ],
)
def test_a_relative_change(before, after, text):
    assert wording.change(before, after) == text


def test_a_change_of_a_share_is_in_points():
    assert wording.points(0.69, 0.0) == f"{wording.MINUS}69.0 points"
    assert wording.points(0.1, 0.1004) == "unchanged"
    assert wording.points(0.1, 0.15) == "+5.0 points"
    assert wording.points(None, 0.15) == wording.MISSING


def test_the_rest():
    assert wording.amount(0.4211) == "0.42"
    assert wording.amount(52.0) == "52"
    assert wording.amount(12345.6) == "12,346"
    assert wording.amount(math.nan) == wording.MISSING
    assert wording.number(10_000) == "10,000"
    assert wording.number(None) == wording.MISSING
    assert wording.clock(65) == "1:05"
    assert wording.memory(3 << 20) == "3 MiB"
    assert wording.plural(1, "request") == "1 request"
    assert wording.plural(3000, "request") == "3,000 requests"
    assert wording.listed([]) == ""
    assert wording.listed(["a", "b", "c"]) == "a, b and c"
    assert wording.sentence("it holds") == "It holds."
    assert wording.sentence("orders: it holds!", names=["orders"]) == "orders: it holds!"

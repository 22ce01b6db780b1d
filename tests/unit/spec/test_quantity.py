"""Quantities read as Kubernetes reads them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.spec.quantity import byte_value, cpu_quantity, memory_quantity, milli_value, parse_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("250m", Decimal("0.25")),
        ("1.5", Decimal("1.5")),
        (2, Decimal(2)),
        ("128Mi", Decimal(128 * 2**20)),
        ("1e3", Decimal(1000)),
        ("100n", Decimal("1e-7")),
        (".5", Decimal("0.5")),
        ("1E", Decimal(10) ** 18),
    ],
)
def test_reads(text, number):
    assert parse_quantity(text) == number


@pytest.mark.parametrize("text", ["", "abc", "1 core", "12Q", "m", "--1", "1e"])
def test_refuses_what_is_no_quantity(text):
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        parse_quantity(text)


def test_milli_value_rounds_up_as_upstream():
    assert milli_value("0.0001") == 1
    assert milli_value("1.0005") == 1001
    assert byte_value("1.5") == 2


@given(st.integers(min_value=0, max_value=10**7))
def test_what_is_written_reads_the_same(millicores):
    assert milli_value(cpu_quantity(millicores)) == millicores


@given(st.integers(min_value=0, max_value=2**40))
def test_memory_is_written_rounded_up_to_a_mebibyte(size):
    written = byte_value(memory_quantity(size))
    assert size <= written < size + 2**20

import math

import pytest

from scaleproof.hpa import go_numbers as go

# As `go run` answers on linux/amd64 (go1.26): int32(math.Ceil(x)), int32(x), int64(math.Ceil(x)).
CONVERSIONS = [
    (3e9, -(2**31), -(2**31), 3_000_000_000),
    (-3e9, -(2**31), -(2**31), -3_000_000_000),
    (2147483647.5, -(2**31), 2147483647, 2147483648),
    (-2147483648.5, -(2**31), -(2**31), -2147483648),
    (1e20, -(2**31), -(2**31), -(2**63)),
    (math.inf, -(2**31), -(2**31), -(2**63)),
    (math.nan, -(2**31), -(2**31), -(2**63)),
    (2.1, 3, 2, 3),
    (-2.9, -2, -2, -2),
]


@pytest.mark.parametrize(("value", "ceiled", "truncated", "ceiled64"), CONVERSIONS)
def test_floats_become_integers_as_in_go(value, ceiled, truncated, ceiled64):
    assert (go.ceil_int32(value), go.truncate_int32(value), go.ceil_int64(value)) == (ceiled, truncated, ceiled64)


@pytest.mark.parametrize(("value", "wrapped"), [(0, 0), (2**31 - 1, 2**31 - 1), (2**31, -(2**31)), (-(2**31) - 1, 2**31 - 1)])
def test_int32_wraps_around(value, wrapped):
    assert go.wrap_int32(value) == wrapped


@pytest.mark.parametrize(("a", "b", "result"), [(7, 2, 3), (-7, 2, -3), (7, -2, -3), (-7, -2, 3), (0, 5, 0)])
def test_integer_division_goes_towards_zero(a, b, result):
    assert go.quotient(a, b) == result


def test_division_by_zero_is_an_infinity_or_not_a_number():
    assert go.ratio(1.0, 0.0) == math.inf
    assert go.ratio(-1.0, 0.0) == -math.inf
    assert math.isnan(go.ratio(0.0, 0.0))
    assert go.ratio(3.0, 2.0) == 1.5

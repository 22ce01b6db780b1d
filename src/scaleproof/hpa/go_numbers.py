"""Go's number conversions on amd64, which upstream's results depend on."""

from __future__ import annotations

import math
from typing import Final

from scaleproof.hpa.compiled import jitable

INT32_MIN: Final = -2147483648
INT32_MAX: Final = 2147483647
INT64_MIN: Final = -9223372036854775808
INT64_MAX: Final = 9223372036854775807
_TWO_31: Final = 2147483648.0
_TWO_63: Final = 9223372036854775808.0


@jitable
def wrap_int32(value: int) -> int:
    """`int32(value)` of an int64: the low 32 bits."""
    return (value + 2147483648) % 4294967296 - 2147483648


@jitable
def truncate_int32(value: float) -> int:
    """`int32(value)` of a float64: towards zero; out of range and NaN give the least int32, as amd64 does."""
    if not -_TWO_31 - 1.0 < value < _TWO_31:
        return INT32_MIN
    return int(value)


@jitable
def ceil_int32(value: float) -> int:
    """`int32(math.Ceil(value))`."""
    if not -_TWO_31 - 1.0 < value <= _TWO_31 - 1.0:
        return INT32_MIN
    return math.ceil(value)


@jitable
def ceil_int64(value: float) -> int:
    """`int64(math.Ceil(value))`."""
    if not -_TWO_63 <= value < _TWO_63:
        return INT64_MIN
    return math.ceil(value)


@jitable
def quotient(dividend: int, divisor: int) -> int:
    """Go's integer division: towards zero."""
    result = abs(dividend) // abs(divisor)
    return result if (dividend < 0) == (divisor < 0) else -result


@jitable
def ratio(dividend: float, divisor: float) -> float:
    """Float division as IEEE 754 has it: by zero gives an infinity or NaN, never an exception."""
    if divisor != 0:
        return dividend / divisor
    if dividend > 0:
        return math.inf
    if dividend < 0:
        return -math.inf
    return math.nan

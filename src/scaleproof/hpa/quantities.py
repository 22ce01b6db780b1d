"""Quantities, times and durations as Kubernetes writes them, as the numbers that the array functions take."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, NamedTuple

from scaleproof.hpa.go_numbers import INT64_MAX

NANOSECONDS: Final = 1_000_000_000

# Go's zero time is year 1, beyond int64 nanoseconds; any time before all others behaves the same.
ZERO_TIME: Final = -(2**62)

_QUANTITY = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,9})|([KMGTPE]i|[numkMGTPE]))?")
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_NANO: Final = -9
_MILLI: Final = -3
_INT64_FACTORS: Final = 18  # maxInt64Factors
_BEYOND: Final = 60  # a power of ten beyond which nothing fits in an int64 anyway

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|z|[+-]\d\d:\d\d)")
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|μs|ns)")  # Go accepts both signs for micro
_UNITS: Final = {"h": 3600 * NANOSECONDS, "m": 60 * NANOSECONDS, "s": NANOSECONDS, "ms": 10**6, "us": 1000, "ns": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Amount(NamedTuple):
    """A quantity as `resource.Quantity` holds it: `value` × 10^`exponent`; `exact` in an int64, otherwise in an inf.Dec."""

    value: int
    exponent: int
    exact: bool


def _amount(text: str | float) -> _Amount:
    """`ParseQuantity`: which of the two representations it takes decides how later roundings go."""
    match = _QUANTITY.fullmatch(str(text).strip())
    if match is None or not (match[2] or match[3]):
        msg = f"{text!r} is not a Kubernetes quantity such as 250m, 1.5 or 128Mi"
        raise ValueError(msg)
    sign, whole, fraction, power, suffix = match.groups()
    whole, fraction = whole.lstrip("0") or "0", fraction or ""
    digits = int(whole + fraction) * (-1 if sign == "-" else 1)
    if suffix in _BINARY:
        bits = _BINARY[suffix]
        digits <<= bits
        fits = not fraction and 15 - len(whole) - bits * 3 // 10 - 1 >= 0
        scale = 0 if fits else -len(fraction)
    else:
        exponent = int(power) if power else _DECIMAL[suffix or ""]
        scale = exponent - len(fraction)
        fits = len(whole) + len(fraction) <= _INT64_FACTORS and scale >= _NANO
    if fits or digits == 0:
        return _Amount(digits, scale, exact=True)
    # inf.Dec: rounded away from zero to nano, and held in nano.
    if scale >= _NANO:
        return _Amount(digits * 10 ** min(scale - _NANO, _BEYOND), _NANO, exact=False)
    value = -(-abs(digits) // 10 ** min(_NANO - scale, _BEYOND))
    return _Amount(value if digits > 0 else -value, _NANO, exact=False)


@lru_cache(maxsize=65536)
def milli_value(text: str | float) -> int:
    """`Quantity.MilliValue`: thousandths, rounded up. Raises ValueError where it is no quantity or beyond int64.

    A negative rounds away from zero where upstream holds an int64, otherwise towards zero plus one, as upstream does.
    """
    value, exponent, exact = _amount(text)
    if exponent >= _MILLI:
        milli: int = value * 10 ** min(exponent - _MILLI, _BEYOND)
    else:
        rest, divisor = abs(value), 10 ** (_MILLI - exponent)
        milli = rest // divisor if value >= 0 else -(rest // divisor)
        if rest % divisor:
            milli += 1 if value > 0 or not exact else -1
    if abs(milli) > INT64_MAX:
        msg = f"{text!r} is beyond what Kubernetes can count in thousandths"
        raise ValueError(msg)
    return milli


def approximate_float(text: str | float) -> float:
    """`Quantity.AsApproximateFloat64`: the digits times a power of ten, two roundings where a literal has one."""
    value, exponent, _ = _amount(text)
    return float(value) if exponent == 0 else float(value) * float(f"1e{exponent}")


@lru_cache(maxsize=65536)
def parse_time(value: str | float) -> int:
    """Nanoseconds since 1970 of RFC 3339 text or of Unix seconds. Raises ValueError."""
    if not isinstance(value, str):
        return _nanoseconds(value)
    match = _TIME.fullmatch(value)
    if match is None:
        msg = f"{value!r} is not a time such as 2026-01-31T12:00:00Z"
        raise ValueError(msg)
    day, clock, fraction, zone = match.groups()
    since = datetime.fromisoformat(f"{day}T{clock}{zone.upper().replace('Z', '+00:00')}") - _EPOCH
    nanoseconds = (since.days * 86400 + since.seconds) * NANOSECONDS + int(((fraction or "") + "000000000")[:9])
    return max(nanoseconds, ZERO_TIME)


def format_time(nanoseconds: int) -> str:
    """RFC 3339 text in UTC, with as many decimals as the time has."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:09d}".rstrip("0") + "Z" if rest else f"{text}Z"


@lru_cache(maxsize=4096)
def parse_duration(value: str | float) -> int:
    """Nanoseconds of Go's duration text (`30s`, `1m0s`) or of a number of seconds. Raises ValueError."""
    if not isinstance(value, str):
        return _nanoseconds(value)
    position, total = 0, Decimal(0)
    for match in _DURATION.finditer(value):
        if match.start() != position:
            break
        position = match.end()
        number, unit = match.groups()
        total += Decimal(number) * _UNITS[unit.replace("µ", "u").replace("μ", "u")]  # as above
    if position != len(value) or not value:
        if value == "0":
            return 0
        msg = f"{value!r} is not a duration such as 30s or 1m0s"
        raise ValueError(msg)
    return int(total)


def _nanoseconds(seconds: float) -> int:
    if isinstance(seconds, int):
        return seconds * NANOSECONDS
    try:
        return int(Decimal(repr(seconds)) * NANOSECONDS)
    except (InvalidOperation, OverflowError, ValueError):
        msg = f"{seconds!r} is not a number of seconds"
        raise ValueError(msg) from None

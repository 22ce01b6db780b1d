"""Quantities, times and durations as Kubernetes writes them, as the numbers that the array functions take."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from scaleproof.hpa.go_numbers import INT64_MAX
from scaleproof.spec.quantity import parse_quantity

NANOSECONDS: Final = 1_000_000_000

# Go's zero time is year 1, beyond int64 nanoseconds; any time before all others behaves the same.
ZERO_TIME: Final = -(2**62)

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|z|[+-]\d\d:\d\d)")
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|μs|ns)")  # Go accepts both signs for micro
_UNITS: Final = {"h": 3600 * NANOSECONDS, "m": 60 * NANOSECONDS, "s": NANOSECONDS, "ms": 10**6, "us": 1000, "ns": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=65536)
def milli_value(text: str | float) -> int:
    """`Quantity.MilliValue`: thousandths, rounded away from zero. Raises ValueError where it is no quantity or beyond int64."""
    value = int((parse_quantity(text) * 1000).to_integral_value(rounding=ROUND_UP))
    if abs(value) > INT64_MAX:
        msg = f"{text!r} is beyond what Kubernetes can count in thousandths"
        raise ValueError(msg)
    return value


def approximate_float(text: str | float) -> float:
    """`Quantity.AsApproximateFloat64`: the digits times a power of ten, two roundings where a literal has one."""
    exact = parse_quantity(text)
    sign, digits, exponent = exact.as_tuple()
    base = float(int("".join(map(str, digits))))
    scaled = base if exponent == 0 else base * float(f"1e{exponent}")
    return -scaled if sign else scaled


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

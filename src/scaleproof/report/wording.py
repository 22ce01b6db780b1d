"""Figures as people read them. Pure. A value that was not measured (None or NaN) reads as a dash."""
# ruff: noqa: PLR2004  the thresholds are those of rounding, and stand beside what they round

from __future__ import annotations

import math
import re
from collections.abc import Iterable

MISSING = "\u2013"  # en dash
MINUS = "\u2212"


def is_known(value: float | None) -> bool:
    """The value was measured."""
    return value is not None and math.isfinite(value)


def percent(share: float | None) -> str:
    """A share in 0..1 as per cent, with as many digits as it deserves: 0 %, 0.04 %, 3.1 %, 42 %."""
    if share is None or not math.isfinite(share):
        return MISSING
    value = share * 100
    size = abs(value)
    if size == 0:
        return "0 %"
    if size < 0.01:
        return "< 0.01 %"
    if 99.995 <= size < 100:
        return "> 99.99 %"
    digits = 2 if size < 1 or 99 < size < 100 else 1 if size < 10 or 90 < size < 100 else 0
    return f"{_trimmed(value, digits)} %"


def duration(seconds: float | None) -> str:
    """Seconds as 8 ms, 184 ms, 2.3 s, 45 s or 4 min 5 s."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{_trimmed(seconds, 1)} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def number(value: float | None, digits: int = 0) -> str:
    """A number with thousands separators."""
    return f"{value:,.{digits}f}" if value is not None and math.isfinite(value) else MISSING


def amount(value: float | None) -> str:
    """A number with three significant digits at most, with thousands separators: 0.42, 3.1, 42, 1,234."""
    if value is None or not math.isfinite(value):
        return MISSING
    size = abs(value)
    digits = 0 if size >= 100 or size == 0 else 1 if size >= 10 else 2
    return _trimmed(value, digits)


def change(before: float | None, after: float | None) -> str:
    """The relative change: -23 % (with a true minus sign), +5 %, unchanged."""
    if before is None or after is None or not is_known(before) or not is_known(after) or before == 0:
        return MISSING
    share = after / before - 1
    if abs(share) < 0.005:
        return "unchanged"
    size = abs(share) * 100
    text = f"{size:,.0f}" if size >= 99.95 else _trimmed(size, 1 if size < 10 else 0)
    return f"{'+' if share > 0 else MINUS}{text} %"


def points(before: float | None, after: float | None) -> str:
    """The change of a share in percentage points: -12.3 points."""
    if before is None or after is None or not is_known(before) or not is_known(after):
        return MISSING
    difference = (after - before) * 100
    if abs(difference) < 0.05:
        return "unchanged"
    return f"{'+' if difference > 0 else MINUS}{abs(difference):.1f} points"


def clock(seconds: float) -> str:
    """A time within a run as 1:05."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def memory(size_bytes: float) -> str:
    """Bytes as MiB."""
    return f"{size_bytes / 2**20:,.0f} MiB"


def plural(count: float, one: str, many: str | None = None) -> str:
    """`1 request`, `3 requests`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def sentence(text: str, *, names: Iterable[str] = ()) -> str:
    """The text with a capital letter at its start, unless one of the names stands there, and with a full stop."""
    first = re.split(r"[\s:]", text, maxsplit=1)[0]
    begun = text if first in set(names) else text[:1].upper() + text[1:]
    return begun if begun.endswith((".", "!", "?", ":")) else f"{begun}."


def _trimmed(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

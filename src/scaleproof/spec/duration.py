"""Durations as Prometheus and kubectl write them: 90s, 15m, 1d12h, 2w."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_DURATION: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)


def parse_duration_seconds(text: str) -> int:
    """Whole seconds, at least 1; units from the largest to the smallest, each once. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    seconds = sum(int(count or 0) * unit for count, unit in zip(match.groups(), _UNITS.values(), strict=True)) if match else 0
    if seconds < 1:
        msg = f"expected a duration such as 60s, 36h or 14d, found {text!r}"
        raise ValueError(msg)
    return seconds

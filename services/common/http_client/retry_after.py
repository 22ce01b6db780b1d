"""The header Retry-After, in both its forms."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

_LONGEST_NUMBER = 9
"""Digits. A server that asks for decades means never."""


def read_retry_after(text: str, *, unix_now: float) -> float | None:
    """Seconds to wait from now, at least 0; None where the text is neither seconds nor a date. Source: RFC 9110, 10.2.3."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= _LONGEST_NUMBER else math.inf
    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:  # "-0000": the sender does not say; HTTP dates are UTC
            date = date.replace(tzinfo=UTC)
        return max(0.0, date.timestamp() - unix_now)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None

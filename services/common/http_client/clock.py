"""Time as the client needs it. Tests bring their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Two clocks, and waiting."""

    now: Callable[[], float] = time.monotonic
    """Seconds; for all that is a distance."""
    unix: Callable[[], float] = time.time
    """Seconds since 1970; for dates in headers."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


REAL = Clock()

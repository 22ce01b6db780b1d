"""How long to wait before starting again what has crashed. Pure."""

from __future__ import annotations

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
HEALTHY_SECONDS = 60.0
"""The kubelet starts at 10 s, ends at 300 s and resets after 600 s; runs here last minutes, so all three are shorter by ten."""


class BackOff:
    """Doubles from half a second to 30 s; starts over after a minute of health."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def after_crash(self, lived_seconds: float) -> float:
        """Seconds to wait, now that it crashed after having lived so long."""
        if lived_seconds >= HEALTHY_SECONDS:
            self._next = FIRST_SECONDS
        delay = self._next
        self._next = min(2 * self._next, LONGEST_SECONDS)
        return delay

"""Growing CPU counters, sampled at odd times, as mean use over any stretch of time. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LONGEST_GAP_SECONDS: Final = 120.0


class Counter:
    """One counter: seconds of CPU since some start, known at some times. It may begin anew (a container was restarted)."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._values: list[float] = []
        self._base = 0.0
        self._last_raw = 0.0

    def add(self, moment: float, raw: float) -> None:
        """A reading, in Unix seconds and counted seconds. One that is not younger than the last says nothing new."""
        if self._times and moment <= self._times[-1]:
            return
        if raw < self._last_raw:
            self._base += self._last_raw
        self._last_raw = raw
        self._times.append(moment)
        self._values.append(self._base + raw)

    def add_mean(self, end: float, window_seconds: float, rate: float) -> None:
        """A mean rate over a window, as metrics-server gives it; a gap before the window counts at the same rate."""
        start = self._times[-1] if self._times else end - window_seconds
        if not self._times:
            self.add(start, 0.0)
        if end > start:
            self.add(end, self._last_raw + rate * (end - start))

    @property
    def readings(self) -> int:
        """How many there are."""
        return len(self._times)

    @property
    def last_at(self) -> float:
        """Time of the youngest reading; minus infinity where there is none."""
        return self._times[-1] if self._times else float("-inf")

    def means(self, ends: Floats, seconds: float = 1.0) -> Floats:
        """Mean rate over the `seconds` before each time; NaN where nothing is known.

        Between two readings the rate is even; after the last one it goes on as it was for a while.
        """
        if len(self._times) < 2:  # noqa: PLR2004  a rate needs two readings
            return np.full(ends.shape, np.nan)
        times, values = np.array(self._times), np.array(self._values)
        rate = (values[-1] - values[-2]) / (times[-1] - times[-2])
        times = np.append(times, times[-1] + LONGEST_GAP_SECONDS)
        values = np.append(values, values[-1] + rate * LONGEST_GAP_SECONDS)
        counted = np.interp(ends, times, values) - np.interp(ends - seconds, times, values)
        known = (ends > times[0]) & (ends <= times[-1])
        covered = np.clip(ends - np.maximum(ends - seconds, times[0]), 1e-9, seconds)
        return np.where(known, counted / covered, np.nan)


class Counters:
    """Counters by key, made as they are needed."""

    def __init__(self) -> None:
        self._counters: dict[Hashable, Counter] = {}

    def __getitem__(self, key: Hashable) -> Counter:
        return self._counters.setdefault(key, Counter())

    def keys(self) -> list[Hashable]:
        """Those that have a reading."""
        return [key for key, counter in self._counters.items() if counter.readings]

"""Seconds in which the whole machine is slow: rare, short, and in no mean of a calibration.

A shared machine now and then lends its caches, its memory bandwidth or its cores to somebody else for a second or two; requests
cost more CPU meanwhile. A calibration of some minutes may meet none of them, a run of as long may meet one while its replicas are
at their quota, and then it decides over the run's violation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MomentRates:
    """How often, how long and how dear."""

    per_second: float
    mean_seconds: float
    """Lengths are exponential."""
    factors: tuple[float, float]
    """Least and greatest CPU of a request meanwhile, relative to what it usually needs; uniform."""


@dataclass(frozen=True)
class DearMoments:
    """The moments of one simulated run, one entry each, the dearest last."""

    starts: Floats
    ends: Floats
    factors: Floats

    def at(self, times: Floats) -> Floats:
        """What CPU costs at these times, relative to what it usually costs; where moments meet, the dearest counts."""
        found = np.ones(times.size)
        for begin, end, factor in zip(self.starts, self.ends, self.factors, strict=True):
            found[(times >= begin) & (times < end)] = factor
        return found


def draw_moments(rng: np.random.Generator, rates: MomentRates, duration_seconds: float) -> DearMoments:
    """A Poisson process over the run's time."""
    count = int(rng.poisson(rates.per_second * max(0.0, duration_seconds)))
    starts = rng.uniform(0.0, max(0.0, duration_seconds), count)
    # Sorted by what they cost, so that of two that meet the dearer one is said last.
    factors = np.sort(rng.uniform(*rates.factors, count))
    return DearMoments(starts, starts + rng.exponential(rates.mean_seconds, count), factors)

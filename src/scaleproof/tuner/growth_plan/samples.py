"""Uncertain figures as samples: entry 0 is the calibration as it stands, the others are draws from its intervals (Monte Carlo).

The same draw of every quantity belongs together, and all milestones meet the same draws, so that what grows with users in truth
grows in every draw, and the 90 % intervals grow with it.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.calibration import Estimate
from scaleproof.simulator.intervals import estimate

Floats = NDArray[np.float64]

_NORMAL95: Final = 1.645
_LEAST_SHARE: Final = 0.2  # as the simulator's draws: a mean does not vanish
_SLACK: Final = 1e-9
"""Whole numbers that rounding has lifted by so much are not rounded up."""


@dataclass(frozen=True)
class Figure:
    """A figure of the plan with its 90 % interval."""

    value: float
    low: float
    high: float
    extrapolated: bool = False
    """Beyond what was measured: how it goes on there is an assumption."""
    assumed: bool = False
    """Rests on a figure that nobody measured."""


@dataclass(frozen=True)
class Amount:
    """A quantity in all draws."""

    samples: Floats
    whole: bool = False
    """Counted, not measured: the interval's ends are whole as well."""
    extrapolated: bool = False
    assumed: bool = False

    @property
    def central(self) -> float:
        """With the calibration as it stands."""
        return float(self.samples[0])

    def figure(self) -> Figure:
        """The central value and the interval that holds 90 % of the draws, and the central value."""
        drawn = estimate(self.samples[1:])
        low, high = min(self.central, drawn.low), max(self.central, drawn.high)
        if self.whole:
            low = float(np.floor(low + _SLACK))
            high = float(np.ceil(high - _SLACK)) if np.isfinite(high) else high
        return Figure(self.central, low, high, extrapolated=self.extrapolated, assumed=self.assumed)


class Draws:
    """Standard normal and uniform draws by name, the same for the same seed and name."""

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._seed = seed

    @property
    def size(self) -> int:
        """Samples of every amount: the central one and the draws."""
        return self._count + 1

    def normal(self, name: str) -> Floats:
        """Standard normal; 0 in the central entry."""
        return self._with_central(self._rng(name).standard_normal(self._count))

    def uniform(self, name: str) -> Floats:
        """Uniform in [0, 1); 0 in the central entry."""
        return self._with_central(self._rng(name).random(self._count))

    def _rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng([abs(self._seed), zlib.crc32(name.encode())])

    @staticmethod
    def _with_central(drawn: Floats) -> Floats:
        return np.concatenate([np.zeros(1), drawn])


def drawn(measured: Estimate, sigmas: Floats) -> Floats:
    """Values of that estimate, so many standard deviations from its value; each side of the interval has its own."""
    below, above = max(0.0, measured.value - measured.low), max(0.0, measured.high - measured.value)
    values: Floats = measured.value + sigmas * np.where(sigmas < 0, below, above) / _NORMAL95
    return np.maximum(values, _LEAST_SHARE * measured.value)


def rounded_up(values: Floats) -> Floats:
    """The next whole number."""
    up: Floats = np.ceil(values - _SLACK)
    return up

"""Traffic that could have been: the trend of a trace with its fluctuations dealt anew, higher peaks, and flash crowds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_TREND_SECONDS: Final = 61
_BLOCK_SECONDS: Final = 60


@dataclass(frozen=True)
class Variation:
    """How far traffic may differ from what was recorded."""

    highest_peak: float = 1.1
    """Distances from the mean are stretched by a factor between 1 and this."""
    crowd: float = 0.1
    """A flash crowd adds this share of the highest rate …"""
    crowd_seconds: float = 120.0
    """… rising and falling over this time each."""
    crowds_per_day: float = 4.0


def varied(rates: NDArray[np.float64], seed: int, variation: Variation) -> NDArray[np.float64]:
    """A trace like `rates` (requests of every second): block bootstrap of the fluctuations around a moving mean.

    Blocks of a minute keep how fluctuations follow each other; the trend stays, as its own repetition over days is what
    the trace shows. Source: Künsch 1989, The jackknife and the bootstrap for general stationary observations.
    """
    seconds = rates.shape[0]
    if seconds < 2 * _TREND_SECONDS:
        return rates.copy()
    random = np.random.default_rng(seed)
    trend = _moving_mean(rates)
    relative = np.divide(rates, trend, out=np.ones(seconds), where=trend > 0)
    blocks = -(-seconds // _BLOCK_SECONDS)
    # From the neighbourhood, for the night's fluctuations are not the day's.
    near = max(1, min(blocks // 2, 30))
    chosen = np.clip(np.arange(blocks) + random.integers(-near, near + 1, blocks), 0, blocks - 1)
    index = (chosen[:, None] * _BLOCK_SECONDS + np.arange(_BLOCK_SECONDS)[None, :]).ravel()[:seconds]
    relative = relative[np.minimum(index, seconds - 1)]
    stretched = np.maximum(0.0, trend.mean() + (trend - trend.mean()) * random.uniform(1.0, variation.highest_peak))
    crowds = max(1, round(variation.crowds_per_day * seconds / 86_400))
    moments = np.arange(seconds, dtype=float)
    for _ in range(crowds):
        middle = random.uniform(0, seconds)
        height = variation.crowd * float(trend.max())
        stretched += height * np.maximum(0.0, 1.0 - np.abs(moments - middle) / variation.crowd_seconds)
    result: NDArray[np.float64] = stretched * relative
    return result


def _moving_mean(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    half = _TREND_SECONDS // 2
    padded = np.concatenate((np.full(half, rates[: half + 1].mean()), rates, np.full(half, rates[-half - 1 :].mean())))
    sums = np.concatenate(([0.0], np.cumsum(padded)))
    mean: NDArray[np.float64] = (sums[_TREND_SECONDS:] - sums[:-_TREND_SECONDS]) / _TREND_SECONDS
    return mean

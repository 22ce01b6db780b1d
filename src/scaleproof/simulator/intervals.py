"""Medians and 90 % intervals over simulated runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.calibration import Estimate


@dataclass(frozen=True)
class Band:
    """A series over time: one value a row of the time grid."""

    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def estimate(values: Sequence[float] | NDArray[np.float64]) -> Estimate:
    """Median and the interval that holds a further run with 90 % probability; NaN where there are no values.

    Quantiles are Weibull's (i / (n + 1)), which are exact for a further draw of the same distribution from 19 runs on; with
    fewer, the least and the greatest are given.
    """
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    if not known.size:
        return Estimate(value=np.nan, low=np.nan, high=np.nan)
    low, middle, high = _quantiles(known[:, None])
    return Estimate(value=float(middle[0]), low=float(low[0]), high=float(high[0]))


def band(series: Sequence[NDArray[np.float64]]) -> Band:
    """The same over series of equal length; NaN where a row has no value in any run."""
    stacked = np.vstack(series)
    low, middle, high = (np.full(stacked.shape[1], np.nan) for _ in range(3))
    for column in range(stacked.shape[1]):
        known = stacked[:, column][~np.isnan(stacked[:, column])]
        if known.size:
            low[column], middle[column], high[column] = (float(part[0]) for part in _quantiles(known[:, None]))
    return Band(median=middle, low=low, high=high)


def _quantiles(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """5 %, 50 % and 95 % down the columns. Sorted by hand: numpy's interpolation makes NaN of infinities."""
    ordered = np.sort(rows, axis=0)
    last = ordered.shape[0] - 1

    def at(share: float) -> NDArray[np.float64]:
        position = min(max(share * (last + 2) - 1, 0.0), float(last))
        below = int(position)
        weight = position - below
        if weight == 0:
            return np.asarray(ordered[below])
        mixed: NDArray[np.float64] = ordered[below] * (1 - weight) + ordered[below + 1] * weight
        return mixed

    return at(0.05), at(0.5), at(0.95)

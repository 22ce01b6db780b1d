"""The few statistics that the tuner needs: Student's t, ratios and paired differences with intervals. Pure."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.calibration import Estimate

Floats = NDArray[np.float64]

# 95 % quantile (two-sided 90 %) of Student's t for 1 to 30 degrees of freedom; any table of the distribution has them.
_T95: Final = (
    *(6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812),
    *(1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725),
    *(1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697),
)
_NORMAL95: Final = 1.645


def student_t_95(degrees: float) -> float:
    """The factor of a two-sided 90 % interval with so many degrees of freedom (at least 1), linear between whole numbers."""
    if degrees < 1:
        raise ValueError(f"{degrees} degrees of freedom: at least 1 is needed")
    if degrees >= len(_T95):
        return _NORMAL95 + (_T95[-1] - _NORMAL95) * len(_T95) / degrees
    low = math.floor(degrees)
    return _T95[low - 1] + (degrees - low) * (_T95[low] - _T95[low - 1])


def ratio_estimate(tops: Floats, bottoms: Floats) -> Estimate:
    """Sum of `tops` by sum of `bottoms` with a 90 % interval from the scatter of the parts (Cochran's ratio estimator).

    Unlike a regression it is not pulled towards 0 by noise in `bottoms`. One part alone has an interval of ±20 %.
    Raises ValueError where the bottoms sum to nothing.
    """
    tops, bottoms = np.asarray(tops, dtype=np.float64), np.asarray(bottoms, dtype=np.float64)
    total = float(bottoms.sum())
    if total <= 0:
        raise ValueError("a ratio needs something to divide by")
    ratio = float(tops.sum()) / total
    if tops.size == 1:
        half = 0.2 * abs(ratio)
    else:
        residual = float(np.sum((tops - ratio * bottoms) ** 2)) / (tops.size - 1)
        half = student_t_95(tops.size - 1) * math.sqrt(tops.size * residual) / total
    return Estimate(value=ratio, low=max(0.0, ratio - half), high=ratio + half)


def difference_estimate(differences: Floats, prior_deviation: float, *, prior_degrees: float = 8.0) -> Estimate:
    """Mean of paired differences with a 90 % interval whose variance pools the pairs' own with a prior one.

    `prior_deviation` is the standard deviation of one difference that the simulator expects from chance (phases, draws);
    it weighs as much as `prior_degrees` further pairs. One pair alone has the prior's noise.
    """
    values = np.asarray(differences, dtype=np.float64)
    own = float(np.sum((values - values.mean()) ** 2))
    degrees = prior_degrees + values.size - 1
    deviation = math.sqrt((prior_degrees * prior_deviation**2 + own) / degrees)
    half = student_t_95(degrees) * deviation / math.sqrt(values.size)
    mean = float(values.mean())
    return Estimate(value=mean, low=mean - half, high=mean + half)

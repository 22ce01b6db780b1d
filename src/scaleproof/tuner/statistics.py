"""The few statistics that the tuner needs: Student's t, least squares with intervals, quantile intervals. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
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


def quantile_estimate(values: Floats) -> Estimate:
    """Median with the 5 % and 95 % quantiles, such as over seeds."""
    low, middle, high = (float(value) for value in np.quantile(np.asarray(values, dtype=np.float64), (0.05, 0.5, 0.95)))
    return Estimate(value=middle, low=low, high=high)


@dataclass(frozen=True)
class Line:
    """y = intercept + slope · x, both with 90 % intervals."""

    slope: Estimate
    intercept: Estimate


def fit_line(x: Floats, y: Floats) -> Line:
    """Ordinary least squares with an intercept of at least 0. Raises ValueError with fewer than 3 points or one x only."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    spread = float(np.sum((x - x.mean()) ** 2)) if x.size else 0.0
    if x.size < 3 or spread <= 0:  # noqa: PLR2004  two unknowns and one residual
        raise ValueError("a line needs at least 3 points at 2 different places")
    slope = float(np.sum((x - x.mean()) * (y - y.mean())) / spread)
    intercept = float(y.mean() - slope * x.mean())
    degrees = x.size - 2
    if intercept < 0:
        intercept, degrees = 0.0, x.size - 1
        slope = float(np.sum(x * y) / np.sum(x * x))
    variance = float(np.sum((y - intercept - slope * x) ** 2)) / degrees
    factor = student_t_95(degrees)
    half_slope = factor * math.sqrt(variance / spread)
    half_intercept = factor * math.sqrt(variance * (1 / x.size + float(x.mean()) ** 2 / spread))
    return Line(
        slope=Estimate(value=slope, low=slope - half_slope, high=slope + half_slope),
        intercept=Estimate(value=intercept, low=max(0.0, intercept - half_intercept), high=intercept + half_intercept),
    )


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

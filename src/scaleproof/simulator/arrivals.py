"""Requests over time as sorted arrival times: from a schedule, from rates, or from a shape. Pure; the seed is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.shapes import Shape

if TYPE_CHECKING:
    import pandas as pd


def from_schedule(schedule: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Sorted intended seconds per service of a schedule (`telemetry.tables.SCHEDULE`)."""
    times = schedule["intended_s"].to_numpy(np.float64)
    names = schedule["service"].to_numpy()
    return {str(name): np.sort(times[names == name]) for name in sorted(set(names))}


def from_rates(rates: NDArray[np.float64], *, interval_seconds: float, seed: int) -> NDArray[np.float64]:
    """A Poisson process whose rate (requests/s) is constant within every interval. Returns sorted seconds.

    Raises BadInputError for a rate that is negative or not a number.
    """
    bad = np.flatnonzero(~(np.isfinite(rates) & (rates >= 0)))
    if bad.size:
        raise BadInputError(
            f"rates: interval {int(bad[0])}: expected requests/s of at least 0, found {float(rates[bad[0]])}",
            hint="fill gaps before simulating",
        )
    rng = np.random.default_rng([seed, 0xA221])
    counts = rng.poisson(rates * interval_seconds)
    starts = np.repeat(np.arange(rates.size) * interval_seconds, counts)
    times: NDArray[np.float64] = np.sort(starts + rng.random(starts.size) * interval_seconds)
    return times


def from_shape(shape: Shape, peak_rates: Mapping[str, float], *, seed: int) -> dict[str, NDArray[np.float64]]:
    """A Poisson process per service that follows the shape; `peak_rates` in requests/s at the shape's peak."""
    step = 0.25
    middles = np.arange(0.0, shape.duration_seconds, step) + step / 2
    shares = np.interp(middles, [time for time, _ in shape.points], [share for _, share in shape.points])
    result = {}
    for index, name in enumerate(sorted(peak_rates)):
        times = from_rates(shares * peak_rates[name], interval_seconds=step, seed=seed * 1009 + index)
        result[name] = times[times < shape.duration_seconds]
    return result


def checked(arrivals: Mapping[str, NDArray[np.float64]], services: Mapping[str, object]) -> dict[str, NDArray[np.float64]]:
    """Arrivals of every service as float64 arrays; empty where none are given.

    Raises BadInputError where times are not sorted, negative or not numbers, or a service is not known.
    """
    unknown = sorted(set(arrivals) - set(services))
    if unknown:
        raise BadInputError(f"arrivals: {unknown[0]!r} is not a service: expected one of {', '.join(sorted(services))}")
    result = {}
    for name in services:
        times = np.ascontiguousarray(arrivals.get(name, np.zeros(0)), np.float64)
        if times.size and not (np.all(np.isfinite(times)) and times[0] >= 0 and np.all(np.diff(times) >= 0)):
            raise BadInputError(f"arrivals of {name}: expected sorted seconds of at least 0", hint="sort the intended times")
        result[name] = times
    return result

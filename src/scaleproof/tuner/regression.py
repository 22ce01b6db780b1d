"""Is a change worse than the baseline? Figures of the same seeds side by side, with bootstrap intervals. Pure.

Both sides of a pair had the same draws, so that what differs is the change itself; resampling the pairs (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, ch. 13) says how far their mean may be chance. A few pairs make percentiles too narrow by
√((n − 1) / n), which is put right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from scaleproof.simulator.calibration import Calibration, Estimate
from scaleproof.spec.gate import Gate
from scaleproof.tuner.baseline import Figures

Origin = Literal["simulated", "measured", "calibrated"]
Metric = Literal["cost", "violation", "cpu_per_request", "memory_peak"]

RESAMPLES: Final = 4000
_DRAW: Final = 0xB007


@dataclass(frozen=True)
class Outcome:
    """What a policy came to under the load: medians or means with 90 % intervals."""

    origin: Origin
    cost: Estimate
    """Requested core-seconds."""
    violation: Mapping[str, Estimate]
    """Per service, shares of the intended requests."""


@dataclass(frozen=True)
class Growth:
    """One figure before and now. `difference` is absolute for violation (a share), else relative to before."""

    metric: Metric
    origin: Origin
    service: str | None
    before: float
    after: float
    difference: Estimate
    limit: float
    """The most by which it may grow."""

    @property
    def regressed(self) -> bool:
        """It grew by more than allowed, and the interval excludes that it did not grow at all."""
        return self.difference.value > self.limit and self.difference.low > 0


def paired_growth(before: Sequence[float], after: Sequence[float], *, relative: bool, seed: int = 1) -> Estimate:
    """Mean growth over pairs with its 90 % interval: as a share of the mean before, or absolute.

    One pair alone has no interval: its bounds are infinite. Raises ValueError where the sides are empty or differ in length.
    """
    old, new = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if old.size == 0 or old.shape != new.shape:
        raise ValueError(f"{old.size} figures before and {new.size} after are no pairs")
    rng = np.random.default_rng([_DRAW, seed])
    rows = rng.integers(0, old.size, (RESAMPLES, old.size))
    value = _growth(float(old.mean()), float(new.mean()), relative=relative)
    if old.size == 1:
        return Estimate(value=value, low=-math.inf, high=math.inf)
    drawn = np.array(
        [
            _growth(float(a), float(b), relative=relative)
            for a, b in zip(old[rows].mean(axis=1), new[rows].mean(axis=1), strict=True)
        ]
    )
    low, high = (float(bound) for bound in np.quantile(drawn, [0.05, 0.95], method="inverted_cdf"))
    wider = math.sqrt(old.size / (old.size - 1))
    return Estimate(value=value, low=_widened(value, low, wider), high=_widened(value, high, wider))


def figure_growths(before: Figures, after: Figures, gate: Gate, origin: Origin) -> list[Growth]:
    """Cost, each service's violation and, where both have it, its CPU a request. Raises ValueError where the seeds differ."""
    if before.seeds != after.seeds:
        raise ValueError(f"seeds {before.seeds} and {after.seeds} are no pairs")
    found = [_compared("cost", origin, None, (before.cost, after.cost), gate.max_cost_growth)]
    found += [
        _compared("violation", origin, name, (before.violation[name], shares), gate.max_violation_growth)
        for name, shares in after.violation.items()
        if name in before.violation
    ]
    return found + [
        _compared("cpu_per_request", origin, name, (before.cpu_seconds_per_request[name], seconds), gate.max_cpu_growth)
        for name, seconds in after.cpu_seconds_per_request.items()
        if name in before.cpu_seconds_per_request
    ]


def calibration_growths(before: Calibration, after: Calibration, gate: Gate) -> list[Growth]:
    """CPU a request and memory peak of each service that both know; the intervals are the calibrations' own."""
    found = []
    for name, now in after.services.items():
        was = before.services.get(name)
        if was is None:
            continue
        pair = (was.cpu_seconds_per_request, now.cpu_seconds_per_request)
        found.append(
            Growth("cpu_per_request", "calibrated", name, pair[0].value, pair[1].value, _ratio(*pair), gate.max_cpu_growth)
        )
        share = _growth(was.memory_peak_bytes, now.memory_peak_bytes, relative=True)
        found.append(
            Growth(
                "memory_peak",
                "calibrated",
                name,
                was.memory_peak_bytes,
                now.memory_peak_bytes,
                Estimate(value=share, low=share, high=share),
                gate.max_memory_growth,
            )
        )
    return found


def _compared(
    metric: Metric, origin: Origin, service: str | None, pair: tuple[Sequence[float], Sequence[float]], limit: float
) -> Growth:
    before, after = pair
    difference = paired_growth(before, after, relative=metric != "violation")
    return Growth(metric, origin, service, float(np.mean(before)), float(np.mean(after)), difference, limit)


def _growth(before: float, after: float, *, relative: bool) -> float:
    if not relative:
        return after - before
    if before > 0:
        return after / before - 1
    return math.inf if after > 0 else 0.0


def _widened(value: float, bound: float, factor: float) -> float:
    return value + (bound - value) * factor if math.isfinite(value) and math.isfinite(bound) else bound


def _ratio(before: Estimate, after: Estimate) -> Estimate:
    return Estimate(
        value=_growth(before.value, after.value, relative=True),
        low=_growth(before.high, after.low, relative=True),
        high=_growth(before.low, after.high, relative=True),
    )

"""Fitting the quota queue to measured latency: how much requests vary and how long they wait for others. Pure.

The queue is the simulator's own (`simulator.held`): full speed until the 100 ms period's budget is used, then stopped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.calibration import CalibrationStep, Estimate, ServiceCalibration
from scaleproof.simulator.draws import call_counts, gamma
from scaleproof.simulator.held import HeldResult, ReplicaModel, simulate_held

Floats = NDArray[np.float64]

VARIATIONS: Final = (0.1, 0.3, 0.5, 0.75, 1.0, 1.4, 2.0)
"""Coefficients of variation of a request's CPU seconds that are tried."""
WAIT_VARIATIONS: Final = (0.1, 0.3, 0.5, 0.7, 1.0, 1.4)
"""And of its wait: a long tail of latency is more often a queue for the CPU."""
USUAL_VARIATION: Final = 0.5
_PRIOR_WEIGHT: Final = 0.3  # steps of a few seconds hold little about the tail: without better evidence, the usual variation
_STEADY_LOAD: Final = 0.95  # of the quota: beyond, latency says how long the step lasted
_QUIET_LOAD: Final = 0.65
_CURVE_REQUESTS: Final = 10_000
_LEAST_SECONDS: Final = 1e-4
_BISECTIONS: Final = 14


@dataclass(frozen=True)
class Called:
    """A service that a request calls, as its own calibration says it answers under low load; times are means in seconds."""

    count: float
    """Calls a request."""
    wait_seconds: float
    wait_variation: float
    cpu_seconds: float
    cpu_variation: float

    @property
    def seconds(self) -> float:
        """Mean time that a request spends on it. Calls of one request go out together, so that more than one take no longer."""
        return min(1.0, self.count) * (self.wait_seconds + self.cpu_seconds)

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """The time of so many requests' calls, each the slowest of its own."""
        counts = call_counts(rng, self.count, size)
        slowest = np.zeros(size)
        for number in range(int(counts.max(initial=0))):
            waits = gamma(rng, self.wait_seconds, self.wait_variation, size)
            one = waits + gamma(rng, self.cpu_seconds, self.cpu_variation, size)
            slowest = np.where(counts > number, np.maximum(slowest, one), slowest)
        return slowest


def calls_of(counts: Mapping[str, float], known: Mapping[str, ServiceCalibration]) -> list[Called]:
    """Those services as a step under low load meets them: its calls are rare, so each costs what a long idle replica asks."""
    return [
        Called(
            count=count,
            wait_seconds=known[callee].wait_seconds.value,
            wait_variation=known[callee].wait_variation,
            cpu_seconds=known[callee].cpu_seconds_per_request.value * known[callee].idle_factor,
            cpu_variation=known[callee].cpu_variation,
        )
        for callee, count in counts.items()
    ]


def with_calls(times: Floats, calls: Sequence[Called], *, seed: int) -> Floats:
    """Requests' own times plus the slowest of their calls, which go out at once."""
    rng = np.random.default_rng([seed, 0xCA11])
    slowest = np.zeros(times.size)
    for call in calls:
        np.maximum(slowest, call.draw(rng, times.size), out=slowest)
    return times + slowest


def slowest_call(calls: Sequence[Called]) -> float:
    """Mean seconds that a request spends on the services it calls: they are asked at once."""
    return max((call.seconds for call in calls), default=0.0)


@dataclass(frozen=True)
class LatencyFit:
    """The model nearest to the measured steps, and the spread of its own wait over them; the time of its calls is not in it."""

    model: ReplicaModel
    wait: Estimate


def fit_latency(bare: ReplicaModel, steps: Sequence[CalibrationStep], *, seed: int, calls: Sequence[Called] = ()) -> LatencyFit:
    """Variations and wait whose model curves are nearest to the measured p50 and p95 (least squares of logarithms).

    `bare` gives CPU seconds, limit and idle use, `calls` what a request waits for and the services called account for. Every step
    is judged with the CPU that it was measured to use. Only steps below saturation count. The wait is what the median of the
    quietest step has beyond CPU, queueing and calls; its interval is the spread over the steps.
    """
    saturation = (bare.limit_cores - bare.idle_cores) / bare.cpu_seconds
    answered = sorted((s for s in steps if s.requests > 0 and s.rate_per_replica > 0), key=lambda s: s.rate_per_replica)
    usable = [step for step in answered if step.rate_per_replica < _STEADY_LOAD * saturation] or answered[:1]
    if not usable:
        return LatencyFit(model=bare, wait=Estimate(value=0.0, low=0.0, high=0.0))
    as_needed = [_as_needed(bare, step, seed) for step in usable]
    best: tuple[float, ReplicaModel, list[Floats], list[Floats]] | None = None
    for variation in VARIATIONS:
        others = [
            _without_own_wait(replace(needed, variation=variation, wait_seconds=0.0), step, calls, seed)
            for needed, step in zip(as_needed, usable, strict=True)
        ]
        for wait_variation in WAIT_VARIATIONS:
            units = [gamma(np.random.default_rng([seed, 0x3A17]), 1.0, wait_variation, times.size) for times in others]
            wait = _mean_wait(others[0], units[0], usable[0].p50_seconds)
            error = _PRIOR_WEIGHT * (
                math.log(variation / USUAL_VARIATION) ** 2 + math.log(wait_variation / bare.wait_variation) ** 2
            )
            for step, times, unit in zip(usable, others, units, strict=True):
                # Near saturation a step of some seconds shows chance: its p95 varies by half from one to the next, and the
                # variance of a queue's mean over a time grows even faster (Whitt 1989).
                weight = math.sqrt(step.requests) * max(0.02, (1 - step.rate_per_replica / saturation) ** 2)
                p50, p95 = _quantiles(times + wait * unit)
                for measured, modelled in ((step.p50_seconds, p50), (step.p95_seconds, p95)):
                    error += weight * math.log(max(modelled, _LEAST_SECONDS) / max(measured, _LEAST_SECONDS)) ** 2
            if best is None or error < best[0]:
                found = replace(bare, variation=variation, wait_seconds=wait, wait_variation=wait_variation)
                best = (error, found, others, units)
    assert best is not None
    _, model, others, units = best
    waits = [_mean_wait(times, unit, step.p50_seconds) for step, times, unit in zip(usable, others, units, strict=True)]
    # A busy step's median holds queueing that the model may miss: the quietest step decides, the other quiet ones say how surely.
    quiet = [wait for step, wait in zip(usable, waits, strict=True) if step.rate_per_replica < _QUIET_LOAD * saturation]
    return LatencyFit(model=model, wait=Estimate(value=waits[0], low=min([waits[0], *quiet]), high=max([waits[0], *quiet])))


def _as_needed(bare: ReplicaModel, step: CalibrationStep, seed: int) -> ReplicaModel:
    """`bare` with the CPU a request at which the step uses as many cores as it was measured to.

    In a few seconds requests need some per cent more or less than the curve says, by the machine's mood and by chance. Near the
    quota a tenth more CPU makes p95 several times as long: without this, that passes for variation, at every rate.
    """
    modelled = _held(bare, step, seed).cores / step.replicas - bare.idle_cores
    measured = step.cores_per_replica - bare.idle_cores
    return replace(bare, cpu_seconds=bare.cpu_seconds * measured / modelled) if min(measured, modelled) > 0 else bare


def _held(model: ReplicaModel, step: CalibrationStep, seed: int) -> HeldResult:
    rate = step.rate_per_replica * step.replicas
    seconds = min(600.0, _CURVE_REQUESTS / rate)
    return simulate_held(model, rate_per_second=rate, replicas=step.replicas, duration_seconds=seconds, seed=seed)


def _without_own_wait(model: ReplicaModel, step: CalibrationStep, calls: Sequence[Called], seed: int) -> Floats:
    """Simulated latency of the step's rate: queueing, CPU and calls."""
    held = _held(model, step, seed)
    if not held.latency_seconds.size:
        return np.array([model.cpu_seconds + slowest_call(calls)])
    return with_calls(held.latency_seconds, calls, seed=seed)


def _mean_wait(times: Floats, unit: Floats, median: float) -> float:
    """The mean of a wait of that form with which the times' median becomes the measured one; 0 where they reach it without."""
    low, high = 0.0, 4 * median
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if float(np.median(times + middle * unit)) < median:
            low = middle
        else:
            high = middle
    return low


def _quantiles(latency: Floats) -> tuple[float, float]:
    p50, p95 = (float(value) for value in np.percentile(latency, (50, 95), method="inverted_cdf"))
    # Unanswered within the timeout.
    return (p50 if math.isfinite(p50) else 15.0, p95 if math.isfinite(p95) else 15.0)

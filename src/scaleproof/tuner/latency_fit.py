"""Fitting the quota queue to measured latency: how much requests vary and how long they wait for others. Pure.

The queue is the simulator's own (`simulator.held`): full speed until the 100 ms period's budget is used, then stopped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from scaleproof.simulator.calibration import CalibrationStep, Estimate
from scaleproof.simulator.held import ReplicaModel, simulate_held

VARIATIONS: Final = (0.1, 0.3, 0.5, 0.75, 1.0, 1.4, 2.0)
USUAL_VARIATION: Final = 0.5
_PRIOR_WEIGHT: Final = 0.1  # steps of a few seconds hold little about the tail: without better evidence, the usual variation
_STEADY_LOAD: Final = 0.95  # of the quota: beyond, latency says how long the step lasted
_QUIET_LOAD: Final = 0.65
_CURVE_REQUESTS: Final = 10_000
_LEAST_SECONDS: Final = 1e-4


@dataclass(frozen=True)
class LatencyFit:
    """The model nearest to the measured steps, and the spread of the wait over them."""

    model: ReplicaModel
    wait: Estimate


def fit_latency(bare: ReplicaModel, steps: Sequence[CalibrationStep], *, seed: int) -> LatencyFit:
    """Variation and wait whose model curves are nearest to the measured p50 and p95 (least squares of logarithms).

    `bare` gives CPU seconds, limit and idle use. Only steps below saturation count. The wait is what the median of the
    quietest step has beyond CPU and queueing; its interval is the spread over the steps.
    """
    saturation = (bare.limit_cores - bare.idle_cores) / bare.cpu_seconds
    answered = sorted((s for s in steps if s.requests > 0 and s.rate_per_replica > 0), key=lambda s: s.rate_per_replica)
    usable = [step for step in answered if step.rate_per_replica < _STEADY_LOAD * saturation] or answered[:1]
    if not usable:
        return LatencyFit(model=bare, wait=Estimate(value=0.0, low=0.0, high=0.0))
    best: tuple[float, float, list[float]] | None = None
    for variation in VARIATIONS:
        model = replace(bare, variation=variation, wait_seconds=0.0)
        curves = [_quantiles(model, step, seed) for step in usable]
        waits = [max(0.0, step.p50_seconds - p50) for step, (p50, _) in zip(usable, curves, strict=True)]
        error = _PRIOR_WEIGHT * math.log(variation / USUAL_VARIATION) ** 2
        for step, (p50, p95) in zip(usable, curves, strict=True):
            # Near saturation a step of some seconds shows chance: its p95 varies by half from one to the next.
            weight = math.sqrt(step.requests) * max(0.05, 1 - step.rate_per_replica / saturation)
            for measured, modelled in ((step.p50_seconds, p50), (step.p95_seconds, p95)):
                error += weight * math.log((modelled + waits[0]) / max(measured, _LEAST_SECONDS)) ** 2
        if best is None or error < best[0]:
            best = (error, variation, waits)
    assert best is not None
    _, variation, waits = best
    # A busy step's median holds queueing that the model may miss: the quietest step decides, the other quiet ones say how surely.
    quiet = [wait for step, wait in zip(usable, waits, strict=True) if step.rate_per_replica < _QUIET_LOAD * saturation]
    wait = Estimate(value=waits[0], low=min([waits[0], *quiet]), high=max([waits[0], *quiet]))
    return LatencyFit(model=replace(bare, variation=variation, wait_seconds=waits[0]), wait=wait)


def _quantiles(model: ReplicaModel, step: CalibrationStep, seed: int) -> tuple[float, float]:
    rate = step.rate_per_replica * step.replicas
    held = simulate_held(
        model, rate_per_second=rate, replicas=step.replicas, duration_seconds=min(600.0, _CURVE_REQUESTS / rate), seed=seed
    )
    p50, p95 = held.percentile_seconds(50), held.percentile_seconds(95)
    return (p50 if math.isfinite(p50) else model.cpu_seconds, p95 if math.isfinite(p95) else 15.0)

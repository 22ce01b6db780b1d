"""Fitting the quota queue to measured latency: how much requests vary, how long they wait for others, what a replica holds.

The queue is the simulator's own (`simulator.quota`): full speed until the 100 ms period's budget is used, then stopped. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import kernel
from scaleproof.simulator import layout
from scaleproof.simulator.quota import enqueue, run_until

Floats = NDArray[np.float64]

VARIATIONS: Final = (0.1, 0.3, 0.5, 0.75, 1.0, 1.4, 2.0)
_USUAL_VARIATION: Final = 0.5
_PRIOR_WEIGHT: Final = 0.1  # steps of a few seconds hold little about the tail: without better evidence, the usual variation
_CURVE_SECONDS: Final = 120.0
_SATURATED: Final = 0.97  # of the quota: beyond, a finite run says nothing about a steady state


@dataclass(frozen=True)
class Step:
    """One step of one service's staircase, measured."""

    replicas: int
    rate_per_replica: float
    """Requests/s that one replica completed."""
    p50_seconds: float
    p95_seconds: float
    good_share: float
    """Share of the intended requests within the SLO."""
    requests: int


@dataclass(frozen=True)
class QuotaQueue:
    """One replica as a queue: CPU seconds a request, their variation, the wait for others, and the quota left for requests."""

    cpu_seconds: float
    variation: float
    wait_seconds: float
    quota_cores: float
    speed_cores: float = 1.0

    @property
    def saturation_per_second(self) -> float:
        """Requests/s that would use the whole quota."""
        return self.quota_cores / self.cpu_seconds


def latencies(queue: QuotaQueue, rate: float, *, seed: int, seconds: float = _CURVE_SECONDS) -> Floats:
    """Latency in seconds of every request of a Poisson stream at that rate, from an empty queue on. Same seed, same draws."""
    generator = np.random.default_rng(seed)
    count = max(10, int(rate * seconds))
    arrivals = np.cumsum(generator.exponential(1.0, count)) / rate
    work = queue.cpu_seconds * _unit_gamma(generator, queue.variation, count)
    finished = np.empty(count)
    _serve(arrivals, work, queue.quota_cores / 10, queue.speed_cores, finished)
    return finished - arrivals + queue.wait_seconds


def good_share(queue: QuotaQueue, rate: float, threshold_seconds: float, *, seed: int) -> float:
    """Share of requests that the model answers within the threshold at that rate."""
    return float(np.mean(latencies(queue, rate, seed=seed) <= threshold_seconds))


def capacity(queue: QuotaQueue, threshold_seconds: float, share: float, *, highest: float, seed: int) -> float:
    """The highest rate a replica serves within the SLO, by bisection; never beyond `highest`, the highest rate measured.

    0 where not even a trickle meets the SLO.
    """
    top = min(highest, _SATURATED * queue.saturation_per_second)
    if good_share(queue, top, threshold_seconds, seed=seed) >= share:
        return top
    low, high = 0.0, top
    for _ in range(9):
        middle = (low + high) / 2
        if good_share(queue, middle, threshold_seconds, seed=seed) >= share:
            low = middle
        else:
            high = middle
    return low


def fit_queue(
    cpu_seconds: float, quota_cores: float, steps: Sequence[Step], *, speed_cores: float = 1.0, seed: int
) -> QuotaQueue:
    """The variation and the wait whose model curve is nearest to the measured p50 and p95 (least squares of logarithms).

    Only steps of one replica below saturation count: above, latency measures how long the step lasted. The wait is what the
    median of the quietest step has beyond CPU and queueing.
    """
    saturation = quota_cores / cpu_seconds
    usable = (
        sorted(
            (step for step in steps if step.replicas == 1 and step.requests > 0 and step.rate_per_replica < 0.95 * saturation),
            key=lambda step: step.rate_per_replica,
        )
        or sorted((step for step in steps if step.requests > 0), key=lambda step: step.rate_per_replica)[:1]
    )
    if not usable:
        return QuotaQueue(cpu_seconds, 0.5, 0.0, quota_cores, speed_cores)
    best: tuple[float, QuotaQueue] | None = None
    for variation in VARIATIONS:
        bare = QuotaQueue(cpu_seconds, variation, 0.0, quota_cores, speed_cores)
        curves = [np.quantile(latencies(bare, max(step.rate_per_replica, 0.1), seed=seed), (0.5, 0.95)) for step in usable]
        wait = max(0.0, usable[0].p50_seconds - float(curves[0][0]))
        error = _PRIOR_WEIGHT * float(np.log(variation / _USUAL_VARIATION) ** 2)
        for step, (p50, p95) in zip(usable, curves, strict=True):
            weight = float(np.sqrt(step.requests))
            error += weight * float(np.log((p50 + wait) / max(step.p50_seconds, 1e-4)) ** 2)
            error += weight * float(np.log((p95 + wait) / max(step.p95_seconds, 1e-4)) ** 2)
        if best is None or error < best[0]:
            best = (error, QuotaQueue(cpu_seconds, variation, wait, quota_cores, speed_cores))
    assert best is not None
    return best[1]


def _unit_gamma(generator: np.random.Generator, variation: float, count: int) -> Floats:
    if variation <= 0:
        return np.ones(count)
    shape = 1 / variation**2
    return generator.gamma(shape, 1 / shape, count)


@kernel
def _serve(arrivals: Floats, work: Floats, budget: float, speed: float, finished: Floats) -> None:
    cpu = np.zeros((1, layout.CPU_COLUMNS))
    queue = np.zeros((1, layout.QUEUE_COLUMNS), np.int64)
    queue[0, layout.HEAD] = -1
    following = np.full(arrivals.shape[0], -1, np.int64)
    for request in range(arrivals.shape[0]):
        now = arrivals[request]
        run_until(cpu, queue, 0, now, budget, speed, 1.0, work, following, finished)
        enqueue(cpu, queue, 0, request, now, 1.0, work, following)
    run_until(cpu, queue, 0, arrivals[-1] + work.sum() / budget * 0.1 + 1.0, budget, speed, 1.0, work, following, finished)

"""Everything that is random in a simulated run, drawn before it starts, so that every policy meets the same luck.

Common random numbers: see Law, "Simulation Modeling and Analysis", chapter 11. A request's draws belong to the request, not to
its place in the queue, and a replica's to its ordinal.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator import layout
from scaleproof.simulator.calibration import Calibration, Estimate, ServiceCalibration
from scaleproof.simulator.dear_moments import DearMoments, draw_moments
from scaleproof.simulator.model import Assumptions

REPLICAS_DRAWN: Final = 256
_SIGMAS_OF_90_PERCENT: Final = 2 * 1.6448536


@dataclass(frozen=True)
class RequestDraws:
    """One entry a request."""

    work: NDArray[np.float64]
    """CPU seconds."""
    wait_seconds: NDArray[np.float64]
    choices: NDArray[np.float64]
    """Uniform in [0, 1): decides which two replicas the gateway looks at."""


@dataclass(frozen=True)
class CallDraws:
    """The calls that a caller's requests make to one callee; one entry a call."""

    caller_request: NDArray[np.int64]
    """Index of the caller's request."""
    requests: RequestDraws


@dataclass(frozen=True)
class RunDraws:
    """One simulated run: arrivals, requests, replicas and phases of every service."""

    seed: int
    phase: int
    arrivals: Mapping[str, NDArray[np.float64]]
    requests: Mapping[str, RequestDraws]
    calls: Mapping[tuple[str, str], CallDraws]
    replicas: Mapping[str, NDArray[np.float64]]
    """Per service float64[REPLICAS_DRAWN, layout.REPLICA_DRAWS]."""
    sync_phase: Mapping[str, float]
    scrape_phase: float


def draw_run(
    calibration: Calibration,
    order: tuple[str, ...],
    arrivals: Mapping[str, NDArray[np.float64]],
    assumptions: Assumptions,
    *,
    seed: int,
    phase: int,
) -> RunDraws:
    """Draw a run. `order` names services, callers first. The seed decides the requests, seed and phase together the rest."""
    requests: dict[str, RequestDraws] = {}
    calls: dict[tuple[str, str], CallDraws] = {}
    replicas: dict[str, NDArray[np.float64]] = {}
    sync_phase: dict[str, float] = {}
    times = {name: arrivals[name] for name in order}
    """When requests come, calls included, as far as known before the run: a call a little after its caller's request."""
    moments: DearMoments | None = None
    if assumptions.calibration_noise and assumptions.dear_moments is not None:
        duration = max((float(own[-1]) for own in arrivals.values() if own.size), default=0.0)
        moments = draw_moments(_rng(seed, phase, "", "dear moments"), assumptions.dear_moments, duration)
    for name in order:
        service = calibration.services[name]
        shift = _rng(seed, phase, name, "calibration").standard_normal(2) if assumptions.calibration_noise else np.zeros(2)
        cpu_mean = _shifted(service.cpu_seconds_per_request, float(shift[0]))
        wait_mean = _shifted(service.wait_seconds, float(shift[1]))
        rng = _rng(seed, 0, name, "requests")
        requests[name] = _requests(rng, arrivals[name], cpu_mean, wait_mean, service, moments)
        for caller in order:
            per_request = calibration.services[caller].calls.get(name, 0.0)
            if caller == name or per_request <= 0:
                continue
            rng = _rng(seed, 0, name, f"calls of {caller}")
            count = times[caller].size
            caller_request = np.repeat(np.arange(count), call_counts(rng, per_request, count))
            sent = times[caller][caller_request]
            calls[caller, name] = CallDraws(caller_request, _requests(rng, sent, cpu_mean, wait_mean, service, moments))
            times[name] = np.concatenate((times[name], sent))
        rng = _rng(seed, phase, name, "replicas")
        table = np.empty((REPLICAS_DRAWN, layout.REPLICA_DRAWS))
        starts = rng.uniform(*service.start_seconds, REPLICAS_DRAWN)
        table[:, layout.START_SECONDS] = starts * assumptions.start_under_load
        table[:, layout.PROPAGATION_SECONDS] = rng.uniform(*assumptions.propagation_seconds, REPLICAS_DRAWN)
        table[:, layout.QUOTA_PHASE] = rng.random(REPLICAS_DRAWN)
        table[:, layout.COUNTER_PHASE] = _rng(seed, phase, name, "counters").random(REPLICAS_DRAWN)
        replicas[name] = table
        sync_phase[name] = _known_or(assumptions.sync_phase_seconds, float(rng.random()) * assumptions.sync_seconds)
    scrape = float(_rng(seed, phase, "", "scrape").random()) * assumptions.scrape_seconds
    scrape_phase = _known_or(assumptions.scrape_phase_seconds, scrape)
    return RunDraws(seed, phase, arrivals, requests, calls, replicas, sync_phase, scrape_phase)


def call_counts(rng: np.random.Generator, per_request: float, size: int) -> NDArray[np.int64]:
    """How many calls each of so many requests makes: the whole part of the mean, and one more with the probability of the rest."""
    whole = int(per_request)
    return whole + (rng.random(size) < per_request - whole)


def gamma(rng: np.random.Generator, mean: float, variation: float, size: int) -> NDArray[np.float64]:
    """Gamma draws of that mean and coefficient of variation; constant where the variation is 0."""
    if mean <= 0 or variation <= 0:
        return np.full(size, max(mean, 0.0))
    shape = 1 / variation**2
    drawn: NDArray[np.float64] = rng.gamma(shape, mean / shape, size)
    return drawn


def _requests(
    rng: np.random.Generator,
    times: NDArray[np.float64],
    cpu_mean: float,
    wait_mean: float,
    service: ServiceCalibration,
    moments: DearMoments | None,
) -> RequestDraws:
    size = times.size
    choices = rng.random(size)
    work = gamma(rng, 1.0, service.cpu_variation, size) * cpu_mean
    if moments is not None:
        work *= moments.at(times)
    return RequestDraws(work, gamma(rng, 1.0, service.wait_variation, size) * wait_mean, choices)


def _known_or(known: float | None, drawn: float) -> float:
    return drawn if known is None else known


def _shifted(estimate: Estimate, sigmas: float) -> float:
    deviation = (estimate.high - estimate.low) / _SIGMAS_OF_90_PERCENT
    return max(estimate.value + sigmas * deviation, estimate.value * 0.2)


def _rng(seed: int, phase: int, name: str, purpose: str) -> np.random.Generator:
    return np.random.default_rng([abs(seed), phase, zlib.crc32(f"{name}/{purpose}".encode())])

"""A policy against arrivals, over seeds and phases: replicas, latency, violation and cost, with 90 % intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator import layout
from scaleproof.simulator.calibration import Calibration, Estimate
from scaleproof.simulator.evaluator import Evaluator
from scaleproof.simulator.intervals import Band, band, estimate
from scaleproof.simulator.model import Arrivals, ArrivalsBySeed, Assumptions
from scaleproof.simulator.outcome import RunOutcome, ServiceOutcome
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy

DEFAULT_SEEDS: Final = tuple(range(1, 11))
SETTLE_SECONDS: Final = 420.0
"""Simulated beyond the load where cost counts until the steady count is back: the default scale-down window and more."""


@dataclass(frozen=True)
class SimulationResult:
    """Simulated runs of one policy, one a seed and phase, and what they have in common."""

    runs: tuple[RunOutcome, ...]
    duration_seconds: float

    @property
    def services(self) -> tuple[str, ...]:
        """Names, sorted."""
        return tuple(self.runs[0].services)

    @property
    def time_s(self) -> NDArray[np.float64]:
        """The grid of all series: the end of every simulated second."""
        return np.arange(1.0, self._first(self.services[0]).seconds.shape[0] + 1)

    @property
    def cost(self) -> Estimate:
        """Requested core-seconds."""
        return estimate([run.cost() for run in self.runs])

    @property
    def replica_seconds(self) -> Estimate:
        """Over all services."""
        return estimate([run.replica_seconds() for run in self.runs])

    @property
    def violation(self) -> Estimate:
        """The worst service's."""
        return estimate([run.violation for run in self.runs])

    @property
    def violation_by_service(self) -> dict[str, Estimate]:
        """Share of intended requests that failed or were too slow."""
        return {name: estimate([run.services[name].violation for run in self.runs]) for name in self.services}

    @property
    def p95_seconds(self) -> dict[str, Estimate]:
        """p95 of latency over the whole run; infinity where more than 5 % failed."""
        return {name: estimate([run.services[name].percentile_seconds(95) for run in self.runs]) for name in self.services}

    def replicas(self, service: str) -> Band:
        """Replicas that exist (starting, ready or draining), at the end of every second."""
        return self._series(service, layout.SECOND_TOTAL)

    def ready(self, service: str) -> Band:
        """Ready replicas at the end of every second."""
        return self._series(service, layout.SECOND_READY)

    def usage_cores(self, service: str) -> Band:
        """CPU of all replicas together, mean over every second."""
        return self._series(service, layout.SECOND_CPU)

    def p95_windows(self, service: str, window_seconds: float) -> tuple[NDArray[np.float64], Band]:
        """(starts of the windows, p95 of the requests intended in each); NaN in windows without requests."""
        starts = np.arange(0.0, self.duration_seconds, window_seconds)
        series = [
            np.array([run.services[service].percentile_seconds(95, start, start + window_seconds) for start in starts])
            for run in self.runs
        ]
        return starts, band(series)

    def load_windows(self, service: str, window_seconds: float, limit_cores: float) -> Band:
        """CPU in windows as a share of the limits of the ready replicas: where it is below 0.8, p95 can be predicted."""
        starts = np.arange(0.0, self.duration_seconds, window_seconds)
        series = []
        for run in self.runs:
            seconds = run.services[service].seconds
            row = []
            for start in starts:
                part = seconds[int(start) : int(start + window_seconds)]
                ready = part[:, layout.SECOND_READY].sum() * limit_cores
                row.append(part[:, layout.SECOND_CPU].sum() / ready if ready > 0 else np.inf)
            series.append(np.array(row))
        return band(series)

    def violation_series(self, service: str, window_seconds: float) -> tuple[NDArray[np.float64], Band]:
        """(starts of the windows, violation of the requests intended in each); NaN in windows without requests."""
        starts = np.arange(0.0, self.duration_seconds, window_seconds)
        series = [_violation_windows(run.services[service], starts, window_seconds) for run in self.runs]
        return starts, band(series)

    def _first(self, service: str) -> ServiceOutcome:
        return self.runs[0].services[service]

    def _series(self, service: str, column: int) -> Band:
        return band([run.services[service].seconds[:, column] for run in self.runs])


def simulate(
    calibration: Calibration,
    platform: Platform,
    policy: Policy,
    arrivals: Arrivals | ArrivalsBySeed,
    *,
    duration_seconds: float,
    seeds: Sequence[int] = DEFAULT_SEEDS,
    phases: int = 2,
    until_steady: bool = False,
    settle_seconds: float = SETTLE_SECONDS,
    assumptions: Assumptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SimulationResult:
    """Simulate `policy` once a seed and phase.

    `arrivals` are fixed, or drawn by a function of the seed. A seed also draws service times, waits and balancing; a phase
    draws the offsets of syncs, scrapes and quota periods, start-up times, and (unless the assumptions say no) the calibrated
    means from their intervals. With `until_steady`, cost counts until every service is back at its steady count
    (minReplicas), at most `settle_seconds` after the load. The same arguments give the same result.
    Raises BadInputError where the policy leaves what was calibrated (see `limits`).
    """
    evaluator = Evaluator(
        calibration,
        platform,
        arrivals,
        duration_seconds=duration_seconds,
        seeds=seeds,
        phases=phases,
        until_steady=until_steady,
        settle_seconds=settle_seconds if until_steady else 0.0,
        assumptions=assumptions,
        keep=0,
    )
    with evaluator:
        runs = evaluator.runs(policy, progress=progress)
    return SimulationResult(runs=tuple(runs), duration_seconds=duration_seconds)


def _violation_windows(outcome: ServiceOutcome, starts: NDArray[np.float64], window_seconds: float) -> NDArray[np.float64]:
    window = np.minimum((outcome.arrivals / window_seconds).astype(np.int64), starts.size - 1)
    intended = np.bincount(window, minlength=starts.size).astype(np.float64)
    bad = np.bincount(window, weights=outcome.latency_seconds > outcome.slo_seconds, minlength=starts.size)
    shares: NDArray[np.float64] = np.where(intended > 0, bad / np.maximum(intended, 1), np.nan)
    return shares

"""What a simulated run came to, service by service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.reasons import NAMES
from scaleproof.simulator import layout


@dataclass(frozen=True)
class SimulatedDecision:
    """One sync of the simulated autoscaler."""

    time_s: float
    current_replicas: int
    desired_replicas: int
    reason: str
    usage: float
    """Per cent of the request, or the mean value in thousandths; NaN where no metric."""


@dataclass(frozen=True)
class ServiceOutcome:
    """One service of one simulated run."""

    service: str
    arrivals: NDArray[np.float64] = field(repr=False)
    """Intended seconds of the service's own requests (calls by other services are not among them)."""
    latency_seconds: NDArray[np.float64] = field(repr=False)
    """From the intended time; infinity where the request failed or timed out."""
    status: NDArray[np.int8] = field(repr=False)
    """SERVED_OK, NO_REPLICA, OVERFLOW, REFUSED or LOST of `layout`. A request that was served too late for the gateway is LOST."""
    seconds: NDArray[np.float64] = field(repr=False)
    """One row a second; columns SECOND_* of `layout`."""
    decisions: NDArray[np.float64] = field(repr=False)
    """One row a sync; columns DECIDED_* of `layout`."""
    lived: NDArray[np.float64] = field(repr=False)
    """One row a replica that ever lived; columns LIVED_* of `layout`."""
    slo_seconds: float
    request_cores: float
    duration_seconds: float
    steady_replicas: int

    @property
    def violation(self) -> float:
        """Share of the intended requests that failed or were slower than the SLO's threshold; 0 without requests."""
        return float(np.mean(self.latency_seconds > self.slo_seconds)) if self.latency_seconds.size else 0.0

    def percentile_seconds(self, percent: float, start: float = 0.0, end: float = np.inf) -> float:
        """Latency percentile of the requests intended in [start, end); NaN without any, infinity where it failed."""
        chosen = self.latency_seconds[(self.arrivals >= start) & (self.arrivals < end)]
        return float(np.percentile(chosen, percent, method="inverted_cdf")) if chosen.size else np.nan

    @property
    def steady_at_seconds(self) -> float:
        """Since when the service stays at its steady count; infinity where it does not get back to it."""
        off = np.flatnonzero(self.seconds[:, layout.SECOND_TOTAL] != self.steady_replicas)
        if not off.size:
            return 0.0
        return float(off[-1] + 2) if off[-1] + 1 < self.seconds.shape[0] else np.inf

    def replica_seconds(self, until: float) -> float:
        """Replica-seconds from creation to end within [0, until]; beyond the simulated time at the last count."""
        simulated = float(self.seconds.shape[0])
        ends = np.where(np.isnan(self.lived[:, layout.LIVED_TO]), until, self.lived[:, layout.LIVED_TO])
        if until > simulated:
            ends = np.where(np.isnan(self.lived[:, layout.LIVED_TO]), simulated, ends)
        alive = np.minimum(ends, until) - np.maximum(self.lived[:, layout.LIVED_FROM], 0.0)
        beyond = max(0.0, until - simulated) * float(self.seconds[-1, layout.SECOND_TOTAL])
        return float(np.maximum(alive, 0.0).sum()) + beyond

    def decision_list(self) -> list[SimulatedDecision]:
        """The decisions with the names of their reasons."""
        return [
            SimulatedDecision(
                time_s=float(row[layout.DECIDED_AT]),
                current_replicas=int(row[layout.DECIDED_CURRENT]),
                desired_replicas=int(row[layout.DECIDED_DESIRED]),
                reason=NAMES[int(row[layout.DECIDED_REASON])],
                usage=float(row[layout.DECIDED_USAGE]),
            )
            for row in self.decisions
        ]


@dataclass(frozen=True)
class RunOutcome:
    """One simulated run: one seed, one phase."""

    seed: int
    phase: int
    services: Mapping[str, ServiceOutcome]
    cost_until_seconds: float
    """Up to where cost counts."""

    def replica_seconds(self, until: float | None = None) -> float:
        """Over all services, up to `until` (default: up to where cost counts)."""
        end = self.cost_until_seconds if until is None else until
        return sum(outcome.replica_seconds(end) for outcome in self.services.values())

    def cost(self, until: float | None = None) -> float:
        """Requested core-seconds over all services, up to `until` (default: up to where cost counts)."""
        end = self.cost_until_seconds if until is None else until
        return sum(outcome.replica_seconds(end) * outcome.request_cores for outcome in self.services.values())

    @property
    def violation(self) -> float:
        """The worst service's."""
        return max((outcome.violation for outcome in self.services.values()), default=0.0)

    @property
    def steady_at_seconds(self) -> float:
        """Since when every service stays at its steady count; infinity where one does not."""
        return max((outcome.steady_at_seconds for outcome in self.services.values()), default=0.0)

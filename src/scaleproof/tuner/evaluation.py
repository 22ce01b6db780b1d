"""What a search asks of the simulator: the outcome of many policies under the same draws (common random numbers)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.calibration import Estimate
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.tuner.statistics import quantile_estimate

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """One policy over several seeds; every array has one value a seed."""

    violation: Mapping[str, Floats]
    """Share of the intended requests, per service."""
    cost: Floats
    """Requested core-seconds, until every service is back at its steady count."""
    replica_seconds: Floats

    def upper(self, service: str) -> float:
        """Upper bound of a service's violation: its 95 % quantile over the seeds."""
        return float(np.quantile(self.violation[service], 0.95))

    @property
    def mean_cost(self) -> float:
        """Mean over the seeds."""
        return float(np.mean(self.cost))

    def cost_estimate(self) -> Estimate:
        """Median with its 90 % interval."""
        return quantile_estimate(self.cost)

    def violation_estimate(self, service: str | None = None) -> Estimate:
        """One service's violation, or, without a service, the worst one's in each seed."""
        if service is not None:
            return quantile_estimate(self.violation[service])
        return quantile_estimate(np.max(np.stack(list(self.violation.values())), axis=0))


class PolicyEvaluator(Protocol):
    """Simulates policies under one load. The seed of a repetition fixes arrivals, draws and phases for every policy alike."""

    def evaluate(self, policies: Sequence[Policy], seeds: Sequence[int]) -> list[Outcome]:
        """One outcome a policy, in their order."""


@dataclass(frozen=True)
class Goal:
    """What a policy has to keep: every service's upper violation within its budget less the margin."""

    allowed: Mapping[str, float]

    @classmethod
    def of(cls, spec: Platform, margin: float) -> Goal:
        """From the platform's SLOs; `margin` is the share of each budget that is kept free."""
        return cls(allowed={name: service.slo.budget * (1 - margin) for name, service in spec.services.items()})

    def excess(self, outcome: Outcome) -> float:
        """Sum over services of what the upper violation has beyond the allowed one; 0 where the policy is feasible."""
        return sum(max(0.0, outcome.upper(name) - allowed) for name, allowed in self.allowed.items())

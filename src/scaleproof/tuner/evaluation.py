"""What a search asks of the simulator: many policies under the same simulated runs, and whether they keep the goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from scaleproof.simulator.evaluator import Evaluation
from scaleproof.simulator.intervals import estimate
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy

WORTH_VIOLATION: Final = 0.005
"""A violation difference below this is nothing to change a policy for, and nothing to keep one for."""


class PolicyEvaluator(Protocol):
    """`simulator.evaluator.Evaluator`, or a fake: the same draws for every policy (common random numbers)."""

    def evaluate(self, policies: Sequence[Policy], *, seeds: Sequence[int] | None = None) -> list[Evaluation]:
        """Every policy over the runs of these seeds (default: all), in the policies' order."""


@dataclass(frozen=True)
class Goal:
    """What a policy has to keep: every service's upper violation within its budget less the margin."""

    allowed: Mapping[str, float]

    @classmethod
    def of(cls, spec: Platform, margin: float) -> Goal:
        """From the platform's SLOs; `margin` is the share of each budget that is kept free."""
        return cls(allowed={name: service.slo.budget * (1 - margin) for name, service in spec.services.items()})

    def no_worse_than(self, before: Evaluation) -> Goal:
        """Where that policy keeps the goal, another must not violate more either; where it does not, the goal itself.

        Saved money would be paid for by users, and the verification would send the policy back.
        """
        if self.excess(before) > 0:
            return self
        return Goal(
            allowed={
                name: min(allowed, max(WORTH_VIOLATION, upper_violation(before, name)))
                for name, allowed in self.allowed.items()
            }
        )

    def excess(self, outcome: Evaluation) -> float:
        """Sum over services of what the upper violation has beyond the allowed one; 0 where the policy is feasible."""
        return sum(max(0.0, upper_violation(outcome, name) - allowed) for name, allowed in self.allowed.items())


def upper_violation(outcome: Evaluation, service: str) -> float:
    """Upper bound of a service's violation: the upper end of its 90 % interval over the runs."""
    return estimate(outcome.violation_by_service[service]).high


def mean_cost(outcome: Evaluation) -> float:
    """Requested core-seconds, mean over the runs."""
    return float(np.mean(outcome.cost))

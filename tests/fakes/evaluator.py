"""An evaluator whose answers are plain formulas: the fake of `simulator.evaluator.Evaluator`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from scaleproof.simulator.evaluator import Evaluation
from scaleproof.spec.policy import Policy
from scaleproof.tuner.knobs import Knobs


class FakeEvaluator:
    """`cost` and `violation` of one service's knobs; every seed adds its own small part to both."""

    def __init__(
        self, cost: Callable[[Knobs], float], violation: Callable[[Knobs], float], seeds: Sequence[int], noise: float = 0.0
    ) -> None:
        self.cost = cost
        self.violation = violation
        self.seeds = seeds
        self.noise = noise
        self.simulated = 0

    def evaluate(self, policies: Sequence[Policy], *, seeds: Sequence[int] | None = None) -> list[Evaluation]:
        chosen = np.array(self.seeds if seeds is None else seeds)
        parts = self.noise * np.sin(chosen.astype(float))
        found = []
        for policy in policies:
            self.simulated += chosen.size
            knobs = {name: Knobs.of(service.autoscaling) for name, service in policy.services.items()}
            costs = {
                name: self.cost(knob) * policy.services[name].resources.requests.cpu_millicores / 1000 + parts
                for name, knob in knobs.items()
            }
            total = np.sum(np.stack(list(costs.values())), axis=0)
            found.append(
                Evaluation(
                    policy=policy,
                    cost=total,
                    replica_seconds=total / 0.15,
                    violation_by_service={n: np.maximum(0.0, self.violation(k) + parts * 0.01) for n, k in knobs.items()},
                    p95_by_service={name: np.full(chosen.size, 0.1) for name in knobs},
                    steady_at_seconds=np.zeros(chosen.size),
                    cost_by_service=costs,
                )
            )
        return found

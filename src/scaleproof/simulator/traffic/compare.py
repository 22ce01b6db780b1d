"""What policies would have done with recorded traffic: figures over runs that differ in phases and start-up times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.calibration import Estimate
from scaleproof.simulator.intervals import estimate
from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.kernel import MOST_REPLICAS, REPLICA_SECONDS, RESCALES, VIOLATED
from scaleproof.simulator.traffic.policies import PackedPolicies
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.simulator.traffic.worlds import clairvoyant_replicas, world_of

_SECONDS_AT_ONCE: Final = 16_000_000
"""Of worlds that are held in memory together: 8 bytes each for the sums, as much again for little else."""


@dataclass(frozen=True)
class PolicyFigures:
    """One policy over all runs: medians and 90 % intervals."""

    mean_replicas: Estimate
    replica_hours: Estimate
    core_hours: Estimate
    to_clairvoyant: Estimate
    """Its cost relative to the clairvoyant's."""
    violation: Estimate
    """Share of requests."""
    worst_violation: float
    worst_seed: int
    most_replicas: int
    rescales: Estimate

    def holds(self, budget: float) -> bool:
        """No run violates a larger share of requests."""
        return self.worst_violation <= budget


@dataclass(frozen=True)
class Clairvoyant:
    """The least that perfect foresight pays for."""

    mean_replicas: float
    replica_hours: float
    core_hours: float
    most_replicas: int


@dataclass(frozen=True)
class Comparison:
    """All policies on one trace."""

    clairvoyant: Clairvoyant
    figures: tuple[PolicyFigures, ...]
    """In the policies' order."""
    seeds: tuple[int, ...]


def compare(
    rates: NDArray[np.float64],
    policies: PackedPolicies,
    service: ServiceModel,
    *,
    seeds: Sequence[int],
    least_replicas: int,
    advance: Callable[[int], None] | None = None,
) -> Comparison:
    """`rates`: requests of every second, not all 0. `least_replicas`: what the clairvoyant keeps at the least.

    `advance` is told the policy-seconds that are done.
    """
    seconds = rates.shape[0]
    at_once = max(1, _SECONDS_AT_ONCE // seconds)
    parts = []
    for begin in range(0, len(seeds), at_once):
        worlds = [world_of(rates, service, seed=seed) for seed in seeds[begin : begin + at_once]]
        parts.append(evaluate(policies, service, worlds, advance=advance))
    results = np.concatenate(parts, axis=1)
    needed = clairvoyant_replicas(rates, service, at_least=least_replicas)
    best_seconds = float(needed.sum())
    cores = service.request_millicores / 1000
    requests = float(rates.sum())
    figures = []
    for row in results:
        replica_seconds, violation = row[:, REPLICA_SECONDS], row[:, VIOLATED] / requests
        worst = int(np.argmax(violation))
        figures.append(
            PolicyFigures(
                mean_replicas=estimate(replica_seconds / seconds),
                replica_hours=estimate(replica_seconds / 3600),
                core_hours=estimate(replica_seconds / 3600 * cores),
                to_clairvoyant=estimate(replica_seconds / best_seconds),
                violation=estimate(violation),
                worst_violation=float(violation[worst]),
                worst_seed=int(seeds[worst]),
                most_replicas=int(row[:, MOST_REPLICAS].max()),
                rescales=estimate(row[:, RESCALES]),
            )
        )
    clairvoyant = Clairvoyant(
        mean_replicas=best_seconds / seconds,
        replica_hours=best_seconds / 3600,
        core_hours=best_seconds / 3600 * cores,
        most_replicas=int(needed.max()),
    )
    return Comparison(clairvoyant, tuple(figures), tuple(seeds))

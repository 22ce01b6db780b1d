"""What of the machine is left for replicas: cores minus load generator, gateway and datastores. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy

REFERENCE_REQUESTS_PER_SECOND = 10_000 / 30
"""10,000 users who think 30 s: the load at which the three reserves were measured on two cores."""
GENERATOR_CORES = 0.35
GATEWAY_CORES = 0.25
DATASTORES_CORES = 0.35
IDLE_SHARE = 0.1
"""What each of the three needs without load, as a share of its reserve at the reference load."""


@dataclass(frozen=True)
class Budget:
    """Cores, and who needs how many."""

    cores: float
    generator: float
    gateway: float
    datastores: float
    replicas: Mapping[str, tuple[int, int]]
    """Per service: replicas and millicores of each one's limit."""

    @property
    def available(self) -> float:
        """Cores left for replicas."""
        return max(self.cores - self.generator - self.gateway - self.datastores, 0.0)

    @property
    def needed(self) -> float:
        """Cores that all replicas may use at once."""
        return sum(count * millicores for count, millicores in self.replicas.values()) / 1000

    @property
    def fits(self) -> bool:
        """Whether the replicas' limits can all be kept at once. A hundredth of a core is below what can be measured."""
        return self.needed <= self.available + 0.01


def budget_of(platform: Platform, policy: Policy, cores: float, replicas: Mapping[str, int] | None = None) -> Budget:
    """The budget of that policy, at its maxReplicas or at the given numbers of replicas, on a machine with so many cores."""
    load = platform.load.users / platform.load.mean_think_seconds / REFERENCE_REQUESTS_PER_SECOND
    share = IDLE_SHARE + (1 - IDLE_SHARE) * load
    datastores = platform.redis is not None or platform.postgres is not None
    counts = {name: service.autoscaling.max_replicas for name, service in policy.services.items()} | dict(replicas or {})
    return Budget(
        cores=cores,
        generator=GENERATOR_CORES * share,
        gateway=GATEWAY_CORES * share,
        datastores=DATASTORES_CORES * share if datastores else 0.0,
        replicas={name: (counts[name], service.resources.limits.cpu_millicores) for name, service in policy.services.items()},
    )


def check_budget(budget: Budget) -> None:
    """Raises BadInputError, naming each term and what to lower, where the limits cannot all be kept at once."""
    if budget.fits:
        return
    terms = " + ".join(f"{name} {count} x {millicores}m" for name, (count, millicores) in budget.replicas.items())
    raise BadInputError(
        f"this policy does not fit this machine: {terms} = {budget.needed:.2f} cores, but {budget.available:.2f} are left of "
        f"{budget.cores:g} after the load generator ({budget.generator:.2f}), the gateway ({budget.gateway:.2f}) and the "
        f"datastores ({budget.datastores:.2f})",
        hint="lower maxReplicas or limits.cpu in the stack file, or load.users in platform.yaml, or use a larger machine",
    )

"""What every part of the platform needs at a number of users. Pure; users may be one number or one a draw."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.gateway_behaviour import CONNECTION_RESERVE
from scaleproof.spec.plan_files import NodeAssumptions, PlanAssumptions
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import ResourceList
from scaleproof.spec.quantity import byte_value
from scaleproof.tuner.growth_plan.replicas import Replicas
from scaleproof.tuner.growth_plan.samples import Amount, Floats, rounded_up
from scaleproof.tuner.growth_plan.shared_costs import SharedCost, SharedCosts

GATEWAY: Final = "the gateway"
POSTGRES: Final = "PostgreSQL"
REDIS: Final = "Redis"
NODES: Final = "the nodes"
PLATFORM: Final = "the platform"
"""No service is called so: their names are DNS labels."""

SPARE_FILES: Final = 200
"""Listeners, logs and control connections of a proxy."""
_BUFFERS_SHARE: Final = 0.25
"""shared_buffers of PostgreSQL's memory, as its documentation advises."""

Needs = Mapping[tuple[str, str], Amount]
"""(part, quantity) → amount. A part is a service or one of the names above; units are in the quantities' names."""


@dataclass(frozen=True)
class NeedsModel:
    """Everything but the number of users."""

    platform: Platform
    assumptions: PlanAssumptions
    services: Mapping[str, Replicas]
    """Callers first."""
    user_rate: float
    """Requests/s that one user sends to the gateway."""
    costs: SharedCosts
    gateway_cpu: Floats
    """CPU seconds a user's request, in all draws."""
    database_cpu: Floats

    def at(self, users: float | Floats) -> Needs:
        """The needs of so many users at the peak. They grow with the users in every draw."""
        crowd = self._crowd(users)
        found: dict[tuple[str, str], Amount] = {}
        for name, service in self.services.items():
            found |= {(name, quantity): amount for quantity, amount in self._of_service(service, crowd).items()}
        far = any(found[name, "replicas"].extrapolated for name in self.services)
        found |= {(GATEWAY, quantity): amount for quantity, amount in self._of_gateway(crowd, found).items()}
        if self.platform.postgres is not None:
            found |= {(POSTGRES, quantity): amount for quantity, amount in self._of_postgres(crowd, found, far=far).items()}
        if self.platform.redis is not None:
            found |= {(REDIS, quantity): amount for quantity, amount in self._of_redis(crowd, found, far=far).items()}
        found |= self._together(found, far=far)
        return found

    def amount(self, part: str, quantity: str, users: float | Floats) -> Amount:
        """One of the needs: a service alone is quicker than all."""
        if part in self.services:
            return self._of_service(self.services[part], self._crowd(users))[quantity]
        return self.at(users)[part, quantity]

    def _crowd(self, users: float | Floats) -> Floats:
        return np.broadcast_to(np.asarray(users, dtype=np.float64), self.gateway_cpu.shape)

    def _of_service(self, service: Replicas, users: Floats) -> dict[str, Amount]:
        rate = users * service.rate_per_user
        by_target = service.for_target(rate)
        by_slo = service.for_slo(rate, self.assumptions.headroom)
        replicas = np.maximum(by_target, by_slo)
        requests = service.policy.resources.requests
        far = bool(replicas[0] > service.known.highest_replicas or rate[0] > service.held_together)
        return {
            "requests_per_second": Amount(rate),
            "replicas_of_policy": Amount(by_target, whole=True, extrapolated=far),
            "replicas_for_slo": Amount(by_slo, whole=True, extrapolated=far),
            "replicas": Amount(replicas, whole=True, extrapolated=far),
            "requests_per_replica": Amount(service.busiest(rate)),
            "cores_used": Amount(service.cores_used(rate, replicas), extrapolated=far),
            "cores_reserved": Amount(replicas * requests.cpu_millicores / 1000, extrapolated=far),
            "memory_reserved_bytes": Amount(replicas * requests.memory_bytes, extrapolated=far),
        }

    def _of_gateway(self, users: Floats, found: Needs) -> dict[str, Amount]:
        assumed = self.assumptions.gateway
        rate = users * self.user_rate
        connections = users + CONNECTION_RESERVE
        # Little's law at the SLO's threshold: more cannot be under way while the SLO holds.
        under_way = sum(
            (
                found[name, "requests_per_second"].samples * self.platform.services[name].slo.latency_seconds
                for name in self.services
            ),
            np.zeros(users.shape),
        )
        memory = byte_value(assumed.base_memory) + connections * assumed.kib_per_connection * 1024
        return {
            "requests_per_second": Amount(rate),
            "cores": _cores(self.costs.gateway, self.gateway_cpu, rate),
            "connections": Amount(rounded_up(connections), whole=True),
            "open_files": Amount(rounded_up(connections + under_way + SPARE_FILES), whole=True),
            "memory_bytes": Amount(memory, assumed=True),
        }

    def _of_postgres(self, users: Floats, found: Needs, *, far: bool) -> dict[str, Amount]:
        assumed, server = self.assumptions.database, self.platform.postgres
        assert server is not None
        held = np.full(users.shape, float(server.reserved_connections + assumed.other_connections))
        guessed = False
        for name, service in self.services.items():
            pool = self.platform.services[name].postgres_connections
            guessed = guessed or pool is None
            held = held + (assumed.pool if pool is None else pool) * self._most_replicas(
                service, found[name, "replicas"].samples
            )
        memory = byte_value(server.shared_buffers) / _BUFFERS_SHARE + held * assumed.mib_per_connection * 2**20
        return {
            "connections": Amount(held, whole=True, extrapolated=far, assumed=guessed),
            "cores": _cores(self.costs.database, self.database_cpu, users * self.user_rate),
            "memory_bytes": Amount(memory, extrapolated=far, assumed=True),
        }

    def _of_redis(self, users: Floats, found: Needs, *, far: bool) -> dict[str, Amount]:
        assumed, server = self.assumptions.redis, self.platform.redis
        assert server is not None
        held = np.zeros(users.shape)
        guessed = False
        for name, service in self.services.items():
            each = self.platform.services[name].redis_connections
            guessed = guessed or each is None
            most = self._most_replicas(service, found[name, "replicas"].samples)
            held = held + (assumed.connections_per_replica if each is None else each) * most
        a_user = assumed.bytes_per_user
        if server.working_set is not None:
            a_user = byte_value(server.working_set) / self.platform.load.users
        return {
            "connections": Amount(held, whole=True, extrapolated=far, assumed=guessed),
            "memory_bytes": Amount(byte_value(assumed.base_memory) + users * a_user, assumed=server.working_set is None),
        }

    def _most_replicas(self, service: Replicas, replicas: Floats) -> Floats:
        """During a rolling update at the policy's maximum, or at the need where that is higher."""
        most = np.maximum(replicas, float(service.policy.autoscaling.max_replicas))
        return most + rounded_up(most * self.assumptions.surge)

    def _together(self, found: Needs, *, far: bool) -> dict[tuple[str, str], Amount]:
        size = self.assumptions.nodes
        shares, cores, memory = (np.zeros(self.gateway_cpu.shape) for _ in range(3))
        for name, service in self.services.items():
            each = replicas_per_node(name, service.policy.resources.requests, size)
            shares = shares + found[name, "replicas"].samples / each
            cores = cores + found[name, "cores_reserved"].samples
            memory = memory + found[name, "memory_reserved_bytes"].samples
        beside = [GATEWAY]
        beside += [POSTGRES] if self.platform.postgres is not None and self.assumptions.database.on_nodes else []
        for part in beside:
            its_cores, its_memory = found[part, "cores"].samples, found[part, "memory_bytes"].samples
            shares = shares + np.maximum(its_cores / size.usable_cores, its_memory / size.usable_memory_bytes)
            cores, memory = cores + its_cores, memory + its_memory
        if self.platform.redis is not None and self.assumptions.redis.on_nodes:
            state = self.platform.state_redis
            its_memory = found[REDIS, "memory_bytes"].samples + (0 if state is None else byte_value(state.memory))
            shares, memory = shares + its_memory / size.usable_memory_bytes, memory + its_memory
        nodes = np.maximum(rounded_up(shares), 1.0) + size.spare
        return {
            (NODES, "nodes"): Amount(nodes, whole=True, extrapolated=far, assumed=True),
            (PLATFORM, "cores_reserved"): Amount(cores, extrapolated=far, assumed=True),
            (PLATFORM, "memory_reserved_bytes"): Amount(memory, extrapolated=far, assumed=True),
        }


def replicas_per_node(name: str, requests: ResourceList, size: NodeAssumptions) -> int:
    """How many replicas of one service a node of its own holds. Raises BadInputError where none fits."""
    by_cores = math.floor(size.usable_cores * 1000 / max(requests.cpu_millicores, 1))
    by_memory = math.floor(size.usable_memory_bytes / max(requests.memory_bytes, 1))
    each = min(by_cores, by_memory, size.pods)
    if each < 1:
        raise BadInputError(
            f"a replica of {name} requests {requests.cpu} CPU and {requests.memory}, more than a node has left for pods "
            f"({size.usable_cores:g} cores, {size.usable_memory_bytes / 2**30:.3g} GiB)",
            hint="name a larger node in the assumptions file (nodes.cores, nodes.memory), or lower the requests",
        )
    return each


def _cores(cost: SharedCost, cpu_seconds: Floats, rate: Floats) -> Amount:
    measured = cost.measured_up_to
    return Amount(
        cost.idle_cores + rate * cpu_seconds,
        extrapolated=measured is not None and bool(rate[0] > measured),
        assumed=measured is None,
    )

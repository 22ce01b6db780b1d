"""What ends growth: every limit that the plan knows, as data. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.gateway_behaviour import connections
from scaleproof.spec.plan_files import Team
from scaleproof.spec.quantity import byte_value
from scaleproof.tuner.bottleneck import NOT_CPU, OWN_CPU
from scaleproof.tuner.growth_plan.needs import GATEWAY, NODES, POSTGRES, REDIS, NeedsModel
from scaleproof.tuner.growth_plan.samples import Floats

_ELSEWHERE: Final = "measured where the machine itself was full: calibrate again with more cores, or on the cluster"
_SHARED_FIXES: Final[Mapping[str, str]] = {
    NOT_CPU: "look at what requests wait for: queries and their indexes, pool sizes, a cache, a read replica; then calibrate again",
    "the gateway": "give the gateway more cores or instances, then calibrate again",
    "the load generator": "calibrate again with more generator processes: the load, not the platform, was at its end",
    "the host's CPU": _ELSEWHERE,
    OWN_CPU: _ELSEWHERE,
}
_UNKNOWN_FIX: Final = "find what the replicas share, and calibrate again"


@dataclass(frozen=True)
class Kind:
    """A kind of bottleneck. `id` is never renamed; a team file names it."""

    id: str
    title: str
    fix: str
    of_service: bool = False
    """There is one a service: `id:service`."""
    after: tuple[str, ...] = ()
    """Kinds to be lifted before, where they break for the same milestone."""


KINDS: Final = (
    Kind(
        "target",
        "the policy lets a replica get busier than its SLO allows",
        "lower the target: `scaleproof tune` finds one",
        of_service=True,
    ),
    Kind("shared", "more replicas stop helping", _UNKNOWN_FIX, of_service=True),
    Kind(
        "database-connections",
        "replicas × pool, with a rolling update, reach max_connections",
        "raise max_connections, make the pools smaller, or put a pooler such as PgBouncer before the server",
    ),
    Kind(
        "database-cores",
        "PostgreSQL needs more CPU than its server has",
        "a larger server, cheaper queries, a cache before it, or read replicas",
        after=("database-connections",),
    ),
    Kind("redis-connections", "replicas reach Redis' maxclients", "raise maxclients, or share connections within a replica"),
    Kind("redis-memory", "the working set is larger than Redis' memory", "raise redis.memory in platform.yaml, or keep less"),
    Kind("gateway-files", "one file a connection: the proxy's open files", "raise the proxy's limit of open files (nofile)"),
    Kind(
        "gateway-connections",
        "the gateway's limits on connections, set from load.users",
        "raise load.users in platform.yaml: the gateway's limits follow",
        after=("gateway-files",),
    ),
    Kind("gateway-cores", "the proxies need more CPU than they may use", "more instances, or a higher CPU limit"),
    Kind("node-count", "the quota of nodes", "raise the quota, or choose larger nodes"),
    Kind(
        "max-replicas",
        "the policy's maximum",
        "raise maxReplicas: `scaleproof tune --users N` proposes a policy",
        of_service=True,
        after=("target", "shared", "database-connections", "redis-connections", "node-count"),
    ),
)
"""In the order in which those that break at the same users are lifted."""

_BY_ID: Final = {kind.id: kind for kind in KINDS}


@dataclass(frozen=True)
class Limit:
    """One limit: the users at which the quantity passes it are where growth ends."""

    kind: Kind
    service: str | None
    part: str
    quantity: str
    """Of `needs`: (part, quantity)."""
    value: float | Floats
    """The most that holds; one a draw where the limit itself is uncertain."""
    where: str
    """Where the limit is set, or what measured it."""
    title: str
    fix: str

    @property
    def id(self) -> str:
        """`max-replicas:orders`, `database-connections`."""
        return self.kind.id if self.service is None else f"{self.kind.id}:{self.service}"


def limits_of(model: NeedsModel) -> list[Limit]:
    """Every limit of the platform, its policy and the assumptions."""
    platform, assumed = model.platform, model.assumptions
    found = [limit for name in model.services for limit in _of_service(model, name)]
    reach = connections(platform)
    instances = assumed.gateway.instances
    found += [
        _plain("gateway-files", GATEWAY, "open_files", assumed.gateway.open_files, "assumptions: gateway.open_files"),
        _plain("gateway-connections", GATEWAY, "connections", reach, "platform.yaml: load.users, and a reserve"),
        _plain("gateway-cores", GATEWAY, "cores", instances * assumed.gateway.cores, "assumptions: gateway.instances × cores"),
    ]
    if platform.postgres is not None:
        most = platform.postgres.max_connections
        found += [
            _plain("database-connections", POSTGRES, "connections", most, "platform.yaml: postgres.max_connections"),
            _plain("database-cores", POSTGRES, "cores", assumed.database.cores, "assumptions: database.cores"),
        ]
    if platform.redis is not None:
        memory = byte_value(platform.redis.memory)
        found += [
            _plain("redis-connections", REDIS, "connections", platform.redis.max_clients, "platform.yaml: redis.max_clients"),
            _plain("redis-memory", REDIS, "memory_bytes", memory, "platform.yaml: redis.memory"),
        ]
    if assumed.nodes.most is not None:
        found.append(_plain("node-count", NODES, "nodes", assumed.nodes.most, "assumptions: nodes.most"))
    return found


def check_team(team: Team, services: Iterable[str], file: str) -> None:
    """Raises BadInputError where the team's file names a bottleneck that cannot be."""
    names = list(services)
    known = [kind.id for kind in KINDS]
    known += [f"{kind.id}:{name}" for kind in KINDS if kind.of_service for name in names]
    named = [*team.work, *(each for work in [*team.work.values(), team.others] if work is not None for each in work.after)]
    for name in named:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(sorted(_BY_ID))}, or one:service"
            raise BadInputError(f"{file}: work: {name!r} is not a bottleneck of this platform", hint=hint)


def _of_service(model: NeedsModel, name: str) -> list[Limit]:
    service = model.services[name]
    known = service.known
    most = service.policy.autoscaling.max_replicas
    found = [
        Limit(
            _BY_ID["target"],
            name,
            name,
            "requests_per_replica",
            service.capacity,
            "calibration: capacity_per_second",
            _BY_ID["target"].title,
            _BY_ID["target"].fix,
        ),
        Limit(
            _BY_ID["max-replicas"],
            name,
            name,
            "replicas",
            float(most),
            f"policy: services.{name}.autoscaling.maxReplicas",
            _BY_ID["max-replicas"].title,
            _BY_ID["max-replicas"].fix,
        ),
    ]
    if known.bottleneck is not None and known.capacity_by_replicas:
        found.append(
            Limit(
                _BY_ID["shared"],
                name,
                name,
                "requests_per_second",
                service.held_together,
                "calibration: capacity_by_replicas",
                f"{_BY_ID['shared'].title}: they share {known.bottleneck}",
                _SHARED_FIXES.get(known.bottleneck, _UNKNOWN_FIX),
            )
        )
    return found


def _plain(kind: str, part: str, quantity: str, value: float, where: str) -> Limit:
    return Limit(_BY_ID[kind], None, part, quantity, float(value), where, _BY_ID[kind].title, _BY_ID[kind].fix)

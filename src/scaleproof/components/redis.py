"""Redis: the cache server from charts/redis, and the state server where the spec has one, each with a password of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pulumi

from scaleproof.components.helm_release import HelmRelease, merged
from scaleproof.components.manifest import COMPONENT_LABEL, PART_OF_LABEL, Manifest, standard_labels
from scaleproof.components.network_policy import Peer, pod_peer
from scaleproof.components.secret_values import declare_secret, secret
from scaleproof.components.secret_variable import SecretVariable
from scaleproof.components.settings import RedisSettings
from scaleproof.spec.platform import Redis as RedisSpec
from scaleproof.spec.platform import StateRedis
from scaleproof.spec.quantity import byte_value, memory_quantity

TYPE: Final = "scaleproof:components:Redis"
CACHE: Final = "redis"
STATE: Final = "redis-state"
PORT: Final = 6379
MAXMEMORY_PERCENT: Final = 70
"""Of the limit: buffers and fragmentation need the rest."""


@dataclass(frozen=True)
class RedisArgs:
    """A server for one platform: with a StateRedis for state, else a cache."""

    namespace: str
    part_of: str
    spec: RedisSpec | StateRedis
    settings: RedisSettings
    chart: str
    """Folder or OCI address of charts/redis."""
    is_only: bool = True
    """The cache without a state server beside it, which services keep state in as well."""

    @property
    def role(self) -> Literal["cache", "state"]:
        """The chart's word: a cache evicts what was used least recently, state is never evicted."""
        return "state" if isinstance(self.spec, StateRedis) else "cache"

    @property
    def name(self) -> str:
        """Of the release and the server."""
        return STATE if self.role == "state" else CACHE

    @property
    def variable(self) -> str:
        """By which services are told of it."""
        return "REDIS_URL" if self.role == "state" or self.is_only else "CACHE_REDIS_URL"


def secret_of(args: RedisArgs) -> str:
    """The name of the Secret with the password and the URL."""
    return f"{args.name}-credentials"


def variable_of(args: RedisArgs, version: Any = None) -> SecretVariable:
    """What services are told. The Secret's key is REDIS_URL always: a stack that gets a state server keeps its cache's Secret."""
    return SecretVariable(args.variable, secret_of(args), "REDIS_URL", version)


def peer(args: RedisArgs) -> Peer:
    """The server, for network policies of the same namespace."""
    return pod_peer({"app.kubernetes.io/name": "redis", "app.kubernetes.io/instance": args.name})


def redis_release(args: RedisArgs) -> HelmRelease:
    """Keeps nothing over a restart. Only the platform's own services may connect.

    State too: who publishes events notices a stream that is gone, not one that an append-only file restored without its end.
    """
    limit = memory_quantity(math.ceil(byte_value(args.spec.memory) * 100 / MAXMEMORY_PERCENT))
    clients = [{"podSelector": {"matchLabels": {PART_OF_LABEL: args.part_of, COMPONENT_LABEL: "service"}}}]
    values: dict[str, Any] = {
        "fullnameOverride": args.name,
        "image": args.settings.image,
        "role": args.role,
        "maxmemoryPercent": MAXMEMORY_PERCENT,
        "resources": {"requests": {"memory": limit}, "limits": {"memory": limit}},
        "auth": {"enabled": True, "existingSecret": secret_of(args), "passwordKey": "password"},
        "persistence": {"enabled": False},
        "networkPolicy": {"enabled": True, "clients": clients},
        "metrics": {"enabled": args.settings.exporter},
    }
    return HelmRelease(args.name, args.namespace, args.chart, values=merged(values, args.settings.values))


def redis_secret(args: RedisArgs, password: str) -> Manifest:
    """The password, and the URL for the services."""
    url = f"redis://:{password}@{args.name}.{args.namespace}.svc.cluster.local:{PORT}/0"
    return secret(secret_of(args), args.namespace, labels(args), {"password": password, "REDIS_URL": url})


def labels(args: RedisArgs) -> Mapping[str, str]:
    """Of what is made beside the chart."""
    return standard_labels(args.name, args.part_of, args.role)


class Redis(pulumi.ComponentResource):
    """The chart's release and the Secret that it and the services share. `variables` is what services are told."""

    def __init__(
        self,
        name: str,
        args: RedisArgs,
        new_password: Callable[[], str],
        opts: pulumi.ResourceOptions | None = None,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> None:
        """`new_password` draws a URL-safe password; only the first one drawn for a stack is ever used."""
        super().__init__(TYPE, name, None, opts)
        item = redis_secret(args, new_password())
        resource, version = declare_secret(item, parent=self, depends_on=depends_on, generated=True)
        self.release = redis_release(args).declare(parent=self, depends_on=[*depends_on, resource])
        self.variables = [variable_of(args, version)]
        self.register_outputs({"secret": secret_of(args)})

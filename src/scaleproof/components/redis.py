"""Redis: the cache server from charts/redis, with a password of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from scaleproof.components.helm_release import HelmRelease, merged
from scaleproof.components.manifest import COMPONENT_LABEL, PART_OF_LABEL, Manifest, standard_labels
from scaleproof.components.network_policy import Peer, pod_peer
from scaleproof.components.secret_values import declare_secret, secret
from scaleproof.components.secret_variable import SecretVariable
from scaleproof.components.settings import RedisSettings
from scaleproof.spec.platform import Redis as RedisSpec
from scaleproof.spec.quantity import byte_value, memory_quantity

TYPE: Final = "scaleproof:components:Redis"
NAME: Final = "redis"
PORT: Final = 6379
SECRET: Final = "redis-credentials"  # noqa: S105 - a name
MAXMEMORY_PERCENT: Final = 70
"""Of the limit: buffers and fragmentation need the rest."""


@dataclass(frozen=True)
class RedisArgs:
    """A cache for one platform."""

    namespace: str
    part_of: str
    spec: RedisSpec
    settings: RedisSettings
    chart: str
    """Folder or OCI address of charts/redis."""


def peer() -> Peer:
    """The server, for network policies of the same namespace."""
    return pod_peer({"app.kubernetes.io/name": NAME, "app.kubernetes.io/instance": NAME})


def redis_release(args: RedisArgs) -> HelmRelease:
    """A cache: evicts what was used least recently, keeps nothing over a restart. Only the platform's own services may connect."""
    limit = memory_quantity(math.ceil(byte_value(args.spec.memory) * 100 / MAXMEMORY_PERCENT))
    clients = [{"podSelector": {"matchLabels": {PART_OF_LABEL: args.part_of, COMPONENT_LABEL: "service"}}}]
    values: dict[str, Any] = {
        "fullnameOverride": NAME,
        "image": args.settings.image,
        "role": "cache",
        "maxmemoryPercent": MAXMEMORY_PERCENT,
        "resources": {"requests": {"memory": limit}, "limits": {"memory": limit}},
        "auth": {"enabled": True, "existingSecret": SECRET, "passwordKey": "password"},
        "persistence": {"enabled": False},
        "networkPolicy": {"enabled": True, "clients": clients},
        "metrics": {"enabled": args.settings.exporter},
    }
    return HelmRelease(NAME, args.namespace, args.chart, values=merged(values, args.settings.values))


def redis_secret(args: RedisArgs, password: str) -> Manifest:
    """The password, and REDIS_URL for the services."""
    url = f"redis://:{password}@{NAME}.{args.namespace}.svc.cluster.local:{PORT}/0"
    return secret(SECRET, args.namespace, labels(args), {"password": password, "REDIS_URL": url})


def labels(args: RedisArgs) -> Mapping[str, str]:
    """Of what is made beside the chart."""
    return standard_labels(NAME, args.part_of, "cache")


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
        self.variables = [SecretVariable("REDIS_URL", SECRET, "REDIS_URL", version)]
        self.register_outputs({"secret": SECRET})

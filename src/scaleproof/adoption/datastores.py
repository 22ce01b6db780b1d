"""Images that everybody knows: what runs them is a datastore or a tool, and no service that scales by requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

from scaleproof.adoption.guesses import PLATFORM, Reasons
from scaleproof.adoption.objects import Workload
from scaleproof.spec.quantity import byte_value, memory_quantity

Role = Literal["redis", "postgres", "other"]

DEFAULT_MEMORY: Final = "64Mi"
DEFAULT_CONNECTIONS: Final = 100
_REDIS: Final = frozenset({"redis", "valkey", "keydb", "dragonfly", "redis-stack", "redis-stack-server"})
_POSTGRES: Final = frozenset({"postgres", "postgresql", "postgis", "timescaledb", "timescaledb-ha", "pgvector"})
_OTHER: Final = frozenset(
    {
        *("mysql", "mariadb", "mongo", "mongodb", "cassandra", "scylla", "clickhouse-server", "couchdb", "influxdb", "minio"),
        *("memcached", "elasticsearch", "opensearch", "rabbitmq", "kafka", "cp-kafka", "zookeeper", "cp-zookeeper", "nats"),
        *(
            "etcd",
            "consul",
            "vault",
            "prometheus",
            "grafana",
            "loki",
            "tempo",
            "jaeger",
            "all-in-one",
            "zipkin",
            "alertmanager",
        ),
        *("opentelemetry-collector", "opentelemetry-collector-contrib", "fluent-bit", "fluentd", "promtail", "locust", "k6"),
        *("flagd", "pgbouncer", "redis-sentinel", "redis-exporter", "postgres-exporter"),
    }
)
_MAX_CONNECTIONS: Final = re.compile(r"max_connections[= ]+(\d{1,6})\b")
_MAX_MEMORY: Final = re.compile(r"--maxmemory[= ]+(\d{1,12})([kmg]b?)?\b", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1000, "kb": 2**10, "m": 1000**2, "mb": 2**20, "g": 1000**3, "gb": 2**30}
"""As redis.conf understands them."""


def role_of(workload: Workload) -> Role | None:
    """What the image is known for; None: a service of somebody's own."""
    name = repository(workload.image).rpartition("/")[2].lower()
    if name in _REDIS:
        return "redis"
    if name in _POSTGRES:
        return "postgres"
    return "other" if name in _OTHER else None


def repository(image: str) -> str:
    """The image without tag and digest."""
    head, slash, last = image.partition("@")[0].rpartition("/")
    return head + slash + last.partition(":")[0]


def redis_of(workloads: Sequence[Workload], told: Reasons) -> dict[str, object] | None:
    """`redis` of platform.yaml from the first of them."""
    if not workloads:
        return None
    first = workloads[0]
    stated = _MAX_MEMORY.search(_arguments(first))
    limit = _memory_limit(first)
    if stated:
        memory = memory_quantity(max(1, int(stated[1]) * _UNITS[(stated[2] or "").lower()]))
        told.remark(PLATFORM, ("redis",), f"maxmemory of {first}")
    elif limit:
        memory = limit
        told.guess(PLATFORM, ("redis", "memory"), memory, f"{first} states no --maxmemory: its memory limit")
    else:
        memory = DEFAULT_MEMORY
        told.guess(PLATFORM, ("redis", "memory"), memory, f"{first} states neither --maxmemory nor a memory limit")
    _say_only_one(workloads, told)
    return {"memory": memory}


def postgres_of(workloads: Sequence[Workload], told: Reasons) -> dict[str, object] | None:
    """`postgres` of platform.yaml from the first of them."""
    if not workloads:
        return None
    first = workloads[0]
    stated = _MAX_CONNECTIONS.search(_arguments(first))
    connections = int(stated[1]) if stated and int(stated[1]) > 0 else DEFAULT_CONNECTIONS
    if stated:
        told.remark(PLATFORM, ("postgres",), f"max_connections of {first}")
    else:
        why = f"PostgreSQL's own default; {first} sets none among its arguments"
        told.guess(PLATFORM, ("postgres", "max_connections"), connections, why)
    _say_only_one(workloads, told)
    return {"max_connections": connections}


def _say_only_one(workloads: Sequence[Workload], told: Reasons) -> None:
    for each in workloads[1:]:
        told.note(f"{each}: left out, platform.yaml describes one server of a kind: {workloads[0].name}")


def _arguments(workload: Workload) -> str:
    parts = [workload.main.get("command"), workload.main.get("args")]
    return " ".join(str(item) for part in parts if isinstance(part, list) for item in part)


def _memory_limit(workload: Workload) -> str | None:
    resources = workload.main.get("resources")
    limits = resources.get("limits") if isinstance(resources, dict) else None
    stated = limits.get("memory") if isinstance(limits, dict) else None
    try:
        return memory_quantity(byte_value(stated)) if isinstance(stated, str | int) and byte_value(stated) > 0 else None
    except ValueError:
        return None

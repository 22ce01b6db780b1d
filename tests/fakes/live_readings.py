"""Readings of a platform of two services, for whoever watches: orders under load, a dashboard that nobody asks for anything."""

from __future__ import annotations

from dataclasses import replace

from scaleproof.spec.platform import Platform
from scaleproof.telemetry.live import DecisionReading, LoadReading, LoadService, Reading, Served, ServiceReading

NOW = 1_790_000_000.0
_RESOURCES = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}}
_SERVICE = {"image": "x", "resources": _RESOURCES, "slo": {"latency_ms": 300, "share": 0.95}}
PLATFORM = Platform.model_validate(
    {
        "version": 1,
        "name": "shop",
        "services": {
            "orders": {**_SERVICE, "routes": ["/orders"]},
            "dashboard": {**_SERVICE, "routes": ["/dashboard"]},
        },
    }
)
GREW = DecisionReading(
    time=NOW - 9,
    current=3,
    desired=4,
    reason="MetricAboveTarget",
    message="3 → 4: a metric is above its target; cpu at 95 % against 80 % recommends 4",
    utilization=95.0,
    target=80.0,
)
ORDERS = ServiceReading(
    ready=3,
    desired=4,
    minimum=1,
    maximum=6,
    held=False,
    states={"ready": 3, "starting": 1},
    request_millicores=100,
    cpu_seconds={"orders-1": 10.0, "orders-2": 8.0, "orders-3": 6.0},
    decision=GREW,
)
DASHBOARD = ServiceReading(ready=1, desired=1, minimum=1, maximum=2, held=False, states={"ready": 1}, request_millicores=100)
SPIKE = LoadReading(
    users=5_012,
    most_users=10_000,
    shape="spike",
    elapsed_s=41.0,
    duration_s=220.0,
    closed_loop=False,
    generator_cores=0.42,
    services={"orders": LoadService(rate=250.0, p95_s=0.184, error_share=0.002, completed=4_000, good=3_844)},
)


def reading(time: float = NOW, *, load: LoadReading | None = SPIKE, **services: ServiceReading) -> Reading:
    """At a moment; `services` instead of the usual ones."""
    return Reading(time, {"orders": ORDERS, "dashboard": DASHBOARD, **services}, load=load)


def busy(seconds: float, cores: float) -> ServiceReading:
    """Orders after so many more seconds in which each of its three replicas used that much."""
    used = {name: before + seconds * cores for name, before in ORDERS.cpu_seconds.items()}
    return replace(ORDERS, cpu_seconds=used)


def served(quick: int, slow: int = 0, *, failures: int = 0, timeouts: int = 0) -> Served:
    """Answers within 100 ms, and between 400 and 500 ms."""
    total = quick + slow
    buckets = [(0.1, quick), (0.4, quick), (0.5, total), (float("inf"), total + timeouts)]
    return Served(buckets, total + timeouts, failures, timeouts)

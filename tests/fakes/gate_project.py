"""A small project with everything that `lint` and `check` read: platform, stack, locustfile, calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from fakes.world import policy, truth
from scaleproof.simulator.calibration import Calibration
from scaleproof.spec.policy import Policy

RESOURCES = {"requests": {"cpu": "150m", "memory": "128Mi"}, "limits": {"cpu": "150m", "memory": "256Mi"}}
SERVICE = {"command": ["true"], "resources": RESOURCES, "drain_seconds": 10}
PLATFORM: dict[str, Any] = {
    "version": 1,
    "name": "fake",
    "services": {
        "orders": {**SERVICE, "routes": ["/orders"], "slo": {"latency_ms": 300, "share": 0.95}, "postgres_connections": 4},
        "dashboard": {**SERVICE, "routes": ["/dashboard"], "calls": ["orders"], "slo": {"latency_ms": 500, "share": 0.95}},
    },
    "postgres": {"max_connections": 100},
    "load": {"locustfile": "locustfile.py", "users": 1200, "shape": "ramp", "think_seconds": [10, 30]},
}
LOCUSTFILE = """\
from locust import task
from scaleproof.load import JourneyUser, serves


class Shopper(JourneyUser):
    @task(4)
    @serves("orders")
    def order(self):
        self.client.get("/orders")

    @task(1)
    @serves("dashboard")
    def look(self):
        self.client.get("/dashboard")
"""
POLICY = policy(orders=(3, 6), dashboard=(2, 3), target=70)


def write_project(
    folder: Path, *, platform: dict[str, Any] | None = None, stack: Policy = POLICY, known: Calibration | None = None
) -> None:
    """1,200 users who act every 20 s: 60 requests/s at the peak, 48 of them to orders, which needs 3 replicas."""
    yaml = YAML()
    yaml.dump(platform or PLATFORM, folder / "platform.yaml")
    document = {"config": {"scaleproof:policy": stack.model_dump(mode="json", by_alias=True, exclude_none=True)}}
    yaml.dump(document, folder / "Pulumi.dev.yaml")
    (folder / "locustfile.py").write_text(LOCUSTFILE)
    (folder / "scaleproof-calibration.json").write_text((known or truth()).model_dump_json())


def dearer(factor: float) -> Calibration:
    """The calibration with dearer requests to orders: each replica holds fewer of them."""
    known = truth()
    orders = known.services["orders"]
    cpu, capacity = orders.cpu_seconds_per_request.value * factor, orders.capacity_per_second.value / factor
    changed = orders.model_copy(
        update={
            "cpu_seconds_per_request": orders.cpu_seconds_per_request.model_copy(
                update={"value": cpu, "low": cpu, "high": cpu}
            ),
            "capacity_per_second": orders.capacity_per_second.model_copy(
                update={"value": capacity, "low": capacity, "high": capacity}
            ),
        }
    )
    return known.model_copy(update={"services": {**known.services, "orders": changed}})

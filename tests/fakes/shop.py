"""A small shop as inputs of the components."""

from __future__ import annotations

from typing import Any

from scaleproof.components.platform_inputs import PlatformInputs
from scaleproof.components.settings import StackSettings
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy

RESOURCES = {"requests": {"cpu": "150m", "memory": "160Mi"}, "limits": {"cpu": "150m", "memory": "256Mi"}}
PLATFORM: dict[str, Any] = {
    "version": 1,
    "name": "shop",
    "services": {
        "orders": {
            "image": "shop/orders",
            "routes": ["/api/v1/orders/", "/api/v2/orders"],
            "setup": ["{python}", "-m", "orders.setup"],
            "resources": RESOURCES,
            "slo": {"latency_ms": 300, "share": 0.95},
        },
        "front-page": {
            "image": "registry.example:5000/front@sha256:0123",
            "port": 9000,
            "routes": ["/api/v1/front"],
            "calls": ["orders"],
            "environment": {"COLOUR": "blue"},
            "resources": RESOURCES,
            "slo": {"latency_ms": 512, "share": 0.99},
            "drain_seconds": 12.5,
            "start_timeout_seconds": 90,
        },
    },
    "gateway": {"port": 8080, "request_timeout_seconds": 7.5},
    "redis": {"memory": "64Mi"},
    "postgres": {"max_connections": 80, "shared_buffers": "128Mi"},
    "load": {"users": 10_000, "think_seconds": [20, 80]},
}
AUTOSCALING: dict[str, Any] = {
    "minReplicas": 1,
    "maxReplicas": 5,
    "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}],
    "behavior": {
        "scaleUp": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}], "tolerance": "0.05"},
        "scaleDown": {"stabilizationWindowSeconds": 60},
    },
}
POLICY: dict[str, Any] = {
    "version": 1,
    "services": {name: {"autoscaling": AUTOSCALING, "resources": RESOURCES} for name in ("orders", "front-page")},
}


class Inputs:
    """Inputs of the shop, with some of the stack's settings."""

    def __call__(
        self,
        *,
        platform: dict[str, Any] | None = None,
        policy: dict[str, Any] | None = None,
        url: bool = False,
        **settings: Any,
    ) -> PlatformInputs:
        return PlatformInputs(
            platform=Platform.model_validate({**PLATFORM, **(platform or {})}),
            policy=Policy.model_validate(policy or POLICY),
            settings=StackSettings.model_validate({"version": 1, "charts": "/charts", "image_tag": "1.2", **settings}),
            stack="dev",
            database_url_given=url,
        )

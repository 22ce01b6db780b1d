"""A policy of one CPU target, within the benchmark's bounds."""

from __future__ import annotations

from typing import Final

from scaleproof.spec.autoscaling import AutoscalingSpec

LEAST: Final = 2
MOST: Final = 50
DEFAULT_TARGET: Final = 80
"""Per cent of the request; what Kubernetes fills in where a policy names no metric."""


def cpu_policy(target: float, *, least: int = LEAST, most: int = MOST) -> AutoscalingSpec:
    """`target`: per cent of the request. Bounds that a peer recommends are narrowed to the benchmark's, never widened."""
    low = min(max(least, LEAST), MOST)
    wanted = {"type": "Utilization", "averageUtilization": max(1, round(target))}
    return AutoscalingSpec.model_validate(
        {
            "minReplicas": low,
            "maxReplicas": min(max(most, low), MOST),
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": wanted}}],
        }
    )

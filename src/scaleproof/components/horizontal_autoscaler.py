"""The policy as a HorizontalPodAutoscaler, or as KEDA's ScaledObject."""

from __future__ import annotations

from scaleproof.components.manifest import Manifest, manifest
from scaleproof.spec.autoscaler_manifest import (
    AUTOSCALER,
    SCALED_OBJECT,
    TAKE_OVER,
    autoscaler_spec,
    prometheus_trigger,
    scaled_object_spec,
)
from scaleproof.spec.autoscaling import AutoscalingSpec


def horizontal_pod_autoscaler(
    name: str, namespace: str, labels: dict[str, str], spec: AutoscalingSpec, *, tolerance: bool
) -> Manifest:
    """`autoscaling/v2` as the policy says it. Without `tolerance` that field is left out: an older cluster would drop it silently."""
    return manifest(*AUTOSCALER, name, namespace, labels, spec=autoscaler_spec(name, spec, tolerance=tolerance))


def scaled_object(
    name: str,
    namespace: str,
    labels: dict[str, str],
    spec: AutoscalingSpec,
    *,
    prometheus_url: str,
    query: str,
    requests_per_replica: float,
    tolerance: bool,
) -> Manifest:
    """KEDA's ScaledObject: the policy's bounds and behaviour, but requests/s a replica as the metric."""
    trigger = prometheus_trigger(prometheus_url, query, f"{requests_per_replica:g}")
    return manifest(
        *SCALED_OBJECT,
        name,
        namespace,
        labels,
        annotations=TAKE_OVER,
        spec=scaled_object_spec(name, spec, [trigger], tolerance=tolerance),
    )


def states_tolerance(spec: AutoscalingSpec) -> bool:
    """Whether the policy wants another tolerance than the controller's 10 %."""
    behavior = spec.behavior
    rules = () if behavior is None else (behavior.scale_up, behavior.scale_down)
    return any(rule is not None and rule.tolerance is not None for rule in rules)

"""The policy as a HorizontalPodAutoscaler, or as KEDA's ScaledObject."""

from __future__ import annotations

from typing import Any

from scaleproof.components.manifest import Manifest, manifest
from scaleproof.spec.autoscaling import AutoscalingSpec

_TARGET = {"apiVersion": "apps/v1", "kind": "Deployment"}


def horizontal_pod_autoscaler(
    name: str, namespace: str, labels: dict[str, str], spec: AutoscalingSpec, *, tolerance: bool
) -> Manifest:
    """`autoscaling/v2` as the policy says it. Without `tolerance` that field is left out: an older cluster would drop it silently."""
    fields = _plain(spec, tolerance=tolerance)
    return manifest(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        name,
        namespace,
        labels,
        spec={"scaleTargetRef": {**_TARGET, "name": name}, **fields},
    )


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
    """KEDA's ScaledObject: the policy's bounds and behaviour, but requests/s a replica as the metric.

    KEDA makes the HPA itself; it gets the service's name, as the ordinary one has. Source: keda.sh, "ScaledObject
    specification" and "Prometheus" scaler.
    """
    fields = _plain(spec, tolerance=tolerance)
    hpa: dict[str, Any] = {"name": name}
    if "behavior" in fields:
        hpa["behavior"] = fields["behavior"]
    trigger = {
        "type": "prometheus",
        "metricType": "AverageValue",
        "metadata": {"serverAddress": prometheus_url, "query": query, "threshold": f"{requests_per_replica:g}"},
    }
    return manifest(
        "keda.sh/v1alpha1",
        "ScaledObject",
        name,
        namespace,
        labels,
        # Where the service had an ordinary HPA until now, KEDA takes it over instead of refusing.
        annotations={"scaledobject.keda.sh/transfer-hpa-ownership": "true"},
        spec={
            "scaleTargetRef": {**_TARGET, "name": name},
            "minReplicaCount": spec.min_replicas,
            "maxReplicaCount": spec.max_replicas,
            "pollingInterval": 15,
            "advanced": {"horizontalPodAutoscalerConfig": hpa},
            "triggers": [trigger],
        },
    )


def states_tolerance(spec: AutoscalingSpec) -> bool:
    """Whether the policy wants another tolerance than the controller's 10 %."""
    behavior = spec.behavior
    rules = () if behavior is None else (behavior.scale_up, behavior.scale_down)
    return any(rule is not None and rule.tolerance is not None for rule in rules)


def _plain(spec: AutoscalingSpec, *, tolerance: bool) -> dict[str, Any]:
    fields: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not fields["metrics"]:
        del fields["metrics"]  # the API server's default then: cpu at 80 %
    if not tolerance:
        for rule in fields.get("behavior", {}).values():
            rule.pop("tolerance", None)
    return fields

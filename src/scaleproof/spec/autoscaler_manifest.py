"""An autoscaling spec as fields of Kubernetes objects: a HorizontalPodAutoscaler's, and those of KEDA's ScaledObject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from scaleproof.spec.autoscaling import AutoscalingSpec

AUTOSCALER: Final = ("autoscaling/v2", "HorizontalPodAutoscaler")
SCALED_OBJECT: Final = ("keda.sh/v1alpha1", "ScaledObject")
TAKE_OVER: Final = {"scaledobject.keda.sh/transfer-hpa-ownership": "true"}
"""Where the service had an ordinary HPA until now, KEDA takes it over instead of refusing."""
_DEPLOYMENT: Final = {"apiVersion": "apps/v1", "kind": "Deployment"}
_POLLING_SECONDS: Final = 15


def scale_target(name: str) -> dict[str, str]:
    """A Deployment as `scaleTargetRef`."""
    return {**_DEPLOYMENT, "name": name}


def autoscaler_spec(name: str, spec: AutoscalingSpec, *, tolerance: bool) -> dict[str, Any]:
    """`HorizontalPodAutoscalerSpec` of the Deployment of that name."""
    return {"scaleTargetRef": scale_target(name), **autoscaler_fields(spec, tolerance=tolerance)}


def autoscaler_fields(spec: AutoscalingSpec, *, tolerance: bool) -> dict[str, Any]:
    """As the policy says it, without `scaleTargetRef`. Without `tolerance` that field is left out: an older cluster would drop it silently."""
    fields: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not fields["metrics"]:
        del fields["metrics"]  # the API server's default then: cpu at 80 %
    if not tolerance:
        for rule in fields.get("behavior", {}).values():
            rule.pop("tolerance", None)
    return fields


def scaled_object_spec(
    name: str, spec: AutoscalingSpec, triggers: Sequence[dict[str, Any]], *, tolerance: bool
) -> dict[str, Any]:
    """`ScaledObjectSpec`: the policy's bounds and behaviour, and what KEDA is to look at instead of the policy's metrics.

    KEDA makes the HPA itself; it gets the service's name, as the ordinary one has. Source: keda.sh, "ScaledObject specification".
    """
    fields = autoscaler_fields(spec, tolerance=tolerance)
    hpa: dict[str, Any] = {"name": name}
    if "behavior" in fields:
        hpa["behavior"] = fields["behavior"]
    return {
        "scaleTargetRef": scale_target(name),
        "minReplicaCount": spec.min_replicas,
        "maxReplicaCount": spec.max_replicas,
        "pollingInterval": _POLLING_SECONDS,
        "advanced": {"horizontalPodAutoscalerConfig": hpa},
        "triggers": list(triggers),
    }


def prometheus_trigger(url: str, query: str, threshold: str, *, metric_type: str = "AverageValue") -> dict[str, Any]:
    """KEDA's trigger on what a Prometheus says of a whole service; `threshold` is for one replica. Source: keda.sh, "Prometheus" scaler."""
    return {
        "type": "prometheus",
        "metricType": metric_type,
        "metadata": {"serverAddress": url, "query": query, "threshold": threshold},
    }

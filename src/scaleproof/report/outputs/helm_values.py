"""The policy as values of a Helm chart that follows the common convention: `autoscaling` and `resources` (`helm create`)."""

from __future__ import annotations

from typing import Any, Final

from scaleproof.report.outputs.destination import Destination, check_names
from scaleproof.report.outputs.output import Output
from scaleproof.report.outputs.yaml_text import to_yaml
from scaleproof.spec.autoscaler_manifest import autoscaler_fields
from scaleproof.spec.autoscaling import AutoscalingSpec, MetricSpec
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.policy import Policy, ServicePolicy

_KEYS: Final = {"cpu": "targetCPUUtilizationPercentage", "memory": "targetMemoryUtilizationPercentage"}
_DEFAULT_CPU: Final = 80


def helm_values(policy: Policy, to: Destination) -> Output:
    """One service's values at the top level; several as an umbrella chart takes them, by the service's name.

    Raises BadInputError where a name is none, or where nothing of a service's metrics can be said: the chart would scale it by something else.
    """
    check_names(policy.services)
    values, notes = {}, []
    for name, service in policy.services.items():
        values[name], lost = _values(name, service, to)
        notes += lost
    if len(values) == 1:
        (document,) = values.values()
    else:
        document = values
        notes.append("Values of an umbrella chart, by sub-chart; --service NAME gives those of one chart.")
    heading = to.heading("helm-values", "null takes a default of the chart's own away.", *notes)
    return Output({"values.yaml": to_yaml(document, heading)}, tuple(notes))


def _values(name: str, service: ServicePolicy, to: Destination) -> tuple[dict[str, Any], list[str]]:
    spec = service.autoscaling
    targets, notes = _targets(name, spec)
    fields = autoscaler_fields(spec, tolerance=to.tolerance)
    autoscaling: dict[str, Any] = {"enabled": True, "minReplicas": spec.min_replicas, "maxReplicas": spec.max_replicas}
    autoscaling |= {key: targets.get(resource) for resource, key in _KEYS.items()}
    autoscaling["behavior"] = fields.get("behavior")
    if autoscaling["behavior"] == {}:
        # Templates leave out what is empty, and without `behavior` the HPA limits rises otherwise: said by one of its defaults.
        autoscaling["behavior"] = {"scaleUp": {"selectPolicy": "Max"}}
    if autoscaling["behavior"] is not None:
        notes.append(
            f"{name}: charts older than this convention ignore `autoscaling.behavior`; see what `helm template` makes."
        )
    notes += to.lost_tolerance(name, spec)
    resources = service.resources.model_dump(mode="json", by_alias=True)
    return {"autoscaling": autoscaling, "resources": resources}, notes


def _targets(name: str, spec: AutoscalingSpec) -> tuple[dict[str, int], list[str]]:
    """Per cent of the request, by resource, and notes on metrics that have no key."""
    if not spec.metrics:
        return {"cpu": _DEFAULT_CPU}, []
    targets: dict[str, int] = {}
    lost = []
    for metric in spec.metrics:
        utilization = None if metric.resource is None else metric.resource.target.average_utilization
        if metric.type != "Resource" or metric.resource is None or utilization is None:
            lost.append(_described(metric))
            continue
        # Of two targets for one resource the lower one decides: the HPA takes the most replicas.
        targets[metric.resource.name] = min(utilization, targets.get(metric.resource.name, utilization))
    if not targets:
        raise BadInputError(
            f"{name}: scales by {', '.join(lost)}, for which these values have no key",
            hint="use --format hpa, kustomize or keda; a chart's values know per cent of the CPU and memory request only",
        )
    return targets, [f"{name}: the metric {metric} is left out, these values have no key for it." for metric in lost]


def _described(metric: MetricSpec) -> str:
    """Such as `Pods requests`."""
    source = metric.resource or metric.container_resource
    if source is not None:
        return f"{metric.type} {source.name} ({source.target.type})"
    other = metric.pods or metric.object or metric.external
    return metric.type if other is None else f"{metric.type} {other.metric.name}"

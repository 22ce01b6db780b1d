"""The policy as KEDA's ScaledObjects. KEDA makes an HPA of each: same bounds, same behaviour, its triggers as metrics.

Sources: keda.sh, "ScaledObject specification", "CPU", "Memory" and "Prometheus" scalers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scaleproof.report.outputs.destination import Destination, check_names, resources_note
from scaleproof.report.outputs.effective_autoscaler import DEFAULT_METRIC
from scaleproof.report.outputs.output import Output
from scaleproof.report.outputs.yaml_text import to_yaml
from scaleproof.spec.autoscaler_manifest import SCALED_OBJECT, TAKE_OVER, prometheus_trigger, scaled_object_spec
from scaleproof.spec.autoscaling import (
    AutoscalingSpec,
    ContainerResourceMetricSource,
    MetricSpec,
    MetricTarget,
    ResourceMetricSource,
)
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.policy import Policy
from scaleproof.spec.quantity import parse_quantity

Trigger = dict[str, Any]


@dataclass(frozen=True)
class RequestRate:
    """Where KEDA reads the requests/s of a whole service."""

    url: str
    query: str


@dataclass(frozen=True)
class KedaChoice:
    """What the policy itself does not say."""

    rates: Mapping[str, RequestRate] = field(default_factory=dict)
    """By service: for metrics other than CPU and memory, which KEDA asks a Prometheus for."""
    requests_per_replica: Mapping[str, float] = field(default_factory=dict)
    """By service: requests/s that one replica should serve, instead of the policy's metrics."""


def keda(policy: Policy, to: Destination, choice: KedaChoice) -> Output:
    """One ScaledObject a service, for the Deployment of its name.

    Raises BadInputError where a name is none, or where a metric needs a Prometheus that `choice` does not name.
    """
    check_names(policy.services)
    files, all_notes = {}, []
    for name, service in policy.services.items():
        spec, rate = service.autoscaling, choice.rates.get(name)
        wanted = choice.requests_per_replica.get(name)
        triggers, notes = triggers_of(name, spec, rate) if wanted is None else ([_by_requests(name, rate, wanted)], [])
        if spec.min_replicas == 0 and all(trigger["type"] in {"cpu", "memory"} for trigger in triggers):
            spec = spec.model_copy(update={"min_replicas": 1})
            notes.append(f"{name}: minReplicaCount is 1, not 0: nothing but CPU and memory wakes it up, and KEDA refuses that.")
        notes += [resources_note(name, service), *to.lost_tolerance(name, spec)]
        document = to.manifest(
            *SCALED_OBJECT, name, annotations=TAKE_OVER, spec=scaled_object_spec(name, spec, triggers, tolerance=to.tolerance)
        )
        files[f"{name}-scaledobject.yaml"] = to_yaml(document, to.heading("keda", *notes))
        all_notes += notes
    return Output(files, tuple(all_notes))


def triggers_of(name: str, spec: AutoscalingSpec, rate: RequestRate | None) -> tuple[list[Trigger], list[str]]:
    """One a metric, and notes on them."""
    found: list[Trigger] = []
    notes: list[str] = []
    for metric in spec.metrics or [MetricSpec.model_validate(DEFAULT_METRIC)]:
        source = metric.resource or metric.container_resource
        if source is not None:
            found.append(_of_resource(source))
            continue
        if any(trigger["type"] == "prometheus" for trigger in found):
            raise BadInputError(
                f"{name}: scales by several metrics beside CPU and memory; one query cannot answer for all of them",
                hint="write the ScaledObject by hand, or leave one metric in the policy",
            )
        other = metric.pods or metric.object or metric.external
        assert other is not None  # MetricSpec's own rule
        found.append(_of_prometheus(name, other.target, rate, f"the metric {other.metric.name}"))
        notes.append(f"{name}: the query must be the metric {other.metric.name} added up over all replicas.")
    return found, notes


def _of_resource(source: ResourceMetricSource | ContainerResourceMetricSource) -> Trigger:
    target = source.target
    value = target.average_utilization if target.type == "Utilization" else target.average_value
    metadata = {"value": str(value)}
    if isinstance(source, ContainerResourceMetricSource):
        metadata["containerName"] = source.container
    return {"type": source.name, "metricType": target.type, "metadata": metadata}


def _of_prometheus(name: str, target: MetricTarget, rate: RequestRate | None, what: str) -> Trigger:
    known = _known(name, rate, what)
    kind, value = ("AverageValue", target.average_value) if target.average_value is not None else ("Value", target.value)
    threshold = format(parse_quantity(value or 0).normalize(), "f")
    return prometheus_trigger(known.url, known.query, threshold, metric_type=kind)


def _by_requests(name: str, rate: RequestRate | None, per_replica: float) -> Trigger:
    known = _known(name, rate, "requests/s")
    return prometheus_trigger(known.url, known.query, f"{per_replica:g}")


def _known(name: str, rate: RequestRate | None, what: str) -> RequestRate:
    if rate is None:
        raise BadInputError(
            f"{name}: scales by {what}, which KEDA asks a Prometheus for",
            hint="--prometheus URL --query 'sum(rate(http_requests_total{service=\"{service}\"}[1m]))': {service} is its name",
        )
    return rate

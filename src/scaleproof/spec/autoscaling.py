"""`autoscaling/v2` as Kubernetes defines it, without the parts that name the scaled object.

Source: k8s.io/api/autoscaling/v2/types.go. The cluster's own defaults are applied by `scaleproof.hpa`, not here: a
missing `behavior` is not the same as `behavior: {}`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from scaleproof.spec.model import KubernetesModel
from scaleproof.spec.quantity import parse_quantity


def _is_quantity(value: str | float) -> str:
    parse_quantity(value)
    return str(value)


Quantity = Annotated[str | int | float, AfterValidator(_is_quantity)]


class LabelSelector(KubernetesModel):
    """`metav1.LabelSelector`: carried through, never evaluated here."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[dict[str, object]] | None = None


class MetricIdentifier(KubernetesModel):
    """`MetricIdentifier`: a metric's name and, optionally, a selector."""

    name: str
    selector: LabelSelector | None = None


class CrossVersionObjectReference(KubernetesModel):
    """`CrossVersionObjectReference`: the object that an Object metric describes."""

    api_version: str | None = None
    kind: str
    name: str


class MetricTarget(KubernetesModel):
    """`MetricTarget`: exactly one of the three values, as `type` says."""

    type: Literal["Utilization", "AverageValue", "Value"]
    average_utilization: Annotated[int, Field(gt=0)] | None = None
    average_value: Quantity | None = None
    value: Quantity | None = None

    @model_validator(mode="after")
    def _value_matches_type(self) -> Self:
        needed = {
            "Utilization": ("averageUtilization", self.average_utilization),
            "AverageValue": ("averageValue", self.average_value),
            "Value": ("value", self.value),
        }[self.type]
        if needed[1] is None:
            msg = f"a target of type {self.type} needs {needed[0]}"
            raise ValueError(msg)
        return self


class ResourceMetricSource(KubernetesModel):
    """`ResourceMetricSource`: cpu or memory of all containers of a pod."""

    name: Literal["cpu", "memory"]
    target: MetricTarget


class ContainerResourceMetricSource(KubernetesModel):
    """`ContainerResourceMetricSource`: cpu or memory of one container."""

    name: Literal["cpu", "memory"]
    container: str
    target: MetricTarget


class PodsMetricSource(KubernetesModel):
    """`PodsMetricSource`: a metric averaged over pods, such as requests per second."""

    metric: MetricIdentifier
    target: MetricTarget


class ObjectMetricSource(KubernetesModel):
    """`ObjectMetricSource`: a metric that describes one object."""

    metric: MetricIdentifier
    target: MetricTarget
    described_object: CrossVersionObjectReference


class ExternalMetricSource(KubernetesModel):
    """`ExternalMetricSource`: a metric from outside the cluster."""

    metric: MetricIdentifier
    target: MetricTarget


class MetricSpec(KubernetesModel):
    """`MetricSpec`: one metric the autoscaler looks at."""

    type: Literal["Resource", "ContainerResource", "Pods", "Object", "External"]
    resource: ResourceMetricSource | None = None
    container_resource: ContainerResourceMetricSource | None = None
    pods: PodsMetricSource | None = None
    object: ObjectMetricSource | None = None
    external: ExternalMetricSource | None = None

    @model_validator(mode="after")
    def _source_matches_type(self) -> Self:
        name = self.type[0].lower() + self.type[1:]
        sources = {
            "resource": self.resource,
            "containerResource": self.container_resource,
            "pods": self.pods,
            "object": self.object,
            "external": self.external,
        }
        if sources[name] is None:
            msg = f"a metric of type {self.type} needs the field {name}"
            raise ValueError(msg)
        return self


class HPAScalingPolicy(KubernetesModel):
    """`HPAScalingPolicy`: at most `value` pods or per cent within `period_seconds`."""

    type: Literal["Pods", "Percent"]
    value: Annotated[int, Field(gt=0)]
    period_seconds: Annotated[int, Field(gt=0, le=1800)]


class HPAScalingRules(KubernetesModel):
    """`HPAScalingRules`: one direction's stabilisation and policies."""

    stabilization_window_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    select_policy: Literal["Max", "Min", "Disabled"] | None = None
    policies: list[HPAScalingPolicy] | None = None
    tolerance: Quantity | None = None


class HorizontalPodAutoscalerBehavior(KubernetesModel):
    """`HorizontalPodAutoscalerBehavior`: both directions."""

    scale_up: HPAScalingRules | None = None
    scale_down: HPAScalingRules | None = None


class AutoscalingSpec(KubernetesModel):
    """`HorizontalPodAutoscalerSpec` without `scaleTargetRef`: what a policy says per service."""

    min_replicas: Annotated[int, Field(ge=0)] = 1
    max_replicas: Annotated[int, Field(ge=1)]
    metrics: list[MetricSpec] = Field(default_factory=list)
    behavior: HorizontalPodAutoscalerBehavior | None = None

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_replicas > self.max_replicas:
            msg = f"minReplicas {self.min_replicas} is greater than maxReplicas {self.max_replicas}"
            raise ValueError(msg)
        return self

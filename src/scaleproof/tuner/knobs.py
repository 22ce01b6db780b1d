"""The knobs of one service's policy that a search turns, and their translation from and to `autoscaling/v2`. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

from scaleproof.spec.autoscaling import (
    AutoscalingSpec,
    HorizontalPodAutoscalerBehavior,
    HPAScalingPolicy,
    HPAScalingRules,
    MetricSpec,
)
from scaleproof.spec.policy import Policy, ServicePolicy

Rules = tuple[tuple[str, int, int], ...]
"""(type, value, period seconds) of every scaling policy."""

DEFAULT_DOWN_WINDOW_SECONDS: Final = 300
UP_RULES: Final[tuple[Rules | None, ...]] = (None, (("Percent", 900, 15),), (("Pods", 1, 15),), (("Pods", 2, 30),))
DOWN_RULES: Final[tuple[Rules | None, ...]] = (None, (("Pods", 1, 15),), (("Pods", 1, 30),), (("Percent", 50, 30),))
UP_WINDOWS: Final[tuple[int | None, ...]] = (None, 15, 30, 60)
DOWN_WINDOWS: Final[tuple[int, ...]] = (0, 15, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600)


@dataclass(frozen=True)
class Knobs:
    """What the tuner may change of one service. None is Kubernetes' default."""

    minimum: int
    maximum: int
    target: int | None
    """averageUtilization of the CPU; None where the service scales on something else, which is then left alone."""
    up_rules: Rules | None = None
    up_window: int | None = None
    down_rules: Rules | None = None
    down_window: int | None = None

    @classmethod
    def of(cls, spec: AutoscalingSpec) -> Self:
        """The knobs' positions in that spec."""
        up = spec.behavior.scale_up if spec.behavior is not None else None
        down = spec.behavior.scale_down if spec.behavior is not None else None
        metric = _cpu_utilization(spec)
        target = metric.resource.target.average_utilization if metric is not None and metric.resource is not None else None
        return cls(
            minimum=spec.min_replicas,
            maximum=spec.max_replicas,
            target=target,
            up_rules=_rules_of(up),
            up_window=up.stabilization_window_seconds if up is not None else None,
            down_rules=_rules_of(down),
            down_window=down.stabilization_window_seconds if down is not None else None,
        )

    def turned(self, **changes: object) -> Self:
        """A copy with these knobs changed; minimum stays within maximum."""
        turned = replace(self, **changes)  # type: ignore[arg-type]  # dataclasses.replace checks the names
        return turned if turned.minimum <= turned.maximum else replace(turned, minimum=turned.maximum)

    def applied_to(self, spec: AutoscalingSpec) -> AutoscalingSpec:
        """That spec with the knobs in these positions; what they do not cover stays, what does not change keeps its form."""
        if Knobs.of(spec) == self:
            return spec
        metrics = spec.metrics
        old = _cpu_utilization(spec)
        if old is not None and old.resource is not None and self.target is not None:
            goal = old.resource.target.model_copy(update={"average_utilization": self.target})
            new = old.model_copy(update={"resource": old.resource.model_copy(update={"target": goal})})
            metrics = [new if metric is old else metric for metric in spec.metrics]
        behavior = spec.behavior
        up = _changed_rules(behavior.scale_up if behavior else None, self.up_rules, self.up_window)
        down = _changed_rules(behavior.scale_down if behavior else None, self.down_rules, self.down_window)
        return spec.model_copy(
            update={
                "min_replicas": self.minimum,
                "max_replicas": self.maximum,
                "metrics": metrics,
                "behavior": None
                if up is None and down is None
                else HorizontalPodAutoscalerBehavior(scale_up=up, scale_down=down),
            }
        )

    @property
    def down_window_seconds(self) -> int:
        """The window that is in force."""
        return DEFAULT_DOWN_WINDOW_SECONDS if self.down_window is None else self.down_window

    def set_fields(self) -> int:
        """How many optional fields are set: fewer is simpler."""
        return sum(value is not None for value in (self.up_rules, self.up_window, self.down_rules, self.down_window))


def with_knobs(policy: Policy, knobs: dict[str, Knobs]) -> Policy:
    """The policy with these services' knobs turned."""
    services: dict[str, ServicePolicy] = {}
    for name, service in policy.services.items():
        if name in knobs:
            spec = knobs[name].applied_to(service.autoscaling)
            services[name] = service if spec is service.autoscaling else service.model_copy(update={"autoscaling": spec})
        else:
            services[name] = service
    return policy.model_copy(update={"services": services})


def label_of(policy: Policy) -> str:
    """`orders 2-5 at 95 %, down 30 s; dashboard 1-2 at 80 %`."""
    return "; ".join(f"{name} {_describe(Knobs.of(service.autoscaling))}" for name, service in policy.services.items())


def describe_rules(rules: Rules | None) -> str:
    """`1 pod per 30 s`; `Kubernetes' default` for None."""
    if rules is None:
        return "Kubernetes' default"
    words = {"Pods": "pods", "Percent": "%"}
    return " or ".join(f"{value} {words.get(kind, kind)} per {period} s" for kind, value, period in rules)


def _describe(knobs: Knobs) -> str:
    text = f"{knobs.minimum}-{knobs.maximum}"
    if knobs.target is not None:
        text += f" at {knobs.target} %"
    if knobs.down_window is not None:
        text += f", down after {knobs.down_window} s"
    if knobs.down_rules is not None:
        text += f" by {describe_rules(knobs.down_rules)}"
    if knobs.up_window is not None:
        text += f", up after {knobs.up_window} s"
    if knobs.up_rules is not None:
        text += f", up by {describe_rules(knobs.up_rules)}"
    return text


def _cpu_utilization(spec: AutoscalingSpec) -> MetricSpec | None:
    """The metric that the target knob turns: CPU utilisation, if it is the only metric."""
    if len(spec.metrics) != 1:
        return None
    metric = spec.metrics[0]
    if metric.resource is None or metric.resource.name != "cpu" or metric.resource.target.type != "Utilization":
        return None
    return metric


def _rules_of(rules: HPAScalingRules | None) -> Rules | None:
    if rules is None or not rules.policies:
        return None
    return tuple((policy.type, policy.value, policy.period_seconds) for policy in rules.policies)


def _changed_rules(old: HPAScalingRules | None, rules: Rules | None, window: int | None) -> HPAScalingRules | None:
    policies = None
    if rules is not None:
        policies = [
            HPAScalingPolicy.model_validate({"type": kind, "value": value, "periodSeconds": period})
            for kind, value, period in rules
        ]
    base = old if old is not None else HPAScalingRules()
    changed = base.model_copy(update={"policies": policies, "stabilization_window_seconds": window})
    return None if changed == HPAScalingRules() else changed

"""A HorizontalPodAutoscaler's spec as the algorithm reads it: defaults filled in, quantities as numbers.

Source: pkg/apis/autoscaling/v2/defaults.go (SetDefaults_HorizontalPodAutoscaler) and validation/validation.go. Read without
pydantic: a batch reads ten thousand of them in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from scaleproof.hpa.behavior import PERCENT_POLICY, PODS_POLICY, SELECT_DISABLED, SELECT_MAX, SELECT_MIN
from scaleproof.hpa.field import FieldError, choice, mapping, objects, parsed, required_mapping, text, whole
from scaleproof.hpa.quantities import NANOSECONDS, approximate_float, milli_value

METRIC_TYPES: Final = ("Resource", "ContainerResource", "Pods", "Object", "External")
TARGET_TYPES: Final = ("Utilization", "AverageValue", "Value")
_SELECT: Final = {"Max": SELECT_MAX, "Min": SELECT_MIN, "Disabled": SELECT_DISABLED}
_POLICY: Final = {"Pods": PODS_POLICY, "Percent": PERCENT_POLICY}
_LONGEST_WINDOW_SECONDS: Final = 3600
_LONGEST_PERIOD_SECONDS: Final = 1800


@dataclass(frozen=True, slots=True)
class ScalingRules:
    """`HPAScalingRules` with defaults; policies as parallel lists. Times in nanoseconds, the window None where unset."""

    stabilization_window: int | None
    select_policy: int
    policy_types: list[int]
    policy_values: list[int]
    policy_periods: list[int]
    tolerance: float | None


@dataclass(frozen=True, slots=True)
class Metric:
    """`MetricSpec`: values in thousandths, None where unset. `name` is the resource's or the metric's."""

    type: str
    name: str
    target_type: str
    average_utilization: int | None
    average_value: int | None
    value: int | None
    container: str = ""
    selector: dict[str, Any] | None = None
    described_kind: str = ""
    described_name: str = ""

    @property
    def title(self) -> str:
        """What a person calls it."""
        if self.type == "ContainerResource":
            return f"{self.name} of container {self.container}"
        if self.type == "Object":
            return f"{self.name} of {self.described_kind} {self.described_name}"
        return self.name


@dataclass(frozen=True, slots=True)
class HorizontalSpec:
    """`HorizontalPodAutoscalerSpec` with defaults. Without `behavior` both rules are None: other limits apply then."""

    min_replicas: int
    max_replicas: int
    metrics: tuple[Metric, ...]
    scale_up: ScalingRules | None
    scale_down: ScalingRules | None

    @property
    def scales_to_zero(self) -> bool:
        """`hasObjectOrExternalMetrics`."""
        return any(metric.type in ("Object", "External") for metric in self.metrics)


def read_horizontal_spec(spec: dict[str, Any], path: str) -> HorizontalSpec:
    """The spec with the API server's defaults. Raises FieldError where the API server would refuse it."""
    min_replicas = whole(spec, "minReplicas", path, default=1)
    max_replicas = whole(spec, "maxReplicas", path, least=1)
    if min_replicas > max_replicas:
        raise FieldError(f"{path}.maxReplicas", f"at least minReplicas {min_replicas}", max_replicas)
    metrics = tuple(
        _read_metric(metric, f"{path}.metrics[{i}]") for i, metric in enumerate(objects(spec, "metrics", path))
    ) or (Metric("Resource", "cpu", "Utilization", 80, None, None),)
    up = down = None
    if spec.get("behavior") is not None:
        behavior = mapping(spec, "behavior", path)
        up = _read_rules(behavior, "scaleUp", f"{path}.behavior", DEFAULT_SCALE_UP)
        down = _read_rules(behavior, "scaleDown", f"{path}.behavior", DEFAULT_SCALE_DOWN)
    return HorizontalSpec(min_replicas, max_replicas, metrics, up, down)


# GenerateHPAScaleUpRules and GenerateHPAScaleDownRules
DEFAULT_SCALE_UP: Final = ScalingRules(
    0, SELECT_MAX, [PODS_POLICY, PERCENT_POLICY], [4, 100], [15 * NANOSECONDS, 15 * NANOSECONDS], None
)
DEFAULT_SCALE_DOWN: Final = ScalingRules(None, SELECT_MAX, [PERCENT_POLICY], [100], [15 * NANOSECONDS], None)


def _read_rules(behavior: dict[str, Any], side: str, path: str, defaults: ScalingRules) -> ScalingRules:
    if behavior.get(side) is None:
        return defaults
    rules = mapping(behavior, side, path)
    path = f"{path}.{side}"
    window = defaults.stabilization_window
    if rules.get("stabilizationWindowSeconds") is not None:
        window = whole(rules, "stabilizationWindowSeconds", path, most=_LONGEST_WINDOW_SECONDS) * NANOSECONDS
    tolerance = None
    if rules.get("tolerance") is not None:
        tolerance = parsed(rules["tolerance"], f"{path}.tolerance", "a quantity of at least 0", approximate_float)
        if tolerance < 0:
            raise FieldError(f"{path}.tolerance", "a quantity of at least 0", rules["tolerance"])
    types, values, periods = defaults.policy_types, defaults.policy_values, defaults.policy_periods
    if rules.get("policies") is not None:
        policies = objects(rules, "policies", path)
        if not policies:
            raise FieldError(f"{path}.policies", "at least one policy", policies)
        at = [f"{path}.policies[{i}]" for i in range(len(policies))]
        types = [_POLICY[choice(p, "type", a, tuple(_POLICY))] for p, a in zip(policies, at, strict=True)]
        values = [whole(p, "value", a, least=1) for p, a in zip(policies, at, strict=True)]
        periods = [
            whole(p, "periodSeconds", a, least=1, most=_LONGEST_PERIOD_SECONDS) * NANOSECONDS
            for p, a in zip(policies, at, strict=True)
        ]
    select = _SELECT[choice(rules, "selectPolicy", path, tuple(_SELECT), default="Max")]
    return ScalingRules(window, select, types, values, periods, tolerance)


def _read_metric(metric: dict[str, Any], path: str) -> Metric:
    kind = choice(metric, "type", path, METRIC_TYPES)
    key = kind[0].lower() + kind[1:]
    source = required_mapping(metric, key, path)
    path = f"{path}.{key}"
    target = required_mapping(source, "target", path)
    target_path = f"{path}.target"
    target_type = choice(target, "type", target_path, TARGET_TYPES)
    average_utilization = None
    if target.get("averageUtilization") is not None:
        average_utilization = whole(target, "averageUtilization", target_path, least=1)
    average_value = _target_value(target, "averageValue", target_path)
    value = _target_value(target, "value", target_path)
    if kind in ("Resource", "ContainerResource"):
        if (average_utilization is None) == (average_value is None):
            raise FieldError(target_path, "either averageUtilization or averageValue", target)
        container = text(source, "container", path) if kind == "ContainerResource" else ""
        name = text(source, "name", path)
        return Metric(kind, name, target_type, average_utilization, average_value, value, container)
    if kind == "Pods" and average_value is None:
        raise FieldError(f"{target_path}.averageValue", "a positive quantity", None)
    if kind in ("Object", "External") and average_value is None and value is None:
        raise FieldError(target_path, "value or averageValue", target)
    if kind == "External" and average_value is not None and value is not None:
        raise FieldError(target_path, "value or averageValue, not both", target)
    identifier = required_mapping(source, "metric", path)
    described_kind = described_name = ""
    if kind == "Object":
        described = required_mapping(source, "describedObject", path)
        described_kind = text(described, "kind", f"{path}.describedObject")
        described_name = text(described, "name", f"{path}.describedObject")
    return Metric(
        kind,
        text(identifier, "name", f"{path}.metric"),
        target_type,
        average_utilization,
        average_value,
        value,
        "",
        mapping(identifier, "selector", f"{path}.metric") or None,
        described_kind,
        described_name,
    )


def _target_value(target: dict[str, Any], key: str, path: str) -> int | None:
    if target.get(key) is None:
        return None
    value = parsed(target[key], f"{path}.{key}", "a positive quantity", milli_value)
    if value <= 0:
        raise FieldError(f"{path}.{key}", "a positive quantity", target[key])
    return value

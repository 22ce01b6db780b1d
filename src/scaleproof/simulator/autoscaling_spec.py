"""An `autoscaling/v2` spec as the arrays that the kernel reads, with Kubernetes' own defaults filled in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.behavior import PERCENT_POLICY, PODS_POLICY, SELECT_DISABLED, SELECT_MAX, SELECT_MIN
from scaleproof.simulator import autoscaling
from scaleproof.spec.autoscaling import AutoscalingSpec, HPAScalingPolicy, HPAScalingRules, MetricSpec
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.quantity import milli_value, parse_quantity

DEFAULT_TARGET_PERCENT: Final = 80
DEFAULT_TOLERANCE: Final = 0.1
DEFAULT_DOWN_WINDOW_SECONDS: Final = 300
CPU_INITIALIZATION_SECONDS: Final = 300.0
READINESS_DELAY_SECONDS: Final = 30.0

_UP_POLICIES: Final = [
    HPAScalingPolicy(type="Pods", value=4, period_seconds=15),
    HPAScalingPolicy(type="Percent", value=100, period_seconds=15),
]
_DOWN_POLICIES: Final = [HPAScalingPolicy(type="Percent", value=100, period_seconds=15)]
_SELECT: Final = {None: SELECT_MAX, "Max": SELECT_MAX, "Min": SELECT_MIN, "Disabled": SELECT_DISABLED}


@dataclass(frozen=True)
class PackedSpec:
    """The columns are named in `autoscaling`."""

    ints: NDArray[np.int64]
    floats: NDArray[np.float64]
    rules: NDArray[np.int64]
    metrics: NDArray[np.int64]


def pack(spec: AutoscalingSpec, request_millicores: int, *, sync_seconds: float, service: str = "") -> PackedSpec:
    """Raises BadInputError for a metric that the simulator does not know (only CPU and requests per replica are simulated).

    Defaults: SetDefaults_HorizontalPodAutoscaler and GenerateHPAScaleUpRules / GenerateHPAScaleDownRules of
    k8s.io/kubernetes/pkg/apis/autoscaling/v2/defaults.go; a missing `behavior` stays missing.
    """
    up = (spec.behavior.scale_up if spec.behavior else None) or HPAScalingRules()
    down = (spec.behavior.scale_down if spec.behavior else None) or HPAScalingRules()
    up_window = float(up.stabilization_window_seconds or 0)
    down_window = float(
        DEFAULT_DOWN_WINDOW_SECONDS if down.stabilization_window_seconds is None else down.stabilization_window_seconds
    )
    up_policies = up.policies or _UP_POLICIES
    down_policies = down.policies or _DOWN_POLICIES
    longest = max(up_window, down_window, *(float(policy.period_seconds) for policy in (*up_policies, *down_policies)))
    ints = np.zeros(autoscaling.INTS, np.int64)
    metrics = [_metric(metric, service) for metric in spec.metrics] or [(autoscaling.CPU_UTILIZATION, DEFAULT_TARGET_PERCENT)]
    ints[autoscaling.METRIC] = len(metrics)
    ints[autoscaling.MIN_REPLICAS] = spec.min_replicas
    ints[autoscaling.MAX_REPLICAS] = spec.max_replicas
    ints[autoscaling.HAS_BEHAVIOR] = spec.behavior is not None
    ints[autoscaling.UP_RULES] = len(up_policies)
    ints[autoscaling.UP_SELECT] = _SELECT[up.select_policy]
    ints[autoscaling.DOWN_SELECT] = _SELECT[down.select_policy]
    ints[autoscaling.ROOM] = math.ceil(longest / sync_seconds) + 4
    ints[autoscaling.REQUEST_MILLI] = request_millicores
    floats = np.zeros(autoscaling.FLOATS)
    floats[autoscaling.UP_WINDOW] = up_window
    floats[autoscaling.DOWN_WINDOW] = down_window
    floats[autoscaling.UP_TOLERANCE] = _tolerance(up)
    floats[autoscaling.DOWN_TOLERANCE] = _tolerance(down)
    floats[autoscaling.CPU_INITIALIZATION] = CPU_INITIALIZATION_SECONDS
    floats[autoscaling.READINESS_DELAY] = READINESS_DELAY_SECONDS
    rules = np.array([_rule(policy) for policy in (*up_policies, *down_policies)], np.int64)
    return PackedSpec(ints, floats, rules, np.array(metrics, np.int64))


def held(replicas: int) -> PackedSpec:
    """A fixed number of replicas: nothing is ever decided."""
    ints = np.zeros(autoscaling.INTS, np.int64)
    ints[autoscaling.METRIC] = autoscaling.METRIC_NONE
    ints[autoscaling.MIN_REPLICAS] = ints[autoscaling.MAX_REPLICAS] = replicas
    ints[autoscaling.ROOM] = 1
    return PackedSpec(ints, np.zeros(autoscaling.FLOATS), np.zeros((1, 3), np.int64), np.zeros((1, 2), np.int64))


def _rule(policy: HPAScalingPolicy) -> tuple[int, int, int]:
    return (PODS_POLICY if policy.type == "Pods" else PERCENT_POLICY, policy.value, policy.period_seconds)


def _tolerance(rules: HPAScalingRules) -> float:
    return DEFAULT_TOLERANCE if rules.tolerance is None else float(parse_quantity(rules.tolerance))


def _metric(metric: MetricSpec, service: str) -> tuple[int, int]:
    if metric.resource is not None and metric.resource.name == "cpu":
        target = metric.resource.target
        if target.average_utilization is not None:
            return autoscaling.CPU_UTILIZATION, target.average_utilization
        if target.average_value is not None:
            return autoscaling.CPU_AVERAGE_VALUE, milli_value(target.average_value)
    if metric.pods is not None and metric.pods.target.average_value is not None:
        return autoscaling.REQUESTS_AVERAGE_VALUE, milli_value(metric.pods.target.average_value)
    where = f"services.{service}.autoscaling.metrics" if service else "metrics"
    raise BadInputError(
        f"{where}: a metric of type {metric.type} cannot be simulated: expected Resource cpu, or Pods with requests per replica",
        hint="simulate and tune need CPU or requests per replica; the autoscaler itself knows every type",
    )

"""An `autoscaling/v2` spec as the arrays that the kernel reads. Kubernetes' defaults are filled in by scaleproof.hpa."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.horizontal_spec import Metric, read_horizontal_spec
from scaleproof.hpa.quantities import NANOSECONDS
from scaleproof.hpa.reconcile import DEFAULT_OPTIONS
from scaleproof.simulator import autoscaling
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import BadInputError


@dataclass(frozen=True)
class PackedSpec:
    """The columns are named in `autoscaling`."""

    ints: NDArray[np.int64]
    floats: NDArray[np.float64]
    rules: NDArray[np.int64]
    metrics: NDArray[np.int64]


def pack(spec: AutoscalingSpec, request_millicores: int, *, sync_seconds: float, service: str = "") -> PackedSpec:
    """Raises BadInputError for a metric that the simulator does not know (only CPU and requests per replica are simulated)."""
    where = f"services.{service}.autoscaling" if service else "autoscaling"
    known = read_horizontal_spec(spec.model_dump(mode="json", by_alias=True, exclude_none=True), where)
    metrics = [_metric(metric, where) for metric in known.metrics]
    options = DEFAULT_OPTIONS
    up, down = known.scale_up, known.scale_down
    up_window = 0 if up is None or up.stabilization_window is None else up.stabilization_window
    down_window = options.downscale_stabilization if down is None else down.stabilization_window
    if down_window is None:
        down_window = options.downscale_stabilization
    rules = [
        (kind, value, period // NANOSECONDS)
        for side in (up, down)
        if side is not None
        for kind, value, period in zip(side.policy_types, side.policy_values, side.policy_periods, strict=True)
    ]
    longest_seconds = max(up_window / NANOSECONDS, down_window / NANOSECONDS, *(period for _, _, period in rules), 0)
    ints = np.zeros(autoscaling.INTS, np.int64)
    ints[autoscaling.METRIC] = len(metrics)
    ints[autoscaling.MIN_REPLICAS] = known.min_replicas
    ints[autoscaling.MAX_REPLICAS] = known.max_replicas
    ints[autoscaling.HAS_BEHAVIOR] = up is not None and down is not None
    ints[autoscaling.UP_RULES] = 0 if up is None else len(up.policy_types)
    ints[autoscaling.UP_SELECT] = 0 if up is None else up.select_policy
    ints[autoscaling.DOWN_SELECT] = 0 if down is None else down.select_policy
    ints[autoscaling.ROOM] = math.ceil(longest_seconds / sync_seconds) + 4
    ints[autoscaling.REQUEST_MILLI] = request_millicores
    floats = np.zeros(autoscaling.FLOATS)
    floats[autoscaling.UP_WINDOW] = up_window / NANOSECONDS
    floats[autoscaling.DOWN_WINDOW] = down_window / NANOSECONDS
    floats[autoscaling.UP_TOLERANCE] = options.tolerance if up is None or up.tolerance is None else up.tolerance
    floats[autoscaling.DOWN_TOLERANCE] = options.tolerance if down is None or down.tolerance is None else down.tolerance
    floats[autoscaling.CPU_INITIALIZATION] = options.cpu_initialization_period / NANOSECONDS
    floats[autoscaling.READINESS_DELAY] = options.initial_readiness_delay / NANOSECONDS
    return PackedSpec(ints, floats, np.array(rules or [(0, 0, 0)], np.int64), np.array(metrics, np.int64))


def held(replicas: int) -> PackedSpec:
    """A fixed number of replicas: nothing is ever decided."""
    ints = np.zeros(autoscaling.INTS, np.int64)
    ints[autoscaling.METRIC] = autoscaling.METRIC_NONE
    ints[autoscaling.MIN_REPLICAS] = ints[autoscaling.MAX_REPLICAS] = replicas
    ints[autoscaling.ROOM] = 1
    return PackedSpec(ints, np.zeros(autoscaling.FLOATS), np.zeros((1, 3), np.int64), np.zeros((1, 2), np.int64))


def _metric(metric: Metric, where: str) -> tuple[int, int]:
    if metric.type == "Resource" and metric.name == "cpu":
        if metric.average_utilization is not None:
            return autoscaling.CPU_UTILIZATION, metric.average_utilization
        if metric.average_value is not None:
            return autoscaling.CPU_AVERAGE_VALUE, metric.average_value
    if metric.type == "Pods" and metric.average_value is not None:
        return autoscaling.REQUESTS_AVERAGE_VALUE, metric.average_value
    raise BadInputError(
        f"{where}.metrics: {metric.type} {metric.title} cannot be simulated: "
        "expected Resource cpu, or Pods (taken for requests/s of a replica)",
        hint="simulate and tune know CPU and requests per replica; the autoscaler itself knows every type",
    )

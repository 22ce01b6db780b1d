"""Metrics to replicas: upstream's replica_calculator.go and metrics/utilization.go, function by function.

Usage, requests and targets are in thousandths (`Quantity.MilliValue`); counts and per cent are whole. Times and durations
share one unit, whichever the caller has: int64 nanoseconds in `controller`, float64 seconds in the simulator. Sequences are
lists or arrays, one entry a pod. Totals beyond int64 are not supported (upstream's wrap around).
"""

from __future__ import annotations

import math
from typing import Final

from scaleproof.hpa.compiled import jitable
from scaleproof.hpa.go_numbers import INT32_MAX, INT64_MAX, ceil_int32, ceil_int64, quotient, ratio, wrap_int32
from scaleproof.hpa.reasons import (
    COUNT_AGAINST_DIRECTION,
    DIRECTION_FLIPPED,
    FROM_ZERO,
    NO_METRICS,
    NO_REQUESTS,
    OFF_TARGET,
    OFF_TARGET_AFTER_FILL_IN,
    WITHIN_TOLERANCE,
    WITHIN_TOLERANCE_AFTER_FILL_IN,
)
from scaleproof.hpa.vector import Vector

# Phases of a pod.
PENDING: Final = 0
RUNNING: Final = 1
SUCCEEDED: Final = 2
FAILED: Final = 3
UNKNOWN: Final = 4

# The pod's Ready condition; NO_CONDITION also where the pod has no start time.
NO_CONDITION: Final = -1
NOT_READY: Final = 0
IS_READY: Final = 1
READINESS_UNKNOWN: Final = 2

# Groups that `group_pods` tells apart.
READY: Final = 0
UNREADY: Final = 1
MISSING: Final = 2
IGNORED: Final = 3


@jitable
def is_within(usage_ratio: float, tolerance_down: float, tolerance_up: float) -> bool:
    """`Tolerances.isWithin`: inclusive on both sides."""
    return (1.0 - tolerance_down) <= usage_ratio <= (1.0 + tolerance_up)


@jitable
def group_pods(
    is_cpu: bool,  # noqa: FBT001  # a kernel's scalar
    now: float,
    cpu_initialization_period: float,
    delay_of_initial_readiness_status: float,
    phases: Vector,
    deleting: Vector,
    start_times: Vector,
    readiness: Vector,
    ready_transition_times: Vector,
    sampled: Vector,
    sample_times: Vector,
    sample_windows: Vector,
    groups: Vector,
) -> int:
    """`groupPods`: writes READY, UNREADY, MISSING or IGNORED into `groups`; the number of ready pods is returned.

    `is_cpu` is true for Resource and ContainerResource metrics named cpu: only there do readiness and start-up count.
    """
    ready_pod_count = 0
    for i in range(len(phases)):
        if deleting[i] or phases[i] == FAILED:
            groups[i] = IGNORED
        elif phases[i] == PENDING:
            groups[i] = UNREADY
        elif not sampled[i]:
            groups[i] = MISSING
        elif is_cpu and _cpu_unready(
            now,
            cpu_initialization_period,
            delay_of_initial_readiness_status,
            start_times[i],
            readiness[i],
            ready_transition_times[i],
            sample_times[i],
            sample_windows[i],
        ):
            groups[i] = UNREADY
        else:
            groups[i] = READY
            ready_pod_count += 1
    return ready_pod_count


@jitable
def _cpu_unready(
    now: float,
    cpu_initialization_period: float,
    delay_of_initial_readiness_status: float,
    start_time: float,
    readiness: int,
    ready_transition_time: float,
    sample_time: float,
    sample_window: float,
) -> bool:
    if readiness == NO_CONDITION:
        return True
    if start_time + cpu_initialization_period > now:
        return readiness == NOT_READY or sample_time < ready_transition_time + sample_window
    return readiness == NOT_READY and start_time + delay_of_initial_readiness_status > ready_transition_time


@jitable
def get_resource_replicas(  # noqa: C901  # upstream's own shape, for reading side by side
    current_replicas: int,
    target_utilization: int,
    tolerance_down: float,
    tolerance_up: float,
    groups: Vector,
    usage: Vector,
    requests: Vector,
    stray_samples: int,
) -> tuple[int, int, int, float, float, int]:
    """`GetResourceReplicas`: a target in per cent of the request.

    `usage` is read for READY pods only. `stray_samples`: samples of pods that the selector does not match (0 in the
    simulator); upstream counts them. Returns (replicas, utilisation in per cent, mean usage in thousandths, usage ratio, the
    ratio after fill-ins or NaN, reason). Reasons NO_METRICS and NO_REQUESTS are errors: the replicas are then 0.
    """
    usage_total = 0
    requests_total = 0
    ready = 0
    unready = 0
    missing = 0
    for i in range(len(groups)):
        if groups[i] == READY:
            usage_total += usage[i]
            requests_total += requests[i]
            ready += 1
        elif groups[i] == UNREADY:
            unready += 1
        elif groups[i] == MISSING:
            missing += 1
    if ready + stray_samples == 0:
        return 0, 0, 0, math.nan, math.nan, NO_METRICS
    if requests_total == 0:
        return 0, 0, 0, math.nan, math.nan, NO_REQUESTS
    utilization = wrap_int32(quotient(usage_total * 100, requests_total))
    mean_usage = quotient(usage_total, ready)
    usage_ratio = utilization / target_utilization

    scale_up_with_unready = unready > 0 and usage_ratio > 1.0
    if not scale_up_with_unready and missing == 0:
        if is_within(usage_ratio, tolerance_down, tolerance_up):
            return current_replicas, utilization, mean_usage, usage_ratio, math.nan, WITHIN_TOLERANCE
        return ceil_int32(usage_ratio * ready), utilization, mean_usage, usage_ratio, math.nan, OFF_TARGET

    considered = ready + stray_samples
    for i in range(len(groups)):
        if groups[i] == MISSING and usage_ratio < 1.0:
            usage_total += quotient(requests[i] * max(100, target_utilization), 100)
            requests_total += requests[i]
            considered += 1
        elif (groups[i] == MISSING and usage_ratio > 1.0) or (groups[i] == UNREADY and scale_up_with_unready):
            requests_total += requests[i]
            considered += 1
    # Only a negative request could make the new total zero; API validation refuses those.
    new_usage_ratio = wrap_int32(quotient(usage_total * 100, requests_total)) / target_utilization
    replicas, reason = replicas_after_fill_in(
        current_replicas, usage_ratio, new_usage_ratio, considered, tolerance_down, tolerance_up
    )
    return replicas, utilization, mean_usage, usage_ratio, new_usage_ratio, reason


@jitable
def calc_plain_metric_replicas(  # noqa: C901  # as above
    current_replicas: int,
    target_usage: int,
    tolerance_down: float,
    tolerance_up: float,
    groups: Vector,
    usage: Vector,
    stray_samples: int,
    stray_usage: int,
) -> tuple[int, int, float, float, int]:
    """`calcPlainMetricReplicas`, behind `GetRawResourceReplicas` and `GetMetricReplicas`: an AverageValue target.

    `stray_samples` and `stray_usage`: number and total of samples of pods that the selector does not match. Returns
    (replicas, mean usage in thousandths, usage ratio, the ratio after fill-ins or NaN, reason). The reason NO_METRICS is an
    error: the replicas are then 0.
    """
    usage_total = stray_usage
    ready = 0
    unready = 0
    missing = 0
    for i in range(len(groups)):
        if groups[i] == READY:
            usage_total += usage[i]
            ready += 1
        elif groups[i] == UNREADY:
            unready += 1
        elif groups[i] == MISSING:
            missing += 1
    considered = ready + stray_samples
    if considered == 0:
        return 0, 0, math.nan, math.nan, NO_METRICS
    mean_usage = quotient(usage_total, considered)
    usage_ratio = mean_usage / target_usage

    scale_up_with_unready = unready > 0 and usage_ratio > 1.0
    if not scale_up_with_unready and missing == 0:
        if is_within(usage_ratio, tolerance_down, tolerance_up):
            return current_replicas, mean_usage, usage_ratio, math.nan, WITHIN_TOLERANCE
        return ceil_int32(usage_ratio * ready), mean_usage, usage_ratio, math.nan, OFF_TARGET

    if usage_ratio < 1.0:
        usage_total += missing * target_usage
        considered += missing
    elif usage_ratio > 1.0:
        considered += missing
    if scale_up_with_unready:
        considered += unready
    new_usage_ratio = quotient(usage_total, considered) / target_usage
    replicas, reason = replicas_after_fill_in(
        current_replicas, usage_ratio, new_usage_ratio, considered, tolerance_down, tolerance_up
    )
    return replicas, mean_usage, usage_ratio, new_usage_ratio, reason


@jitable
def replicas_after_fill_in(
    current_replicas: int,
    usage_ratio: float,
    new_usage_ratio: float,
    considered: int,
    tolerance_down: float,
    tolerance_up: float,
) -> tuple[int, int]:
    """(Replicas, reason) where pods without a usable sample were counted in: the second half of upstream's functions."""
    if is_within(new_usage_ratio, tolerance_down, tolerance_up):
        return current_replicas, WITHIN_TOLERANCE_AFTER_FILL_IN
    if (usage_ratio < 1.0 and new_usage_ratio > 1.0) or (usage_ratio > 1.0 and new_usage_ratio < 1.0):
        return current_replicas, DIRECTION_FLIPPED
    new_replicas = ceil_int32(new_usage_ratio * considered)
    if (new_usage_ratio < 1.0 and new_replicas > current_replicas) or (
        new_usage_ratio > 1.0 and new_replicas < current_replicas
    ):
        return current_replicas, COUNT_AGAINST_DIRECTION
    return new_replicas, OFF_TARGET_AFTER_FILL_IN


@jitable
def get_ready_pods_count(phases: Vector, readiness: Vector) -> int:
    """`getReadyPodsCount`: Running and Ready, deleting or not. Here `readiness` must not depend on the start time."""
    count = 0
    for i in range(len(phases)):
        if phases[i] == RUNNING and readiness[i] == IS_READY:
            count += 1
    return count


@jitable
def get_usage_ratio_replica_count(
    current_replicas: int, usage_ratio: float, tolerance_down: float, tolerance_up: float, ready_pod_count: int
) -> tuple[int, int]:
    """`getUsageRatioReplicaCount`, for Object and External metrics with a Value target. Returns (replicas, reason)."""
    if current_replicas == 0:
        return ceil_int32(usage_ratio), FROM_ZERO
    if is_within(usage_ratio, tolerance_down, tolerance_up):
        return current_replicas, WITHIN_TOLERANCE
    replicas = usage_ratio * ready_pod_count
    if replicas > float(INT32_MAX):
        return INT32_MAX, OFF_TARGET
    return ceil_int32(replicas), OFF_TARGET


@jitable
def get_object_per_pod_metric_replicas(
    status_replicas: int, target_average_usage: int, usage: int, tolerance_down: float, tolerance_up: float
) -> tuple[int, int, float, int]:
    """`GetObjectPerPodMetricReplicas`: (replicas, usage a replica, usage ratio, reason)."""
    replicas = status_replicas
    reason = WITHIN_TOLERANCE
    usage_ratio = ratio(float(usage), float(target_average_usage) * float(status_replicas))
    if not is_within(usage_ratio, tolerance_down, tolerance_up):
        replicas = ceil_int32(float(usage) / float(target_average_usage))
        reason = OFF_TARGET
    return replicas, ceil_int64(ratio(float(usage), float(status_replicas))), usage_ratio, reason


@jitable
def get_external_per_pod_metric_replicas(
    status_replicas: int, target_usage_per_pod: int, usage: int, tolerance_down: float, tolerance_up: float
) -> tuple[int, int, float, int]:
    """`GetExternalPerPodMetricReplicas`, of an already added-up `usage`: (replicas, usage a replica, usage ratio, reason)."""
    replicas = status_replicas
    reason = WITHIN_TOLERANCE
    usage_ratio = ratio(float(usage), float(target_usage_per_pod) * float(status_replicas))
    if not is_within(usage_ratio, tolerance_down, tolerance_up):
        wanted = float(usage) / float(target_usage_per_pod)
        replicas = INT32_MAX if wanted > float(INT32_MAX) else ceil_int32(wanted)
        reason = OFF_TARGET
    if float(usage) >= float(INT64_MAX):
        return replicas, INT64_MAX, usage_ratio, reason
    return replicas, ceil_int64(ratio(float(usage), float(status_replicas))), usage_ratio, reason


def add_external_values(values: list[int]) -> int:
    """The sum in `GetExternalMetricReplicas`: capped at the greatest int64."""
    total = 0
    for value in values:
        if value > 0 and total > INT64_MAX - value:
            return INT64_MAX
        total += value
    return total


def add_external_values_per_pod(values: list[int]) -> int:
    """The sum in `GetExternalPerPodMetricReplicas`: a negative running total is taken for an overflow, also where it is none."""
    total = 0
    for value in values:
        total += value
        if total < 0 or total > INT64_MAX:
            return INT64_MAX
    return total

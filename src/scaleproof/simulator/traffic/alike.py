"""The replica calculator where all pods request the same: the same rules on counts and a sum instead of one entry a pod.

`scaleproof.hpa.replica_calculator` is upstream's own shape; here the loops over pods are gone, which is what makes a day of
decisions take a millisecond. A property test holds both equal.
"""

from __future__ import annotations

from scaleproof.hpa.compiled import kernel
from scaleproof.hpa.go_numbers import ceil_int32, wrap_int32
from scaleproof.hpa.reasons import NO_METRICS, OFF_TARGET, WITHIN_TOLERANCE
from scaleproof.hpa.replica_calculator import is_within, replicas_after_fill_in


@kernel
def replicas_for_utilization(
    current: int,
    target: int,
    tolerance_down: float,
    tolerance_up: float,
    ready: int,
    unready: int,
    missing: int,
    usage: int,
    request: int,
) -> tuple[int, int]:
    """`GetResourceReplicas`: (replicas, reason), all `ready` pods using `usage`, each requesting `request` thousandths."""
    if ready == 0:
        return 0, NO_METRICS
    ratio = wrap_int32(usage * 100 // (ready * request)) / target
    filled_up = unready > 0 and ratio > 1.0
    if not filled_up and missing == 0:
        if is_within(ratio, tolerance_down, tolerance_up):
            return current, WITHIN_TOLERANCE
        return ceil_int32(ratio * ready), OFF_TARGET
    considered = ready
    if missing > 0 and ratio < 1.0:
        usage += missing * (request * max(100, target) // 100)
        considered += missing
    elif ratio > 1.0:
        considered += missing
    if filled_up:
        considered += unready
    filled_ratio = wrap_int32(usage * 100 // (considered * request)) / target
    return replicas_after_fill_in(current, ratio, filled_ratio, considered, tolerance_down, tolerance_up)


@kernel
def replicas_for_value(
    current: int,
    target: int,
    tolerance_down: float,
    tolerance_up: float,
    ready: int,
    unready: int,
    missing: int,
    usage: int,
) -> tuple[int, int]:
    """`GetRawResourceReplicas`, `GetMetricReplicas` of an AverageValue: (replicas, reason); `usage` of all `ready` in thousandths."""
    if ready == 0:
        return 0, NO_METRICS
    ratio = (usage // ready) / target
    filled_up = unready > 0 and ratio > 1.0
    if not filled_up and missing == 0:
        if is_within(ratio, tolerance_down, tolerance_up):
            return current, WITHIN_TOLERANCE
        return ceil_int32(ratio * ready), OFF_TARGET
    considered = ready
    if ratio < 1.0:
        usage += missing * target
        considered += missing
    elif ratio > 1.0:
        considered += missing
    if filled_up:
        considered += unready
    return replicas_after_fill_in(current, ratio, (usage // considered) / target, considered, tolerance_down, tolerance_up)


@kernel
def replicas_for_schedule(current: int, wanted: int, tolerance_down: float, tolerance_up: float) -> int:
    """`GetExternalPerPodMetricReplicas` of a KEDA cron trigger, whose value is `wanted` and whose target is 1 a replica."""
    return current if is_within(wanted / current, tolerance_down, tolerance_up) else wanted

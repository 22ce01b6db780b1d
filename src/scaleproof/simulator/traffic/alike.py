"""The replica calculator where all counted pods are alike: the same rules on counts instead of one entry a pod.

`scaleproof.hpa.replica_calculator` is upstream's own shape; here the loops over pods are gone, which is what makes a day of
decisions take a millisecond. A property test holds both equal.
"""

from __future__ import annotations

from scaleproof.hpa.compiled import jitable, kernel
from scaleproof.hpa.reasons import NO_METRICS, OFF_TARGET, WITHIN_TOLERANCE
from scaleproof.hpa.replica_calculator import is_within, replicas_after_fill_in


@jitable
def _ceil(value: float) -> int:
    """The smallest whole number that is not below a value of at least 0."""
    whole = int(value)
    return whole + 1 if whole < value else whole


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
    """`GetResourceReplicas`: (replicas, reason), every ready pod using `usage` of `request` millicores."""
    if ready == 0:
        return 0, NO_METRICS
    ratio = (usage * 100 // request) / target
    filled_up = unready > 0 and ratio > 1.0
    if not filled_up and missing == 0:
        if is_within(ratio, tolerance_down, tolerance_up):
            return current, WITHIN_TOLERANCE
        return _ceil(ratio * ready), OFF_TARGET
    used = ready * usage
    considered = ready
    if missing > 0 and ratio < 1.0:
        used += missing * (request * max(100, target) // 100)
        considered += missing
    elif ratio > 1.0:
        considered += missing
    if filled_up:
        considered += unready
    filled_ratio = (used * 100 // (considered * request)) / target
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
        return _ceil(ratio * ready), OFF_TARGET
    considered = ready
    if ratio < 1.0:
        usage += missing * target
        considered += missing
    elif ratio > 1.0:
        considered += missing
    if filled_up:
        considered += unready
    return replicas_after_fill_in(current, ratio, (usage // considered) / target, considered, tolerance_down, tolerance_up)

"""From a raw recommendation to the count: bounds and limits, upstream's horizontal.go, function by function.

Times, windows and policy periods share one unit, whichever the caller has: int64 nanoseconds in `controller`, float64
seconds in the simulator. Recommendations and scale events are preallocated sequences plus a count.
"""

from __future__ import annotations

from typing import Final

from scaleproof.hpa.compiled import jitable
from scaleproof.hpa.go_numbers import ceil_int32, truncate_int32, wrap_int32
from scaleproof.hpa.reasons import (
    ABOVE_MAX_REPLICAS,
    BELOW_MIN_REPLICAS,
    DESIRED_WITHIN_RANGE,
    READY_FOR_NEW_SCALE,
    SCALE_DOWN_LIMIT,
    SCALE_DOWN_STABILIZED,
    SCALE_UP_LIMIT,
    TOO_FEW_REPLICAS,
    TOO_MANY_REPLICAS,
)
from scaleproof.hpa.scale_events import get_replicas_change_per_period
from scaleproof.hpa.stabilization import stabilize_recommendation, stabilize_recommendation_with_behaviors
from scaleproof.hpa.vector import Vector

# HPAScalingPolicy.type
PODS_POLICY: Final = 0
PERCENT_POLICY: Final = 1

# HPAScalingRules.selectPolicy
SELECT_MAX: Final = 0
SELECT_MIN: Final = 1
SELECT_DISABLED: Final = 2


@jitable
def bound_replicas(current_replicas: int, min_replicas: int, max_replicas: int) -> tuple[int, int]:
    """The first step of `reconcileAutoscaler`: (bound, reason) outside [min, max], (current, 0) inside.

    Outside, metrics, stabilisation and policies are skipped and no recommendation is recorded. Zero replicas are the
    caller's to decide first (ScalingDisabled).
    """
    if current_replicas > max_replicas:
        return max_replicas, ABOVE_MAX_REPLICAS
    if current_replicas < min_replicas:
        return min_replicas, BELOW_MIN_REPLICAS
    return current_replicas, 0


@jitable
def calculate_scale_up_limit(current_replicas: int) -> int:
    """`calculateScaleUpLimit`, without behavior: twice the count, at least 4."""
    return max(2 * current_replicas, 4)


@jitable
def convert_desired_replicas_with_rules(
    current_replicas: int, desired_replicas: int, min_replicas: int, max_replicas: int
) -> tuple[int, int]:
    """`convertDesiredReplicasWithRules`, without behavior: (replicas, reason)."""
    scale_up_limit = calculate_scale_up_limit(current_replicas)
    if desired_replicas < min_replicas:
        return min_replicas, TOO_FEW_REPLICAS
    if max_replicas > scale_up_limit:
        if desired_replicas > scale_up_limit:
            return scale_up_limit, SCALE_UP_LIMIT
    elif desired_replicas > max_replicas:
        return max_replicas, TOO_MANY_REPLICAS
    return desired_replicas, DESIRED_WITHIN_RANGE


@jitable
def normalize_desired_replicas(
    now: float,
    current_replicas: int,
    desired_replicas: int,
    min_replicas: int,
    max_replicas: int,
    downscale_stabilization_window: float,
    recommendations: Vector,
    recommendation_times: Vector,
    recommendation_count: int,
) -> tuple[int, int, int, int, int]:
    """`normalizeDesiredReplicas`, where `behavior` is absent.

    Returns (replicas, stabilised recommendation, reason of AbleToScale, reason of ScalingLimited, new count of
    recommendations).
    """
    stabilized, count = stabilize_recommendation(
        now,
        downscale_stabilization_window,
        desired_replicas,
        recommendations,
        recommendation_times,
        recommendation_count,
    )
    able = READY_FOR_NEW_SCALE if stabilized == desired_replicas else SCALE_DOWN_STABILIZED
    replicas, limited = convert_desired_replicas_with_rules(current_replicas, stabilized, min_replicas, max_replicas)
    return replicas, stabilized, able, limited, count


@jitable
def _period_start_replicas(
    now: float,
    current_replicas: int,
    period: float,
    up_changes: Vector,
    up_times: Vector,
    up_count: int,
    down_changes: Vector,
    down_times: Vector,
    down_count: int,
) -> int:
    added = get_replicas_change_per_period(now, period, up_changes, up_times, up_count)
    deleted = get_replicas_change_per_period(now, period, down_changes, down_times, down_count)
    return wrap_int32(current_replicas - added + deleted)


@jitable
def calculate_scale_up_limit_with_scaling_rules(
    now: float,
    current_replicas: int,
    up_changes: Vector,
    up_times: Vector,
    up_count: int,
    down_changes: Vector,
    down_times: Vector,
    down_count: int,
    select_policy: int,
    policy_types: Vector,
    policy_values: Vector,
    policy_periods: Vector,
) -> int:
    """`calculateScaleUpLimitWithScalingRules`: the most replicas the up policies allow. A per cent rounds up."""
    if select_policy == SELECT_DISABLED:
        return current_replicas
    result = 2147483647 if select_policy == SELECT_MIN else -2147483648
    for i in range(len(policy_types)):
        start = _period_start_replicas(
            now, current_replicas, policy_periods[i], up_changes, up_times, up_count, down_changes, down_times, down_count
        )
        if policy_types[i] == PODS_POLICY:
            proposed = wrap_int32(start + policy_values[i])
        else:
            proposed = ceil_int32(float(start) * (1 + float(policy_values[i]) / 100))
        result = min(result, proposed) if select_policy == SELECT_MIN else max(result, proposed)
    return result


@jitable
def calculate_scale_down_limit_with_behaviors(
    now: float,
    current_replicas: int,
    up_changes: Vector,
    up_times: Vector,
    up_count: int,
    down_changes: Vector,
    down_times: Vector,
    down_count: int,
    select_policy: int,
    policy_types: Vector,
    policy_values: Vector,
    policy_periods: Vector,
) -> int:
    """`calculateScaleDownLimitWithBehaviors`: the fewest replicas the down policies allow. A per cent truncates."""
    if select_policy == SELECT_DISABLED:
        return current_replicas
    result = -2147483648 if select_policy == SELECT_MIN else 2147483647
    for i in range(len(policy_types)):
        start = _period_start_replicas(
            now, current_replicas, policy_periods[i], up_changes, up_times, up_count, down_changes, down_times, down_count
        )
        if policy_types[i] == PODS_POLICY:
            proposed = wrap_int32(start - policy_values[i])
        else:
            proposed = truncate_int32(float(start) * (1 - float(policy_values[i]) / 100))
        result = max(result, proposed) if select_policy == SELECT_MIN else min(result, proposed)
    return result


@jitable
def convert_desired_replicas_with_behavior_rate(
    now: float,
    current_replicas: int,
    desired_replicas: int,
    min_replicas: int,
    max_replicas: int,
    up_select: int,
    up_types: Vector,
    up_values: Vector,
    up_periods: Vector,
    down_select: int,
    down_types: Vector,
    down_values: Vector,
    down_periods: Vector,
    up_changes: Vector,
    up_times: Vector,
    up_count: int,
    down_changes: Vector,
    down_times: Vector,
    down_count: int,
) -> tuple[int, int]:
    """`convertDesiredReplicasWithBehaviorRate`: (replicas, reason) of an already stabilised recommendation."""
    if desired_replicas > current_replicas:
        limit = calculate_scale_up_limit_with_scaling_rules(
            now, current_replicas, up_changes, up_times, up_count, down_changes, down_times, down_count,
            up_select, up_types, up_values, up_periods,
        )  # fmt: skip
        limit = max(limit, current_replicas)
        if max_replicas > limit:
            if desired_replicas > limit:
                return limit, SCALE_UP_LIMIT
        elif desired_replicas > max_replicas:
            return max_replicas, TOO_MANY_REPLICAS
    elif desired_replicas < current_replicas:
        limit = calculate_scale_down_limit_with_behaviors(
            now, current_replicas, up_changes, up_times, up_count, down_changes, down_times, down_count,
            down_select, down_types, down_values, down_periods,
        )  # fmt: skip
        limit = min(limit, current_replicas)
        if min_replicas < limit:
            if desired_replicas < limit:
                return limit, SCALE_DOWN_LIMIT
        elif desired_replicas < min_replicas:
            return min_replicas, TOO_FEW_REPLICAS
    return desired_replicas, DESIRED_WITHIN_RANGE


@jitable
def normalize_desired_replicas_with_behaviors(
    now: float,
    current_replicas: int,
    desired_replicas: int,
    min_replicas: int,
    max_replicas: int,
    up_window: float,
    up_select: int,
    up_types: Vector,
    up_values: Vector,
    up_periods: Vector,
    down_window: float,
    down_select: int,
    down_types: Vector,
    down_values: Vector,
    down_periods: Vector,
    recommendations: Vector,
    recommendation_times: Vector,
    recommendation_count: int,
    up_changes: Vector,
    up_times: Vector,
    up_count: int,
    down_changes: Vector,
    down_times: Vector,
    down_count: int,
) -> tuple[int, int, int, int, int]:
    """`normalizeDesiredReplicasWithBehaviors`, where `behavior` is present (with defaults filled in): stabilise, then limit.

    Returns (replicas, stabilised recommendation, reason of AbleToScale, reason of ScalingLimited, new count of
    recommendations).
    """
    stabilized, reason, count = stabilize_recommendation_with_behaviors(
        now,
        current_replicas,
        desired_replicas,
        up_window,
        down_window,
        recommendations,
        recommendation_times,
        recommendation_count,
    )
    able = READY_FOR_NEW_SCALE if stabilized == desired_replicas else reason
    replicas, limited = convert_desired_replicas_with_behavior_rate(
        now, current_replicas, stabilized, min_replicas, max_replicas,
        up_select, up_types, up_values, up_periods, down_select, down_types, down_values, down_periods,
        up_changes, up_times, up_count, down_changes, down_times, down_count,
    )  # fmt: skip
    return replicas, stabilized, able, limited, count

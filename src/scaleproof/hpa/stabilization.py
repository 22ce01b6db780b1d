"""Recommendations of the recent past: upstream's horizontal.go, function by function.

Recommendations are preallocated sequences plus a count (upstream's slice); slots are reused exactly as upstream reuses them.
A function that stores returns the new count; the caller keeps room for one more entry. Times and windows share one unit.
"""

from __future__ import annotations

from scaleproof.hpa.compiled import jitable
from scaleproof.hpa.reasons import SCALE_DOWN_STABILIZED, SCALE_UP_STABILIZED
from scaleproof.hpa.vector import Vector


@jitable
def record(
    slot: int,
    value: int,
    now: float,
    values: Vector,
    times: Vector,
    count: int,
) -> int:
    """Put `value` into `slot` (the count itself appends). Returns the new count."""
    if slot >= len(values):
        raise IndexError("no room for another entry: preallocate one more than can be within a window")
    values[slot] = value
    times[slot] = now
    return max(count, slot + 1)


@jitable
def stabilize_recommendation(
    now: float,
    downscale_stabilization_window: float,
    desired_replicas: int,
    recommendations: Vector,
    recommendation_times: Vector,
    recommendation_count: int,
) -> tuple[int, int]:
    """`stabilizeRecommendation`, without behavior: (highest recommendation of the window, new count of recommendations)."""
    highest = desired_replicas
    slot = recommendation_count
    cutoff = now - downscale_stabilization_window
    for i in range(recommendation_count):
        if recommendation_times[i] < cutoff:
            slot = i
        elif recommendations[i] > highest:
            highest = recommendations[i]
    return highest, record(slot, desired_replicas, now, recommendations, recommendation_times, recommendation_count)


@jitable
def stabilize_recommendation_with_behaviors(
    now: float,
    current_replicas: int,
    desired_replicas: int,
    up_window: float,
    down_window: float,
    recommendations: Vector,
    recommendation_times: Vector,
    recommendation_count: int,
) -> tuple[int, int, int]:
    """`stabilizeRecommendationWithBehaviors`: (stabilised recommendation, reason, new count of recommendations).

    The reason is upstream's wording for the direction, whether or not the recommendation was changed.
    """
    lowest = desired_replicas
    highest = desired_replicas
    up_cutoff = now - up_window
    down_cutoff = now - down_window
    slot = recommendation_count
    for i in range(recommendation_count):
        if recommendation_times[i] > up_cutoff:
            lowest = min(recommendations[i], lowest)
        if recommendation_times[i] > down_cutoff:
            highest = max(recommendations[i], highest)
        if recommendation_times[i] < up_cutoff and recommendation_times[i] < down_cutoff:
            slot = i
    stabilized = current_replicas
    if stabilized < lowest:  # noqa: PLR1730  # upstream's own shape, for reading side by side
        stabilized = lowest
    if stabilized > highest:  # noqa: PLR1730  # as above
        stabilized = highest
    count = record(slot, desired_replicas, now, recommendations, recommendation_times, recommendation_count)
    reason = SCALE_UP_STABILIZED if desired_replicas >= current_replicas else SCALE_DOWN_STABILIZED
    return stabilized, reason, count

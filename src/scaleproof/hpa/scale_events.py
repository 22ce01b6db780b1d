"""Scale events of the recent past: upstream's horizontal.go, function by function.

Events are preallocated sequences plus a count (upstream's slice). Times and periods share one unit. An event exactly as old
as a period has left it.
"""

from __future__ import annotations

from scaleproof.hpa.compiled import jitable
from scaleproof.hpa.go_numbers import wrap_int32
from scaleproof.hpa.stabilization import record
from scaleproof.hpa.vector import Vector


@jitable
def get_replicas_change_per_period(now: float, period: float, changes: Vector, times: Vector, count: int) -> int:
    """`getReplicasChangePerPeriod`: replicas changed by the events younger than `period`."""
    cutoff = now - period
    replicas = 0
    for i in range(count):
        if times[i] > cutoff:
            replicas += changes[i]
    return wrap_int32(replicas)


@jitable
def get_longest_policy_period(policy_periods: Vector) -> float:
    """`getLongestPolicyPeriod`: the longest period of one direction's policies."""
    longest: float = policy_periods[0]
    for i in range(1, len(policy_periods)):
        longest = max(longest, policy_periods[i])
    return longest


@jitable
def mark_scale_events_outdated(now: float, longest_policy_period: float, times: Vector, outdated: Vector, count: int) -> None:
    """`markScaleEventsOutdated`: marks slots for reuse; their events still count in the other direction's longer periods."""
    cutoff = now - longest_policy_period
    for i in range(count):
        if times[i] < cutoff:
            outdated[i] = True


@jitable
def store_scale_event(
    now: float,
    replica_change: int,
    longest_policy_period: float,
    changes: Vector,
    times: Vector,
    outdated: Vector,
    count: int,
) -> int:
    """`storeScaleEvent` for one direction, only where `behavior` is present. `replica_change` > 0. Returns the new count.

    `longest_policy_period` is of the event's own direction: the last outdated slot is reused, even while the other
    direction's longer period would still count its event.
    """
    mark_scale_events_outdated(now, longest_policy_period, times, outdated, count)
    slot = count
    for i in range(count):
        if outdated[i]:
            slot = i
    new_count = record(slot, replica_change, now, changes, times, count)
    outdated[slot] = False
    return new_count

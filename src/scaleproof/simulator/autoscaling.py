"""The autoscaler inside the kernel: replicas and samples in, a decision out. Every rule is scaleproof.hpa's own function."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa import reasons
from scaleproof.hpa.behavior import (
    bound_replicas,
    normalize_desired_replicas,
    normalize_desired_replicas_with_behaviors,
)
from scaleproof.hpa.compiled import kernel
from scaleproof.hpa.replica_calculator import (
    IS_READY,
    NOT_READY,
    RUNNING,
    calc_plain_metric_replicas,
    get_resource_replicas,
    group_pods,
)
from scaleproof.hpa.scale_events import get_longest_policy_period, store_scale_event
from scaleproof.hpa.stabilization import record
from scaleproof.simulator import layout
from scaleproof.simulator.layout import Slots
from scaleproof.simulator.pods import is_counted

# Columns of `ints`.
METRIC: Final = 0  # METRIC_NONE: the count is held; otherwise the number of rows of `metrics`
MIN_REPLICAS: Final = 1
MAX_REPLICAS: Final = 2
HAS_BEHAVIOR: Final = 3
UP_RULES: Final = 4  # number of up policies, which come first in `rules`
UP_SELECT: Final = 5
DOWN_SELECT: Final = 6
ROOM: Final = 7  # entries that recommendations and scale events may need
REQUEST_MILLI: Final = 8
INTS: Final = 9
METRIC_NONE: Final = 0

# Columns of `floats`.
UP_WINDOW: Final = 0
DOWN_WINDOW: Final = 1
UP_TOLERANCE: Final = 2
DOWN_TOLERANCE: Final = 3
CPU_INITIALIZATION: Final = 4
READINESS_DELAY: Final = 5
FLOATS: Final = 6

# Columns of `rules` (a policy a row) and `metrics` (a metric a row).
RULE_TYPE: Final = 0
RULE_VALUE: Final = 1
RULE_PERIOD: Final = 2
METRIC_KIND: Final = 0
METRIC_TARGET: Final = 1  # per cent, or thousandths
CPU_UTILIZATION: Final = 0
CPU_AVERAGE_VALUE: Final = 1
REQUESTS_AVERAGE_VALUE: Final = 2

# Rows of the memory.
_RECOMMENDATIONS: Final = 0
_UP: Final = 1
_DOWN: Final = 2

Memory = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]
"""What the controller remembers: values, times and outdated flags of recommendations, up and down events; their counts."""


@kernel
def new_memory(ints: NDArray[np.int64]) -> Memory:
    """Nothing remembered."""
    room = ints[ROOM]
    return np.zeros((3, room), np.int64), np.zeros((3, room)), np.zeros((3, room), np.bool_), np.zeros(3, np.int64)


@kernel
def propose(
    now: float,
    current: int,
    kind: int,
    target: int,
    slots: Slots,
    ints: NDArray[np.int64],
    floats: NDArray[np.float64],
) -> tuple[int, float, int]:
    """One metric's proposal: (replicas, utilisation in per cent or mean value, reason). Draining replicas are not counted."""
    count = 0
    for slot in range(slots.state.shape[0]):
        count += is_counted(slots.state[slot, layout.STATE])
    phases = np.full(count, RUNNING)
    deleting = np.zeros(count, np.bool_)
    started = np.zeros(count)
    readiness = np.zeros(count, np.int64)
    changed = np.zeros(count)
    sampled = np.zeros(count, np.bool_)
    sampled_at = np.zeros(count)
    windows = np.zeros(count)
    usage = np.zeros(count, np.int64)
    requests = np.full(count, ints[REQUEST_MILLI])
    groups = np.zeros(count, np.int64)
    samples = slots.samples
    pod = 0
    for slot in range(slots.state.shape[0]):
        if not is_counted(slots.state[slot, layout.STATE]):
            continue
        started[pod] = slots.life[slot, layout.CREATED]
        readiness[pod] = IS_READY if slots.state[slot, layout.STATE] == layout.READY else NOT_READY
        changed[pod] = slots.life[slot, layout.CHANGED_AT]
        sampled[pod] = not np.isnan(samples[slot, layout.SAMPLE_AT])
        if sampled[pod]:
            sampled_at[pod] = samples[slot, layout.SAMPLE_AT]
            windows[pod] = samples[slot, layout.SAMPLE_WINDOW]
            if kind == REQUESTS_AVERAGE_VALUE:
                usage[pod] = int(np.ceil(samples[slot, layout.SAMPLE_REQUESTS] * 1000.0))
            else:
                usage[pod] = int(np.ceil(samples[slot, layout.SAMPLE_CPU_NANO] / 1e6))
        pod += 1
    group_pods(
        kind != REQUESTS_AVERAGE_VALUE, now, floats[CPU_INITIALIZATION], floats[READINESS_DELAY],
        phases, deleting, started, readiness, changed, sampled, sampled_at, windows, groups,
    )  # fmt: skip
    if kind == CPU_UTILIZATION:
        replicas, utilization, _, _, _, reason = get_resource_replicas(
            current, target, floats[DOWN_TOLERANCE], floats[UP_TOLERANCE], groups, usage, requests, 0
        )
        return replicas, float(utilization), reason
    replicas, mean, _, _, reason = calc_plain_metric_replicas(
        current, target, floats[DOWN_TOLERANCE], floats[UP_TOLERANCE], groups, usage, 0, 0
    )
    return replicas, float(mean), reason


@kernel
def decide(  # noqa: C901, PLR0912  upstream's own shape, for reading side by side
    now: float,
    current: int,
    slots: Slots,
    ints: NDArray[np.int64],
    floats: NDArray[np.float64],
    rules: NDArray[np.int64],
    metrics: NDArray[np.int64],
    memory: Memory,
) -> tuple[int, int, float]:
    """`reconcileAutoscaler`: (desired replicas, reason code, utilisation in per cent or mean value; NaN where no metric)."""
    values, times, _, counts = memory
    if counts[_RECOMMENDATIONS] == 0:
        counts[_RECOMMENDATIONS] = record(0, current, now, values[_RECOMMENDATIONS], times[_RECOMMENDATIONS], 0)
    low = ints[MIN_REPLICAS]
    high = ints[MAX_REPLICAS]
    if current == 0 and low != 0:
        return current, reasons.SCALING_DISABLED, np.nan
    bound, bound_reason = bound_replicas(current, low, high)
    if bound_reason != 0:
        return _remember(now, current, bound, bound_reason, np.nan, ints, rules, memory)

    proposal = 0
    usage = np.nan
    proposal_reason = 0
    invalid = 0
    invalid_reason = 0
    for row in range(metrics.shape[0]):
        replicas, seen, reason = propose(
            now, current, metrics[row, METRIC_KIND], metrics[row, METRIC_TARGET], slots, ints, floats
        )
        if reason == reasons.NO_METRICS or reason == reasons.NO_REQUESTS:  # noqa: PLR1714  compiled code has no fast set
            if invalid == 0:
                of_requests = metrics[row, METRIC_KIND] == REQUESTS_AVERAGE_VALUE
                invalid_reason = reasons.FAILED_GET_PODS_METRIC if of_requests else reasons.FAILED_GET_RESOURCE_METRIC
            invalid += 1
        elif proposal == 0 or replicas > proposal:
            proposal = replicas
            usage = seen
            proposal_reason = reason
    if invalid == metrics.shape[0] or (invalid > 0 and proposal < current):
        return current, invalid_reason, np.nan

    if ints[HAS_BEHAVIOR] == 0:
        desired, stabilized, able, limited, counts[_RECOMMENDATIONS] = normalize_desired_replicas(
            now, current, proposal, low, high, floats[DOWN_WINDOW],
            values[_RECOMMENDATIONS], times[_RECOMMENDATIONS], counts[_RECOMMENDATIONS],
        )  # fmt: skip
    else:
        up = rules[: ints[UP_RULES]]
        down = rules[ints[UP_RULES] :]
        desired, stabilized, able, limited, counts[_RECOMMENDATIONS] = normalize_desired_replicas_with_behaviors(
            now, current, proposal, low, high,
            floats[UP_WINDOW], ints[UP_SELECT], up[:, RULE_TYPE], up[:, RULE_VALUE], up[:, RULE_PERIOD],
            floats[DOWN_WINDOW], ints[DOWN_SELECT], down[:, RULE_TYPE], down[:, RULE_VALUE], down[:, RULE_PERIOD],
            values[_RECOMMENDATIONS], times[_RECOMMENDATIONS], counts[_RECOMMENDATIONS],
            values[_UP], times[_UP], counts[_UP], values[_DOWN], times[_DOWN], counts[_DOWN],
        )  # fmt: skip
    if limited != reasons.DESIRED_WITHIN_RANGE:
        why = limited
    elif stabilized != proposal:
        why = able
    elif desired > current:
        why = reasons.METRIC_ABOVE_TARGET
    elif desired < current:
        why = reasons.ALL_METRICS_BELOW_TARGET
    else:
        why = proposal_reason
    return _remember(now, current, desired, why, usage, ints, rules, memory)


@kernel
def _remember(
    now: float,
    current: int,
    desired: int,
    reason: int,
    usage: float,
    ints: NDArray[np.int64],
    rules: NDArray[np.int64],
    memory: Memory,
) -> tuple[int, int, float]:
    """Store the scale event, where `behavior` is present, and pass the decision on."""
    values, times, outdated, counts = memory
    if desired != current and ints[HAS_BEHAVIOR] != 0:
        if desired > current:
            row = _UP
            longest = get_longest_policy_period(rules[: ints[UP_RULES], RULE_PERIOD])
        else:
            row = _DOWN
            longest = get_longest_policy_period(rules[ints[UP_RULES] :, RULE_PERIOD])
        counts[row] = store_scale_event(
            now, abs(desired - current), longest, values[row], times[row], outdated[row], counts[row]
        )
    return desired, reason, usage

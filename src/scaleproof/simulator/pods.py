"""A replica's life: created, starting, ready, known to the gateway, draining, gone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import kernel
from scaleproof.simulator.layout import (
    BURN_CORES,
    BURN_SECONDS,
    CLOCK,
    CREATED,
    DONE,
    DRAINED_AT,
    DRAINING,
    FREE,
    HEAD,
    IDLE_CORES,
    LENGTH,
    LIVED_FROM,
    LIVED_READY,
    LIVED_TO,
    ORDINAL,
    PERIOD_END,
    PROPAGATION_SECONDS,
    QUOTA_PHASE,
    READY,
    READY_AT,
    REMAINING,
    ROUTABLE_AT,
    SAMPLE_AT,
    SCRAPED_AT,
    SERVED,
    START_SECONDS,
    STARTING,
    STATE,
    TAIL,
    THROTTLED,
    USED,
    WARM_SECONDS,
    WARM_UNTIL,
)
from scaleproof.simulator.quota import QUOTA_PERIOD_SECONDS


@kernel
def create(
    now: float,
    ordinal: int,
    started: bool,
    cpu: NDArray[np.float64],
    queue: NDArray[np.int64],
    life: NDArray[np.float64],
    state: NDArray[np.int64],
    samples: NDArray[np.float64],
    draws: NDArray[np.float64],
    settings: NDArray[np.float64],
    lived: NDArray[np.float64],
) -> int:
    """Create a replica at `now` in a free slot and return the slot; -1 where there is none.

    `started`: it has been ready for long (the replicas that a run starts with).
    """
    slot = -1
    for candidate in range(state.shape[0]):
        if state[candidate, STATE] == FREE:
            slot = candidate
            break
    if slot < 0 or ordinal >= lived.shape[0]:
        return -1
    draw = ordinal % draws.shape[0]
    state[slot, STATE] = READY if started else STARTING
    state[slot, ORDINAL] = ordinal
    life[slot, CREATED] = now
    life[slot, READY_AT] = now if started else now + draws[draw, START_SECONDS]
    life[slot, ROUTABLE_AT] = now if started else life[slot, READY_AT] + draws[draw, PROPAGATION_SECONDS]
    life[slot, DRAINED_AT] = np.inf
    for column in range(cpu.shape[1]):
        cpu[slot, column] = 0.0
    cpu[slot, CLOCK] = now
    cpu[slot, PERIOD_END] = now + (1.0 - draws[draw, QUOTA_PHASE]) * QUOTA_PERIOD_SECONDS
    cpu[slot, WARM_UNTIL] = -np.inf if started else life[slot, READY_AT] + settings[WARM_SECONDS]
    cpu[slot, USED] = 0.0
    cpu[slot, REMAINING] = 0.0
    cpu[slot, THROTTLED] = 0.0
    queue[slot, HEAD] = -1
    queue[slot, TAIL] = -1
    queue[slot, LENGTH] = 0
    queue[slot, SERVED] = 0
    samples[slot, SCRAPED_AT] = np.nan
    samples[slot, SAMPLE_AT] = np.nan
    lived[ordinal, LIVED_FROM] = now
    lived[ordinal, LIVED_READY] = now if started else np.nan
    lived[ordinal, LIVED_TO] = np.nan
    return slot


@kernel
def cpu_seconds(
    slot: int, now: float, cpu: NDArray[np.float64], life: NDArray[np.float64], settings: NDArray[np.float64]
) -> float:
    """CPU seconds since creation, of a slot simulated up to `now`: requests, start-up, and idling once ready."""
    burning = min(now - life[slot, CREATED], settings[BURN_SECONDS])
    ready = max(0.0, now - life[slot, READY_AT])
    return cpu[slot, DONE] + burning * settings[BURN_CORES] + ready * settings[IDLE_CORES]


@kernel
def to_remove(state: NDArray[np.int64], life: NDArray[np.float64]) -> int:
    """The replica that scaling down removes next, -1 where none: one that is not ready first, then the youngest.

    Source: ActivePodsWithRanks of k8s.io/kubernetes/pkg/controller, for pods of equal cost on one node.
    """
    best = -1
    for slot in range(state.shape[0]):
        kind = state[slot, STATE]
        if kind == FREE or kind == DRAINING:  # noqa: PLR1714  compiled code has no fast set
            continue
        if (
            best < 0
            or (kind == STARTING and state[best, STATE] == READY)
            or (kind == state[best, STATE] and state[slot, ORDINAL] > state[best, ORDINAL])
        ):
            best = slot
    return best


@kernel
def drain(slot: int, now: float, life: NDArray[np.float64], state: NDArray[np.int64]) -> None:
    """No new request; what it has is served."""
    state[slot, STATE] = DRAINING
    life[slot, DRAINED_AT] = now


@kernel
def routable(
    now: float, life: NDArray[np.float64], state: NDArray[np.int64], slots: NDArray[np.int64]
) -> int:
    """Fill `slots` with the slots that the gateway sends requests to; returns how many."""
    count = 0
    for slot in range(state.shape[0]):
        if state[slot, STATE] == READY and life[slot, ROUTABLE_AT] <= now:
            slots[count] = slot
            count += 1
    return count


@kernel
def next_change(now: float, life: NDArray[np.float64], state: NDArray[np.int64], draining_until: float) -> float:
    """The next time after `now` at which a replica becomes ready or known to the gateway; infinity where none does."""
    soonest = np.inf
    for slot in range(state.shape[0]):
        kind = state[slot, STATE]
        if kind == STARTING:
            soonest = min(soonest, life[slot, READY_AT])
        elif kind == READY and life[slot, ROUTABLE_AT] > now:
            soonest = min(soonest, life[slot, ROUTABLE_AT])
        elif kind == DRAINING and life[slot, DRAINED_AT] + draining_until > now:
            soonest = min(soonest, life[slot, DRAINED_AT] + draining_until)
    return soonest

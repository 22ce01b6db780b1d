"""A replica's life: created, starting, ready, known to the gateway, draining, gone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import kernel
from scaleproof.simulator import layout
from scaleproof.simulator.layout import DRAINING, FREE, READY, STARTING, STATE, Slots
from scaleproof.simulator.quota import QUOTA_PERIOD_SECONDS


@kernel
def create(
    now: float,
    ordinal: int,
    slots: Slots,
    draws: NDArray[np.float64],
    settings: NDArray[np.float64],
    lived: NDArray[np.float64],
) -> int:
    """Create a replica at `now` in a free slot and return the slot; -1 where there is none."""
    slot = -1
    for candidate in range(slots.state.shape[0]):
        if slots.state[candidate, STATE] == FREE:
            slot = candidate
            break
    if slot < 0 or ordinal >= lived.shape[0]:
        return -1
    draw = ordinal % draws.shape[0]
    slots.state[slot, STATE] = STARTING
    slots.state[slot, layout.ORDINAL] = ordinal
    slots.cpu[slot, :] = 0.0
    slots.cpu[slot, layout.CLOCK] = now
    slots.cpu[slot, layout.PERIOD_END] = now + (1.0 - draws[draw, layout.QUOTA_PHASE]) * QUOTA_PERIOD_SECONDS
    slots.queue[slot, :] = 0
    slots.queue[slot, layout.HEAD] = -1
    slots.queue[slot, layout.TAIL] = -1
    slots.life[slot, :] = 0.0
    slots.life[slot, layout.CREATED] = now
    slots.life[slot, layout.CHANGED_AT] = now
    slots.life[slot, layout.DRAINED_AT] = np.inf
    slots.life[slot, layout.PROPAGATION] = draws[draw, layout.PROPAGATION_SECONDS]
    slots.life[slot, layout.READY_AT] = now + draws[draw, layout.START_SECONDS]
    slots.life[slot, layout.ROUTABLE_AT] = np.inf
    slots.cpu[slot, layout.WARM_UNTIL] = slots.life[slot, layout.READY_AT] + settings[layout.WARM_SECONDS]
    slots.samples[slot, :] = np.nan
    slots.samples[slot, layout.READ_DRAW] = draws[draw, layout.COUNTER_PHASE]
    slots.samples[slot, layout.NEXT_READ] = now if settings[layout.COUNTER_MOST] > 0 else np.inf
    lived[ordinal, layout.LIVED_FROM] = now
    lived[ordinal, layout.LIVED_READY] = np.nan
    lived[ordinal, layout.LIVED_TO] = np.nan
    return slot


@kernel
def become_ready(slot: int, now: float, slots: Slots) -> None:
    """Its probe was answered; the gateway hears of it a little later."""
    slots.state[slot, STATE] = READY
    slots.life[slot, layout.CHANGED_AT] = now
    slots.life[slot, layout.ROUTABLE_AT] = now + slots.life[slot, layout.PROPAGATION]


@kernel
def is_counted(kind: int) -> bool:
    """Whether a slot's replica is one of those that the autoscaler counts: it exists and is not draining."""
    return kind == STARTING or kind == READY  # noqa: PLR1714  compiled code has no fast set


@kernel
def cpu_seconds(slot: int, now: float, slots: Slots, settings: NDArray[np.float64]) -> float:
    """CPU seconds since creation, of a slot simulated up to `now`: requests, start-up, and idling once ready."""
    burning = min(now - slots.life[slot, layout.CREATED], settings[layout.BURN_SECONDS])
    idling = max(0.0, now - slots.life[slot, layout.READY_AT])
    spent: float = slots.cpu[slot, layout.DONE] + burning * settings[layout.BURN_CORES] + idling * settings[layout.IDLE_CORES]
    return spent


@kernel
def change_readiness(now: float, slots: Slots, lived: NDArray[np.float64]) -> None:
    """Starting replicas that are ready by `now` become so."""
    for slot in range(slots.state.shape[0]):
        if slots.state[slot, STATE] == STARTING and slots.life[slot, layout.READY_AT] <= now:
            slots.cpu[slot, layout.CLOCK] = now
            become_ready(slot, now, slots)
            lived[slots.state[slot, layout.ORDINAL], layout.LIVED_READY] = now


@kernel
def to_remove(slots: Slots) -> int:
    """The replica that scaling down removes next, -1 where none: one that is not ready first, then the youngest.

    Source: ActivePodsWithRanks of k8s.io/kubernetes/pkg/controller, for pods of equal cost on one node.
    """
    best = -1
    for slot in range(slots.state.shape[0]):
        if not is_counted(slots.state[slot, STATE]):
            continue
        if best < 0:
            best = slot
            continue
        ready = slots.state[slot, STATE] == READY
        best_ready = slots.state[best, STATE] == READY
        younger = slots.state[slot, layout.ORDINAL] > slots.state[best, layout.ORDINAL]
        if (best_ready and not ready) or (best_ready == ready and younger):
            best = slot
    return best


@kernel
def drain(slot: int, now: float, slots: Slots) -> None:
    """No new request; what it has is served."""
    slots.state[slot, STATE] = DRAINING
    slots.life[slot, layout.DRAINED_AT] = now


@kernel
def end_drained(
    now: float, slots: Slots, settings: NDArray[np.float64], lived: NDArray[np.float64], gone: NDArray[np.float64]
) -> None:
    """Draining replicas end when they are idle, or are killed when their time is up. `gone` sums CPU and throttled seconds."""
    for slot in range(slots.state.shape[0]):
        if slots.state[slot, STATE] != DRAINING:
            continue
        drained_for = now - slots.life[slot, layout.DRAINED_AT]
        idle = slots.queue[slot, layout.HEAD] < 0 and drained_for >= settings[layout.DRAIN_LEAST]
        if idle or drained_for >= settings[layout.DRAIN_MOST]:
            gone[0] += cpu_seconds(slot, now, slots, settings)
            gone[1] += slots.cpu[slot, layout.THROTTLED]
            lived[slots.state[slot, layout.ORDINAL], layout.LIVED_TO] = now
            slots.queue[slot, layout.HEAD] = -1
            slots.queue[slot, layout.LENGTH] = 0
            slots.state[slot, STATE] = FREE


@kernel
def routable(now: float, slots: Slots, reachable: NDArray[np.int64]) -> int:
    """Fill `reachable` with the slots that the gateway sends requests to; returns how many."""
    count = 0
    for slot in range(slots.state.shape[0]):
        if slots.state[slot, STATE] == READY and slots.life[slot, layout.ROUTABLE_AT] <= now:
            reachable[count] = slot
            count += 1
    return count


@kernel
def next_change(now: float, slots: Slots, settings: NDArray[np.float64]) -> float:
    """The next time after `now` at which a replica may become ready, be known, be read or be killed; infinity where none."""
    soonest = np.inf
    for slot in range(slots.state.shape[0]):
        kind = slots.state[slot, STATE]
        if is_counted(kind):
            soonest = min(soonest, slots.samples[slot, layout.NEXT_READ])
        if kind == STARTING:
            soonest = min(soonest, slots.life[slot, layout.READY_AT])
        elif kind == READY and slots.life[slot, layout.ROUTABLE_AT] > now:
            soonest = min(soonest, slots.life[slot, layout.ROUTABLE_AT])
        elif kind == DRAINING:
            killed_at = slots.life[slot, layout.DRAINED_AT] + settings[layout.DRAIN_MOST]
            if killed_at > now:
                soonest = min(soonest, killed_at)
    return soonest

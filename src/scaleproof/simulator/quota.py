"""A replica's CPU: first come, first served, at full speed until the quota of the period is used up, then stopped.

Source: Linux CFS bandwidth control (Documentation/scheduler/sched-bwc): a quota per 100 ms period, and every replica's
period starts at a time of its own. A quota is not a slower CPU: a 2.5 ms request at 250m usually takes 2.5 ms.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import kernel
from scaleproof.simulator.layout import (
    BUSY_FACTOR,
    CLOCK,
    DONE,
    HEAD,
    IDLE_CORES,
    IDLE_FACTOR,
    IDLE_SECONDS,
    IDLE_SINCE,
    LENGTH,
    LIMIT_CORES,
    PERIOD_END,
    RECEIVED,
    REJECTION_SECONDS,
    REMAINING,
    SPEED_CORES,
    TAIL,
    THROTTLED,
    USED,
    WARM_FACTOR,
    WARM_UNTIL,
)

QUOTA_PERIOD_SECONDS: Final = 0.1
_TINY: Final = 1e-12


@kernel
def serve_until(  # noqa: C901, PLR0912, PLR0915  one loop: taken apart it would carry its whole state from call to call
    cpu: NDArray[np.float64],
    queue: NDArray[np.int64],
    slot: int,
    until: float,
    settings: NDArray[np.float64],
    work: NDArray[np.float64],
    following: NDArray[np.int64],
    finished_at: NDArray[np.float64],
) -> None:
    """Serve the slot's queue up to the time `until` and fill in `finished_at`.

    The arrays are those of `layout.Requests`, passed one by one: a tuple of arrays makes compiled code four times slower here.
    """
    now = cpu[slot, CLOCK]
    if now >= until:
        return
    request = queue[slot, HEAD]
    if request < 0:
        cpu[slot, CLOCK] = until
        return
    budget = max(settings[LIMIT_CORES] - settings[IDLE_CORES], _TINY) * QUOTA_PERIOD_SECONDS
    speed = settings[SPEED_CORES]
    while request >= 0 and now < until:
        period_end = cpu[slot, PERIOD_END]
        if now >= period_end:
            period_end += np.floor((now - period_end) / QUOTA_PERIOD_SECONDS) * QUOTA_PERIOD_SECONDS
            while period_end <= now:
                period_end += QUOTA_PERIOD_SECONDS
            cpu[slot, PERIOD_END] = period_end
            cpu[slot, USED] = 0.0
        left = budget - cpu[slot, USED]
        if left <= _TINY:
            wake = min(period_end, until)
            cpu[slot, THROTTLED] += wake - now
            now = wake
            continue
        seconds = cpu[slot, REMAINING] / speed
        stop = now + seconds
        finishes = True
        if left / speed < seconds:
            seconds = left / speed
            stop = now + seconds
            finishes = False
        if period_end - now < seconds:
            seconds = period_end - now
            stop = period_end
            finishes = False
        if until - now < seconds:
            seconds = until - now
            stop = until
            finishes = False
        spent = seconds * speed
        cpu[slot, USED] += spent
        cpu[slot, DONE] += spent
        now = stop
        if not finishes:
            cpu[slot, REMAINING] -= spent
            continue
        finished_at[request] = now
        request = following[request]
        queue[slot, HEAD] = request
        queue[slot, LENGTH] -= 1
        if request >= 0:
            needed = work[request] * settings[BUSY_FACTOR]
            if now < cpu[slot, WARM_UNTIL]:
                needed *= settings[WARM_FACTOR]
            cpu[slot, REMAINING] = needed
        else:
            cpu[slot, IDLE_SINCE] = now
    cpu[slot, CLOCK] = until


@kernel
def enqueue(
    cpu: NDArray[np.float64],
    queue: NDArray[np.int64],
    slot: int,
    request: int,
    now: float,
    settings: NDArray[np.float64],
    work: NDArray[np.float64],
    following: NDArray[np.int64],
) -> None:
    """Put a request at the end of the slot's queue; the slot has been simulated up to `now`.

    One that finds the replica idle costs the more CPU the longer it was idle: caches have gone cold.
    """
    following[request] = -1
    queue[slot, RECEIVED] += 1
    queue[slot, LENGTH] += 1
    if queue[slot, HEAD] < 0:
        queue[slot, HEAD] = request
        factor = settings[BUSY_FACTOR]
        if settings[IDLE_FACTOR] != factor:
            idle = max(0.0, now - cpu[slot, IDLE_SINCE])
            factor += (settings[IDLE_FACTOR] - factor) * (1.0 - np.exp(-idle / settings[IDLE_SECONDS]))
        if now < cpu[slot, WARM_UNTIL]:
            factor *= settings[WARM_FACTOR]
        cpu[slot, REMAINING] = work[request] * factor
    else:
        following[queue[slot, TAIL]] = request
    queue[slot, TAIL] = request


@kernel
def refuse(cpu: NDArray[np.float64], queue: NDArray[np.int64], slot: int, settings: NDArray[np.float64]) -> None:
    """A full replica refuses a request: its answer costs CPU that those in its queue wait for."""
    queue[slot, RECEIVED] += 1
    cpu[slot, REMAINING] += settings[REJECTION_SECONDS]

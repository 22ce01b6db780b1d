"""Replicas under a control loop of a peer's own: start-up, removal, backlog, violation and cost mean what they do in the simulator.

A plain loop over seconds calls these. numba caches each file apart: whoever edits this one deletes the cache's `kernels-…` folders.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import kernel
from scaleproof.simulator.traffic import service_model

Floats = NDArray[np.float64]

# `state`: float64[STATE]
COUNT: Final = 0
WORK: Final = 1  # requests served by a replica that is ready all the time
BACKLOG: Final = 2
SECONDS: Final = 3  # replica-seconds
VIOLATED: Final = 4  # requests
CREATED: Final = 5
STATE: Final = 6

# `each`: float64[2, any], a column a replica, in order of creation; seconds
BEGINS: Final = 0
READY: Final = 1


@kernel
def begin(initial: int, most: int) -> tuple[Floats, Floats]:
    """(state, each) of `initial` replicas, long ready."""
    state = np.zeros(STATE)
    state[COUNT] = initial
    return state, np.full((2, max(initial, most)), -np.inf)


@kernel
def resize(state: Floats, each: Floats, now: float, wanted: int, starts: Floats, service: Floats) -> None:
    """Create replicas; or remove them: the latest that is not ready, else the one that became ready last."""
    while state[COUNT] < wanted:
        count = int(state[COUNT])
        waits = count >= service[service_model.NODE_REPLICAS]
        each[BEGINS, count] = now + (service[service_model.NODE_SECONDS] if waits else 0.0)
        each[READY, count] = np.ceil(each[BEGINS, count] + starts[int(state[CREATED]) % starts.size])
        state[CREATED] += 1
        state[COUNT] += 1
    while state[COUNT] > wanted:
        ready = each[READY, : int(state[COUNT])]
        chosen = 0
        for row in range(1, ready.size):
            if ready[row] > now or (ready[chosen] <= now and ready[row] >= ready[chosen]):
                chosen = row
        for row in range(chosen, ready.size - 1):
            each[BEGINS, row], each[READY, row] = each[BEGINS, row + 1], each[READY, row + 1]
        state[COUNT] -= 1


@kernel
def ready_since(state: Floats, each: Floats, moment: float) -> int:
    """How many replicas are ready since a moment, or longer."""
    found = 0
    for row in range(int(state[COUNT])):
        found += each[READY, row] <= moment
    return found


@kernel
def pass_second(state: Floats, each: Floats, now: float, rate: float, service: Floats) -> None:
    """Serve one second's requests."""
    ready = ready_since(state, each, now)
    warm = ready_since(state, each, now - service[service_model.WARM_SECONDS])
    held = warm + (ready - warm) * service[service_model.WARM_SHARE]
    load = rate + state[BACKLOG]
    if load > held * service[service_model.CAPACITY]:
        state[VIOLATED] += rate
    served = min(load, held * service[service_model.MOST_SERVED])
    state[BACKLOG] = load - served
    state[WORK] += served / ready
    state[SECONDS] += state[COUNT]

"""One service under one policy and one sequence of arrivals, request by request. Compiled where numba is installed.

Time runs from control event to control event (a second's end, a scrape, a sync of the autoscaler, a replica's change);
the requests between two of them are dealt to replicas in order. A replica is simulated only up to the moment somebody
looks at it, which gives the same result as a queue of all events, without the queue.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import kernel
from scaleproof.simulator import autoscaling, layout
from scaleproof.simulator.balancing import less_loaded, pick_two
from scaleproof.simulator.layout import DRAINING, FREE, READY, STARTING, STATE, Requests, Slots
from scaleproof.simulator.metric_lag import read_counters, scrape
from scaleproof.simulator.pods import (
    become_ready,
    change_readiness,
    cpu_seconds,
    create,
    drain,
    end_drained,
    is_counted,
    next_change,
    routable,
    to_remove,
)
from scaleproof.simulator.quota import enqueue, refuse, serve_until

LONG_AGO: Final = 3600.0  # seconds before the start at which the first replicas were created


@kernel
def simulate_service(  # noqa: C901, PLR0915  the order of control events is the model: one place to read it
    arrivals: NDArray[np.float64],
    work: NDArray[np.float64],
    choices: NDArray[np.float64],
    replica_draws: NDArray[np.float64],
    settings: NDArray[np.float64],
    hpa_ints: NDArray[np.int64],
    hpa_floats: NDArray[np.float64],
    hpa_rules: NDArray[np.int64],
    hpa_metrics: NDArray[np.int64],
    initial_replicas: int,
    finished_at: NDArray[np.float64],
    status: NDArray[np.int8],
    seconds: NDArray[np.float64],
    decisions: NDArray[np.float64],
    lived: NDArray[np.float64],
) -> tuple[int, int]:
    """Simulate and fill `finished_at` (CPU departure), `status`, `seconds`, `decisions` and `lived`.

    `arrivals` sorted seconds; `work` CPU seconds a request; `choices` uniform draws a request. `hpa_*` come from
    `autoscaling_spec.pack`. Without a metric (`hpa_ints[METRIC] == METRIC_NONE`) the count never changes.
    Returns (decisions written, replicas that ever lived).
    """
    room = 2 * max(initial_replicas, hpa_ints[autoscaling.MAX_REPLICAS]) + 2
    slots = Slots(
        np.zeros((room, layout.CPU_COLUMNS)),
        np.zeros((room, layout.QUEUE_COLUMNS), np.int64),
        np.zeros((room, layout.LIFE_COLUMNS)),
        np.zeros((room, layout.STATE_COLUMNS), np.int64),
        np.full((room, layout.SAMPLE_COLUMNS), np.nan),
    )
    following = np.full(max(1, arrivals.shape[0]), -1, np.int64)
    requests = Requests(arrivals, work, choices, following, finished_at, status)
    reachable = np.zeros(room, np.int64)
    memory = autoscaling.new_memory(hpa_ints)
    gone = np.zeros(2)
    before = np.zeros(2)

    for ordinal in range(initial_replicas):
        _start_long_ago(ordinal, slots, replica_draws, settings, lived)
        before[0] += cpu_seconds(ordinal, 0.0, slots, settings)
    alive = initial_replicas
    ordinal = initial_replicas
    desired = alive
    reachable_count = routable(0.0, slots, reachable)
    elsewhere = 0
    next_second = 1.0
    next_scrape = settings[layout.SCRAPE_PHASE]
    next_sync = settings[layout.SYNC_PHASE]
    change = next_change(0.0, slots, settings)
    second = 0
    decided = 0
    request = 0

    while second < seconds.shape[0]:
        now = min(min(next_second, next_scrape), min(next_sync, change))  # noqa: PLW3301  compiled min takes two
        request = _deal(request, now, requests, slots, reachable, reachable_count, elsewhere, settings)
        elsewhere = _serve_all(now, slots, requests, settings)
        if reachable_count > 0:
            # The limit is on the whole service: what a replica has itself is counted when it is chosen.
            elsewhere -= elsewhere // reachable_count
        change_readiness(now, slots, lived)
        end_drained(now, slots, settings, lived, gone)
        _read_all(now, slots, settings)
        if now >= next_scrape:
            _scrape_all(now, slots, settings)
            next_scrape += settings[layout.SCRAPE_PERIOD]
        if now >= next_sync:
            if hpa_ints[autoscaling.METRIC] != autoscaling.METRIC_NONE and decided < decisions.shape[0]:
                desired, reason, usage = autoscaling.decide(
                    now, alive, slots, hpa_ints, hpa_floats, hpa_rules, hpa_metrics, memory
                )
                decisions[decided, layout.DECIDED_AT] = now
                decisions[decided, layout.DECIDED_CURRENT] = alive
                decisions[decided, layout.DECIDED_DESIRED] = desired
                decisions[decided, layout.DECIDED_REASON] = reason
                decisions[decided, layout.DECIDED_USAGE] = usage
                decided += 1
            while alive < desired:
                if create(now, ordinal, slots, replica_draws, settings, lived) < 0:
                    break
                ordinal += 1
                alive += 1
            _read_all(now, slots, settings)
            while alive > desired:
                drain(to_remove(slots), now, slots)
                alive -= 1
            next_sync += settings[layout.SYNC_PERIOD]
        reachable_count = routable(now, slots, reachable)
        if now >= next_second:
            _record_second(second, now, desired, slots, settings, gone, before, seconds)
            second += 1
            next_second += 1.0
        change = next_change(now, slots, settings)

    # The run is over for cost and replicas; what is still queued gets the time that the gateway would wait for it.
    _serve_all(settings[layout.HORIZON] + settings[layout.TIMEOUT], slots, requests, settings)
    for index in range(arrivals.shape[0]):
        if status[index] == layout.LOST and not np.isnan(finished_at[index]):
            status[index] = layout.SERVED_OK
    return decided, ordinal


@kernel
def _start_long_ago(
    ordinal: int,
    slots: Slots,
    replica_draws: NDArray[np.float64],
    settings: NDArray[np.float64],
    lived: NDArray[np.float64],
) -> None:
    """A replica that a run starts with: ready and scraped for long, idle."""
    slot = create(-LONG_AGO, ordinal, slots, replica_draws, settings, lived)
    slots.life[slot, layout.READY_AT] = -LONG_AGO
    become_ready(slot, -LONG_AGO, slots)
    slots.cpu[slot, layout.CLOCK] = 0.0
    slots.cpu[slot, layout.WARM_UNTIL] = -np.inf
    slots.cpu[slot, layout.PERIOD_END] += LONG_AGO
    lived[ordinal, layout.LIVED_READY] = -LONG_AGO
    resolution = settings[layout.SCRAPE_PERIOD]
    last = settings[layout.SCRAPE_PHASE] - resolution
    apart = resolution
    if settings[layout.COUNTER_MOST] > 0:
        # The next reading is as far away as it may be; the last scrape got the one before.
        apart = settings[layout.COUNTER_LEAST]
        last = -(1.0 - slots.samples[slot, layout.READ_DRAW]) * apart
        slots.samples[slot, layout.NEXT_READ] = last + apart
    for moment in (last - apart, last):
        scrape(slot, moment, cpu_seconds(slot, moment, slots, settings), 0.0, resolution, slots.life, slots.samples)


@kernel
def _read_all(now: float, slots: Slots, settings: NDArray[np.float64]) -> None:
    """Counters that are due."""
    for slot in range(slots.state.shape[0]):
        if is_counted(slots.state[slot, STATE]) and slots.samples[slot, layout.NEXT_READ] <= now:
            used = cpu_seconds(slot, now, slots, settings)
            read_counters(slot, now, used, float(slots.queue[slot, layout.RECEIVED]), settings, slots.samples)


@kernel
def _deal(
    request: int,
    until: float,
    requests: Requests,
    slots: Slots,
    reachable: NDArray[np.int64],
    reachable_count: int,
    elsewhere: int,
    settings: NDArray[np.float64],
) -> int:
    """Deal the requests that arrive before `until`, from number `request` on; returns the next number."""
    arrivals, work, choices, following, finished_at, status = requests
    cpu, queue, _, _, _ = slots
    total = arrivals.shape[0]
    while request < total and arrivals[request] < until:
        moment = arrivals[request]
        if reachable_count == 0:
            status[request] = layout.NO_REPLICA
            request += 1
            continue
        slot = reachable[0]
        if reachable_count > 1:
            first, second = pick_two(choices[request], reachable_count)
            slot, other = reachable[first], reachable[second]
            serve_until(cpu, queue, slot, moment, settings, work, following, finished_at)
            serve_until(cpu, queue, other, moment, settings, work, following, finished_at)
            slot = less_loaded(queue, slot, other)
        else:
            serve_until(cpu, queue, slot, moment, settings, work, following, finished_at)
        if queue[slot, layout.LENGTH] + elsewhere >= settings[layout.MAX_OUTSTANDING]:
            status[request] = layout.OVERFLOW
        elif queue[slot, layout.LENGTH] >= settings[layout.QUEUE_LIMIT]:
            status[request] = layout.REFUSED
            refuse(cpu, queue, slot, settings)
        else:
            enqueue(cpu, queue, slot, request, moment, settings, work, following)
        request += 1
    return request


@kernel
def _serve_all(now: float, slots: Slots, requests: Requests, settings: NDArray[np.float64]) -> int:
    """Bring every replica that has been ready up to `now`; returns the requests outstanding."""
    _, work, _, following, finished_at, _ = requests
    cpu, queue, _, state, _ = slots
    outstanding = 0
    for slot in range(state.shape[0]):
        if state[slot, STATE] != FREE and state[slot, STATE] != STARTING:
            serve_until(cpu, queue, slot, now, settings, work, following, finished_at)
            outstanding += queue[slot, layout.LENGTH]
    return outstanding


@kernel
def _scrape_all(now: float, slots: Slots, settings: NDArray[np.float64]) -> None:
    resolution = settings[layout.SCRAPE_PERIOD]
    samples = slots.samples
    for slot in range(slots.state.shape[0]):
        if not is_counted(slots.state[slot, STATE]):
            continue
        if settings[layout.COUNTER_MOST] > 0:
            read_at = samples[slot, layout.READ_AT]
            if not np.isnan(read_at):
                used, received = samples[slot, layout.READ_CPU], samples[slot, layout.READ_REQUESTS]
                scrape(slot, read_at, used, received, resolution, slots.life, samples)
        else:
            used = cpu_seconds(slot, now, slots, settings)
            scrape(slot, now, used, float(slots.queue[slot, layout.RECEIVED]), resolution, slots.life, samples)


@kernel
def _record_second(
    second: int,
    now: float,
    desired: int,
    slots: Slots,
    settings: NDArray[np.float64],
    gone: NDArray[np.float64],
    before: NDArray[np.float64],
    seconds: NDArray[np.float64],
) -> None:
    """One row of the time series. `before` holds CPU and throttled seconds at the previous row."""
    used = gone[0]
    throttled = gone[1]
    for slot in range(slots.state.shape[0]):
        kind = slots.state[slot, STATE]
        if kind == FREE:
            continue
        seconds[second, layout.SECOND_TOTAL] += 1.0
        if kind == READY:
            seconds[second, layout.SECOND_READY] += 1.0
        if kind == DRAINING:
            seconds[second, layout.SECOND_DRAINING] += 1.0
        seconds[second, layout.SECOND_QUEUED] += slots.queue[slot, layout.LENGTH]
        used += cpu_seconds(slot, now, slots, settings)
        throttled += slots.cpu[slot, layout.THROTTLED]
    seconds[second, layout.SECOND_DESIRED] = desired
    seconds[second, layout.SECOND_CPU] = used - before[0]
    seconds[second, layout.SECOND_THROTTLED] = throttled - before[1]
    before[0] = used
    before[1] = throttled


@kernel
def serve_in_turn(arrivals: NDArray[np.float64], seconds_each: float) -> NDArray[np.float64]:
    """Departures from one server that needs `seconds_each` a request, for sorted arrivals (Lindley's recursion)."""
    departures = np.empty(arrivals.shape[0])
    free = -np.inf
    for index in range(arrivals.shape[0]):
        free = max(free, arrivals[index]) + seconds_each
        departures[index] = free
    return departures

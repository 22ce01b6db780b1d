"""One service under one policy and one sequence of arrivals, request by request. Compiled where numba is installed.

Time runs from control event to control event (a second's end, a scrape, a sync of the autoscaler, a replica's change);
the requests between two of them are dealt to replicas in order. A replica is simulated only up to the moment somebody
looks at it, which gives the same result as a queue of all events, without the queue.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import kernel
from scaleproof.simulator import autoscaling, layout
from scaleproof.simulator.balancing import less_loaded, pick_two
from scaleproof.simulator.metric_lag import scrape
from scaleproof.simulator.pods import cpu_seconds, create, drain, next_change, routable, to_remove
from scaleproof.simulator.quota import QUOTA_PERIOD_SECONDS, enqueue, run_until

LONG_AGO = 3600.0  # seconds before the start at which the first replicas were created


@kernel
def simulate_service(
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
    `autoscaling.pack`. Without a metric (`hpa_ints[METRIC] == METRIC_NONE`) the count never changes.
    Returns (decisions written, replicas that ever lived).
    """
    slots = 2 * max(initial_replicas, hpa_ints[autoscaling.MAX_REPLICAS]) + 2
    cpu = np.zeros((slots, layout.CPU_COLUMNS))
    queue = np.zeros((slots, layout.QUEUE_COLUMNS), np.int64)
    life = np.zeros((slots, layout.LIFE_COLUMNS))
    state = np.zeros((slots, layout.STATE_COLUMNS), np.int64)
    samples = np.full((slots, layout.SAMPLE_COLUMNS), np.nan)
    reachable = np.zeros(slots, np.int64)
    following = np.full(max(1, arrivals.shape[0]), -1, np.int64)
    memory = autoscaling.new_memory(hpa_ints)
    service_seconds = np.zeros(2)  # CPU seconds and throttled seconds of replicas that are gone

    limit = settings[layout.LIMIT_CORES]
    budget = max(limit - settings[layout.IDLE_CORES], 1e-6) * QUOTA_PERIOD_SECONDS
    speed = settings[layout.SPEED_CORES]
    warm_factor = settings[layout.WARM_FACTOR]
    horizon = settings[layout.HORIZON]
    resolution = settings[layout.SCRAPE_PERIOD]
    drain_most = settings[layout.DRAIN_MOST]
    most_outstanding = settings[layout.MAX_OUTSTANDING]

    alive = 0
    ordinal = 0
    for _ in range(initial_replicas):
        slot = create(-LONG_AGO, ordinal, True, cpu, queue, life, state, samples, replica_draws, settings, lived)  # noqa: FBT003
        ordinal += 1
        alive += 1
        cpu[slot, layout.CLOCK] = 0.0
        cpu[slot, layout.PERIOD_END] = (1.0 - replica_draws[slot % replica_draws.shape[0], layout.QUOTA_PHASE]) * QUOTA_PERIOD_SECONDS
        for back in (2, 1):
            moment = settings[layout.SCRAPE_PHASE] - back * resolution
            scrape(slot, moment, cpu_seconds(slot, moment, cpu, life, settings), 0.0, resolution, life, samples)
    reachable_count = routable(0.0, life, state, reachable)
    outstanding = 0

    next_second = 1.0
    second = 0
    next_scrape = settings[layout.SCRAPE_PHASE]
    next_sync = settings[layout.SYNC_PHASE]
    change = next_change(0.0, life, state, drain_most)
    decided = 0
    desired = alive
    cpu_before = 0.0
    throttled_before = 0.0
    for slot in range(slots):
        if state[slot, layout.STATE] != layout.FREE:
            cpu_before += cpu_seconds(slot, 0.0, cpu, life, settings)
    request = 0
    total_requests = arrivals.shape[0]

    while True:
        now = min(min(next_second, next_scrape), min(next_sync, change))  # noqa: PLW3301  compiled min takes few arguments

        while request < total_requests and arrivals[request] < now:
            moment = arrivals[request]
            if reachable_count == 0:
                status[request] = layout.NO_REPLICA
                request += 1
                continue
            slot = reachable[0]
            if reachable_count > 1:
                first, second_choice = pick_two(choices[request], reachable_count)
                one, other = reachable[first], reachable[second_choice]
                run_until(cpu, queue, one, moment, budget, speed, warm_factor, work, following, finished_at)
                run_until(cpu, queue, other, moment, budget, speed, warm_factor, work, following, finished_at)
                slot = less_loaded(queue, one, other)
            else:
                run_until(cpu, queue, slot, moment, budget, speed, warm_factor, work, following, finished_at)
            if queue[slot, layout.LENGTH] + outstanding >= most_outstanding:
                status[request] = layout.OVERFLOW
            else:
                enqueue(cpu, queue, slot, request, moment, warm_factor, work, following)
            request += 1

        outstanding = 0
        for slot in range(slots):
            kind = state[slot, layout.STATE]
            if kind != layout.FREE and kind != layout.STARTING:  # noqa: PLR1714  compiled code has no fast set
                run_until(cpu, queue, slot, now, budget, speed, warm_factor, work, following, finished_at)
                outstanding += queue[slot, layout.LENGTH]
        # The limit is on the whole service: what a replica has itself is counted when it is chosen.
        if reachable_count > 0:
            outstanding -= outstanding // reachable_count

        if now >= change:
            for slot in range(slots):
                if state[slot, layout.STATE] == layout.STARTING and life[slot, layout.READY_AT] <= now:
                    state[slot, layout.STATE] = layout.READY
                    cpu[slot, layout.CLOCK] = now
                    lived[state[slot, layout.ORDINAL], layout.LIVED_READY] = life[slot, layout.READY_AT]
            reachable_count = routable(now, life, state, reachable)

        for slot in range(slots):
            if state[slot, layout.STATE] != layout.DRAINING:
                continue
            drained_for = now - life[slot, layout.DRAINED_AT]
            done = queue[slot, layout.HEAD] < 0 and drained_for >= settings[layout.DRAIN_LEAST]
            if done or drained_for >= drain_most:
                service_seconds[0] += cpu_seconds(slot, now, cpu, life, settings)
                service_seconds[1] += cpu[slot, layout.THROTTLED]
                lived[state[slot, layout.ORDINAL], layout.LIVED_TO] = now
                queue[slot, layout.HEAD] = -1
                queue[slot, layout.LENGTH] = 0
                state[slot, layout.STATE] = layout.FREE

        if now >= next_scrape:
            for slot in range(slots):
                kind = state[slot, layout.STATE]
                if kind == layout.STARTING or kind == layout.READY:  # noqa: PLR1714  compiled code has no fast set
                    used = cpu_seconds(slot, now, cpu, life, settings)
                    scrape(slot, now, used, float(queue[slot, layout.SERVED]), resolution, life, samples)
            next_scrape += resolution

        if now >= next_sync:
            if hpa_ints[autoscaling.METRIC] != autoscaling.METRIC_NONE and decided < decisions.shape[0]:
                desired, reason, usage = autoscaling.decide(now, alive, life, state, samples, hpa_ints, hpa_floats, hpa_rules, hpa_metrics, memory)
                decisions[decided, layout.DECIDED_AT] = now
                decisions[decided, layout.DECIDED_CURRENT] = alive
                decisions[decided, layout.DECIDED_DESIRED] = desired
                decisions[decided, layout.DECIDED_REASON] = reason
                decisions[decided, layout.DECIDED_USAGE] = usage
                decided += 1
                while alive < desired:
                    slot = create(now, ordinal, False, cpu, queue, life, state, samples, replica_draws, settings, lived)  # noqa: FBT003
                    if slot < 0:
                        break
                    ordinal += 1
                    alive += 1
                while alive > desired:
                    slot = to_remove(state, life)
                    drain(slot, now, life, state)
                    alive -= 1
                reachable_count = routable(now, life, state, reachable)
            next_sync += settings[layout.SYNC_PERIOD]

        if now >= next_second:
            used = service_seconds[0]
            throttled = service_seconds[1]
            existing = 0
            ready = 0
            queued = 0
            for slot in range(slots):
                kind = state[slot, layout.STATE]
                if kind == layout.FREE:
                    continue
                existing += 1
                ready += kind == layout.READY
                used += cpu_seconds(slot, now, cpu, life, settings)
                throttled += cpu[slot, layout.THROTTLED]
                queued += queue[slot, layout.LENGTH]
            seconds[second, layout.SECOND_TOTAL] = existing
            seconds[second, layout.SECOND_READY] = ready
            seconds[second, layout.SECOND_DESIRED] = desired
            seconds[second, layout.SECOND_CPU] = used - cpu_before
            seconds[second, layout.SECOND_QUEUED] = queued
            seconds[second, layout.SECOND_THROTTLED] = throttled - throttled_before
            cpu_before = used
            throttled_before = throttled
            second += 1
            next_second += 1.0
            if second >= seconds.shape[0]:
                break

        change = next_change(now, life, state, drain_most)

    # The run is over for cost and replicas; what is still queued gets the time that the gateway would wait for it.
    end = horizon + settings[layout.TIMEOUT]
    for slot in range(slots):
        kind = state[slot, layout.STATE]
        if kind != layout.FREE and kind != layout.STARTING:  # noqa: PLR1714  compiled code has no fast set
            run_until(cpu, queue, slot, end, budget, speed, warm_factor, work, following, finished_at)
    for index in range(total_requests):
        if status[index] == layout.LOST and not np.isnan(finished_at[index]):
            status[index] = layout.SERVED_OK
    return decided, ordinal


@kernel
def serve_in_turn(arrivals: NDArray[np.float64], seconds_each: float) -> NDArray[np.float64]:
    """Departures from one server that needs `seconds_each` a request, for sorted arrivals (Lindley's recursion)."""
    departures = np.empty(arrivals.shape[0])
    free = -np.inf
    for index in range(arrivals.shape[0]):
        free = max(free, arrivals[index]) + seconds_each
        departures[index] = free
    return departures

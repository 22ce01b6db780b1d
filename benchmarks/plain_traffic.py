"""The traffic simulation as a plain loop: every second is walked, every pod is a column of a table, every rule is hpa's own.

It shares no event, no sum and no count with `simulator.traffic.kernel`, and has to give the same results: tests/unit/simulator/
traffic/test_kernel.py. It is compiled as the kernel is, so that benchmarks/simulator.py compares ways of simulating.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.behavior import bound_replicas, normalize_desired_replicas, normalize_desired_replicas_with_behaviors
from scaleproof.hpa.compiled import kernel
from scaleproof.hpa.reasons import NO_METRICS
from scaleproof.hpa.replica_calculator import (
    IS_READY,
    NOT_READY,
    PENDING,
    RUNNING,
    calc_plain_metric_replicas,
    get_external_per_pod_metric_replicas,
    get_resource_replicas,
    group_pods,
)
from scaleproof.hpa.scale_events import get_longest_policy_period, store_scale_event
from scaleproof.hpa.stabilization import record
from scaleproof.simulator import autoscaling
from scaleproof.simulator.traffic import service_model
from scaleproof.simulator.traffic.kernel import FINAL_BACKLOG, MOST_REPLICAS, PERIOD, REPLICA_SECONDS, RESCALES, VIOLATED, World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Memory = tuple[Ints, Floats, NDArray[np.bool_], Ints]
"""Values, times and outdated flags of recommendations, up and down events; their counts."""

LONG_AGO: Final = 1e6
FRESH_CONTAINER_SECONDS: Final = 10.0

# Rows of the table of pods, float64[ROWS, pods]; pods stand in the order of their creation.
BEGINS: Final = 0  # its container starts: at creation, or when it has a node
READY_AT: Final = 1
WARM_AT: Final = 2
SERVED: Final = 3  # requests since its last scrape
SCRAPES: Final = 4
SAMPLE_AT: Final = 5
SAMPLE_WINDOW: Final = 6
SAMPLE_RATE: Final = 7  # requests/s; NaN before the first sample
ROWS: Final = 8

_RECOMMENDATIONS: Final = 0
_UP: Final = 1
_DOWN: Final = 2


@kernel
def play_plainly(  # noqa: C901, PLR0912, PLR0915  the order of events is the model, as in the kernel
    world: World,
    service: Floats,
    ints: Ints,
    floats: Floats,
    rules: Ints,
    kind: int,
    target: int,
    initial: int,
    replicas_by_sync: Ints,
    result: Floats,
) -> None:
    """As `kernel.play`, which see."""
    rates, _, _, sync_phase, scrape_phase, starts, noises, rate_before, scheduled = world
    seconds = rates.shape[0]
    most_served = service[service_model.MOST_SERVED]
    pods = np.zeros((ROWS, max(ints[autoscaling.MAX_REPLICAS], initial)))
    count = initial
    ever = 0
    for pod in range(initial):
        _start_long_ago(pods[:, pod], min(rate_before / initial, most_served), scrape_phase)
    room = ints[autoscaling.ROOM]
    memory = (np.zeros((3, room), np.int64), np.zeros((3, room)), np.zeros((3, room), np.bool_), np.zeros(3, np.int64))
    scratch = np.zeros((3, pods.shape[1]), np.int64)
    scrapes = 0
    syncs = 0
    backlog = 0.0
    result[:] = 0.0
    result[MOST_REPLICAS] = initial

    for second in range(seconds):
        now = float(second)
        if second % PERIOD == scrape_phase:
            scrapes += 1
            for pod in range(count):
                _scrape(pods[:, pod], now)
        if second % PERIOD == sync_phase:
            if syncs < replicas_by_sync.shape[0]:
                replicas_by_sync[syncs] = count
            syncs += 1
            noise = noises[scrapes % noises.shape[0]]
            wanted = scheduled[second] if scheduled.shape[0] > 0 else 0
            desired = _decide(now, count, wanted, pods, noise, service, ints, floats, rules, kind, target, memory, scratch)
            result[RESCALES] += desired != count
            while count < desired:
                _create(pods[:, count], now, count, starts[ever % starts.shape[0]], service)
                ever += 1
                count += 1
            while count > desired:
                _remove(pods, count, now)
                count -= 1
            result[MOST_REPLICAS] = max(result[MOST_REPLICAS], count)

        ready = 0
        warming = 0
        for pod in range(count):
            if pods[READY_AT, pod] <= now:
                ready += 1
                warming += pods[WARM_AT, pod] > now
        held = ready - warming + warming * service[service_model.WARM_SHARE]
        load = rates[second] + backlog
        served = min(load, held * most_served)
        backlog = load - served
        if load > held * service[service_model.CAPACITY]:
            result[VIOLATED] += rates[second]
        for pod in range(count):
            if pods[READY_AT, pod] <= now:
                pods[SERVED, pod] += served / ready
        result[REPLICA_SECONDS] += count
    result[FINAL_BACKLOG] = backlog


@kernel
def _start_long_ago(pod: Floats, rate: float, scrape_phase: int) -> None:
    """A pod that the run starts with: ready for long, serving `rate`."""
    pod[:] = -LONG_AGO
    pod[SCRAPES] = 2.0
    pod[SAMPLE_AT] = scrape_phase - PERIOD
    pod[SAMPLE_WINDOW] = PERIOD
    pod[SAMPLE_RATE] = rate
    pod[SERVED] = rate * (PERIOD - scrape_phase)


@kernel
def _create(pod: Floats, now: float, count: int, start: float, service: Floats) -> None:
    pod[:] = 0.0
    pod[BEGINS] = now + (service[service_model.NODE_SECONDS] if count >= service[service_model.NODE_REPLICAS] else 0.0)
    pod[READY_AT] = np.ceil(pod[BEGINS] + start)
    pod[WARM_AT] = np.ceil(pod[BEGINS] + start + service[service_model.WARM_SECONDS])
    pod[SAMPLE_RATE] = np.nan


@kernel
def _scrape(pod: Floats, now: float) -> None:
    """Metrics-server's rules: the rate between two scrapes, or since the start of a container that is fresh."""
    age = now - pod[BEGINS]
    if age <= 0:
        return
    window = 0.0
    if pod[SCRAPES] > 0:
        window = PERIOD
    elif FRESH_CONTAINER_SECONDS <= age < PERIOD:
        window = age
    if window > 0:
        pod[SAMPLE_AT] = now
        pod[SAMPLE_WINDOW] = window
        pod[SAMPLE_RATE] = pod[SERVED] / window
    pod[SCRAPES] += 1
    pod[SERVED] = 0.0


@kernel
def _remove(pods: Floats, count: int, now: float) -> None:
    """Remove one: of those not ready the one created last, else the one that became ready last, and of these the one created last."""
    chosen = 0
    for pod in range(1, count):
        ready = pods[READY_AT, pod] <= now
        chosen_ready = pods[READY_AT, chosen] <= now
        if ready == chosen_ready:
            if not ready or pods[READY_AT, pod] >= pods[READY_AT, chosen]:
                chosen = pod
        elif not ready:
            chosen = pod
    for pod in range(chosen, count - 1):
        pods[:, pod] = pods[:, pod + 1]


@kernel
def _propose(
    now: float,
    count: int,
    pods: Floats,
    noise: float,
    service: Floats,
    floats: Floats,
    kind: int,
    target: int,
    scratch: Ints,
) -> tuple[int, int]:
    """(Replicas, reason) of the metric."""
    phases = np.full(count, RUNNING)
    readiness = np.full(count, NOT_READY)
    changed = pods[BEGINS, :count].copy()
    groups, usage, requests = scratch[0, :count], scratch[1, :count], scratch[2, :count]
    sampled = ~np.isnan(pods[SAMPLE_RATE, :count])
    for pod in range(count):
        if pods[BEGINS, pod] > now:
            phases[pod] = PENDING
        if pods[READY_AT, pod] <= now:
            readiness[pod] = IS_READY
            changed[pod] = pods[READY_AT, pod]
        requests[pod] = int(service[service_model.REQUEST_MILLI])
        if sampled[pod]:
            usage[pod] = _milli_value(pods[SAMPLE_RATE, pod], kind, noise, service)
    group_pods(
        kind != autoscaling.REQUESTS_AVERAGE_VALUE, now, floats[autoscaling.CPU_INITIALIZATION], floats[autoscaling.READINESS_DELAY],
        phases, np.zeros(count, np.bool_), pods[BEGINS, :count], readiness, changed,
        sampled, pods[SAMPLE_AT, :count], pods[SAMPLE_WINDOW, :count], groups,
    )  # fmt: skip
    down, up = floats[autoscaling.DOWN_TOLERANCE], floats[autoscaling.UP_TOLERANCE]
    if kind == autoscaling.CPU_UTILIZATION:
        replicas, _, _, _, _, reason = get_resource_replicas(count, target, down, up, groups, usage, requests, 0)
    else:
        replicas, _, _, _, reason = calc_plain_metric_replicas(count, target, down, up, groups, usage, 0, 0)
    return replicas, reason


@kernel
def _milli_value(rate: float, kind: int, noise: float, service: Floats) -> int:
    """`Quantity.MilliValue` of a sample: rounded up. CPU comes in nanocores. Sums of floats get a little slack."""
    if kind == autoscaling.REQUESTS_AVERAGE_VALUE:
        return int(np.ceil(rate * 1000 - 1e-6))
    used = rate * service[service_model.CPU_SECONDS] * noise + service[service_model.IDLE_CORES]
    nanocores = np.floor(min(used, service[service_model.LIMIT_CORES]) * 1e9 + 1e-3)
    return int(np.ceil(nanocores / 1e6))


@kernel
def _decide(
    now: float,
    count: int,
    wanted: int,
    pods: Floats,
    noise: float,
    service: Floats,
    ints: Ints,
    floats: Floats,
    rules: Ints,
    kind: int,
    target: int,
    memory: Memory,
    scratch: Ints,
) -> int:
    """`reconcileAutoscaler`: the desired replicas. `wanted`: the value of a second metric, an external one of 1 a replica; 0: there is none."""
    values, times, outdated, counts = memory
    low, high = ints[autoscaling.MIN_REPLICAS], ints[autoscaling.MAX_REPLICAS]
    if counts[_RECOMMENDATIONS] == 0:
        counts[_RECOMMENDATIONS] = record(0, count, now, values[_RECOMMENDATIONS], times[_RECOMMENDATIONS], 0)
    up, down = rules[: ints[autoscaling.UP_RULES]], rules[ints[autoscaling.UP_RULES] :]
    desired, bounded = bound_replicas(count, low, high)
    if bounded == 0:
        proposal, reason = _propose(now, count, pods, noise, service, floats, kind, target, scratch)
        if reason == NO_METRICS:
            return count
        if wanted > 0:
            by_schedule = get_external_per_pod_metric_replicas(
                count, 1000, 1000 * wanted, floats[autoscaling.DOWN_TOLERANCE], floats[autoscaling.UP_TOLERANCE]
            )[0]
            proposal = max(proposal, by_schedule)
        if ints[autoscaling.HAS_BEHAVIOR] == 0:
            desired, _, _, _, counts[_RECOMMENDATIONS] = normalize_desired_replicas(
                now, count, proposal, low, high, floats[autoscaling.DOWN_WINDOW],
                values[_RECOMMENDATIONS], times[_RECOMMENDATIONS], counts[_RECOMMENDATIONS],
            )  # fmt: skip
        else:
            desired, _, _, _, counts[_RECOMMENDATIONS] = normalize_desired_replicas_with_behaviors(
                now, count, proposal, low, high,
                floats[autoscaling.UP_WINDOW], ints[autoscaling.UP_SELECT], up[:, 0], up[:, 1], up[:, 2],
                floats[autoscaling.DOWN_WINDOW], ints[autoscaling.DOWN_SELECT], down[:, 0], down[:, 1], down[:, 2],
                values[_RECOMMENDATIONS], times[_RECOMMENDATIONS], counts[_RECOMMENDATIONS],
                values[_UP], times[_UP], counts[_UP], values[_DOWN], times[_DOWN], counts[_DOWN],
            )  # fmt: skip
    if desired != count and ints[autoscaling.HAS_BEHAVIOR] != 0:
        row = _UP if desired > count else _DOWN
        longest = get_longest_policy_period(up[:, 2] if desired > count else down[:, 2])
        counts[row] = store_scale_event(now, abs(desired - count), longest, values[row], times[row], outdated[row], counts[row])
    return desired

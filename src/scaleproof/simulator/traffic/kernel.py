"""A service's replicas under one policy and one trace of rates. Compiled where numba is installed.

Between a scrape and a decision nothing changes, mostly: where no replica becomes ready, nothing waits, and the highest rate of
these seconds is within what the ready replicas hold, their sum says everything. Only the other seconds are walked one by one.
The result is that of a loop over all seconds (benchmarks/plain_traffic.py; a property test compares them).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.behavior import convert_desired_replicas_with_behavior_rate, convert_desired_replicas_with_rules
from scaleproof.hpa.compiled import kernel
from scaleproof.hpa.scale_events import get_longest_policy_period, store_scale_event
from scaleproof.simulator import autoscaling
from scaleproof.simulator.traffic import service_model
from scaleproof.simulator.traffic.alike import replicas_for_schedule, replicas_for_utilization, replicas_for_value

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PERIOD: Final = 15
"""Seconds between two decisions, and between two scrapes."""
FRESH_SECONDS: Final = 10.0
"""A container of at least this age has a sample after its first scrape (metrics-server)."""

# Results of one policy under one trace: float64[RESULTS].
REPLICA_SECONDS: Final = 0
VIOLATED: Final = 1  # requests in seconds where arrivals and backlog exceed what the ready replicas hold
RESCALES: Final = 2
MOST_REPLICAS: Final = 3
FINAL_BACKLOG: Final = 4
RESULTS: Final = 5

# A young replica: float64[any, YOUNG_COLUMNS]. Old ones are alike and only counted.
_BEGINS: Final = 0  # its container starts: at creation, or when it has a node
_READY: Final = 1
_WARM: Final = 2
_WORK_AT_READY: Final = 3
_SCRAPES: Final = 4
_SAMPLED: Final = 5
_STATE: Final = 6  # 0 starting, 1 ready, 2 warm
YOUNG_COLUMNS: Final = 7


NOT_SCHEDULED: Final = np.zeros(0, np.int64)


class World(NamedTuple):
    """One run's traffic and luck."""

    rates: Floats
    """Requests of every second."""
    sums: Floats
    """Requests before every second; one entry more than `rates`."""
    highest: Floats
    """The highest rate between two control events, in order (see `highest_between`)."""
    sync_phase: int
    """The second of the first decision, below PERIOD."""
    scrape_phase: int
    """The second of the first scrape, below PERIOD. In a second with both, the scrape comes first."""
    starts: Floats
    """Seconds from start to readiness of the replicas created, in order; used in turn."""
    noise: Floats
    """What a scrape finds, relative to the CPU really used; used in turn."""
    rate_before: float
    """The rate that the replicas of the beginning have served for long, requests/s."""
    scheduled: Ints = NOT_SCHEDULED
    """Replicas that a schedule asks for in every second, as `schedule.scheduled_replicas` has them; empty: there is none."""


@kernel
def highest_between(rates: Floats, sync_phase: int, scrape_phase: int) -> Floats:
    """The highest rate from each control event to the next; the first entry is from second 0 to the first event."""
    seconds = rates.shape[0]
    found = np.zeros(2 * (seconds // PERIOD) + 4)
    at = 0
    piece = 0
    next_sync = sync_phase
    next_scrape = scrape_phase
    while at < seconds:
        until = min(min(next_sync, next_scrape), seconds)  # noqa: PLW3301  compiled min takes two
        most = 0.0
        for second in range(at, until):
            most = max(most, rates[second])
        found[piece] = most
        piece += 1
        at = until
        if until == next_scrape:
            next_scrape += PERIOD
        if until == next_sync:
            next_sync += PERIOD
    return found[:piece]


@kernel
def play(  # noqa: C901, PLR0912, PLR0915  the order of events is the model: one place to read it
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
    """Play the whole trace from `initial` replicas, long ready and within the bounds; fills `result` and `replicas_by_sync` (may be empty).

    `ints`, `floats` and `rules` as `autoscaling_spec.pack` makes them, of one metric of `kind` and `target`.
    """
    rates, sums, highest, sync_phase, scrape_phase, starts, noise, rate_before, scheduled = world
    seconds = rates.shape[0]
    capacity = service[service_model.CAPACITY]
    most_served = service[service_model.MOST_SERVED]
    low = ints[autoscaling.MIN_REPLICAS]
    high = ints[autoscaling.MAX_REPLICAS]
    behaves = ints[autoscaling.HAS_BEHAVIOR] != 0
    up_rules = rules[: ints[autoscaling.UP_RULES]]
    down_rules = rules[ints[autoscaling.UP_RULES] :]
    up_syncs, down_syncs = _window_syncs(floats, behaves)
    ring = np.zeros(2 * max(max(up_syncs, down_syncs), 1), np.int64)  # noqa: PLW3301  compiled max takes two
    half = ring.shape[0] // 2
    ring_at = 0
    seed = initial
    room = ints[autoscaling.ROOM]
    changes = np.zeros((2, room), np.int64)
    times = np.zeros((2, room))
    outdated = np.zeros((2, room), np.bool_)
    events = np.zeros(2, np.int64)

    young = np.zeros((max(high, initial) + 1, YOUNG_COLUMNS))
    young_count = 0
    count = initial
    ready = initial
    holds = ready * capacity
    serves = ready * most_served
    next_change = np.inf
    ordinal = 0
    backlog = 0.0
    work = 0.0  # requests served by one replica that is ready all the time
    sample = min(rate_before / max(initial, 1), most_served)
    before = (scrape_phase - PERIOD) * sample
    sample_noise = noise[0]
    scrapes = 0
    last_scrape = float(scrape_phase - PERIOD)
    replica_seconds = 0.0
    violated = 0.0
    rescales = 0
    most = count
    syncs = 0

    at = 0
    piece = 0
    next_sync = sync_phase
    next_scrape = scrape_phase
    while at < seconds:
        until = min(min(next_sync, next_scrape), seconds)  # noqa: PLW3301  compiled min takes two
        if until > at:
            replica_seconds += count * (until - at)
            if backlog == 0.0 and highest[piece] <= holds and next_change >= until:
                work += (sums[until] - sums[at]) / ready
            else:
                for second in range(at, until):
                    if next_change <= second:
                        ready, held, next_change = _grow(young, young_count, count, second, work, service)
                        holds = held * capacity
                        serves = held * most_served
                    load = rates[second] + backlog
                    served = min(load, serves)
                    backlog = load - served
                    work += served / ready
                    if load > holds:
                        violated += rates[second]
        piece += 1
        at = until
        if at >= seconds:
            break
        if at == next_scrape:
            scrapes += 1
            sample = (work - before) / PERIOD
            before = work
            sample_noise = noise[scrapes % noise.shape[0]]
            last_scrape = float(at)
            next_scrape += PERIOD
            if young_count > 0:
                if next_change <= at:
                    ready, held, next_change = _grow(young, young_count, count, at, work, service)
                    holds = held * capacity
                    serves = held * most_served
                young_count = _scrape(young, young_count, float(at))
        if at == next_sync:
            next_sync += PERIOD
            if next_change <= at:
                ready, held, next_change = _grow(young, young_count, count, at, work, service)
                holds = held * capacity
                serves = held * most_served
            if syncs < replicas_by_sync.shape[0]:
                replicas_by_sync[syncs] = count
            counted, unready, missing, usage = _groups(
                young, young_count, count, last_scrape, float(at), kind, before, sample, sample_noise, service
            )
            if kind == autoscaling.CPU_UTILIZATION:
                proposal = replicas_for_utilization(
                    count, target, floats[autoscaling.DOWN_TOLERANCE], floats[autoscaling.UP_TOLERANCE],
                    counted, unready, missing, usage, int(service[service_model.REQUEST_MILLI]),
                )[0]  # fmt: skip
            else:
                proposal = replicas_for_value(
                    count, target, floats[autoscaling.DOWN_TOLERANCE], floats[autoscaling.UP_TOLERANCE],
                    counted, unready, missing, usage,
                )[0]  # fmt: skip
            if scheduled.shape[0] > 0:
                by_schedule = replicas_for_schedule(
                    count, scheduled[at], floats[autoscaling.DOWN_TOLERANCE], floats[autoscaling.UP_TOLERANCE]
                )
                proposal = max(proposal, by_schedule)
            # Stabilise: extremes of the windows over what was recommended, and over the count at the first decision.
            lowest = highest_wanted = proposal
            if syncs == 0:
                seed = count
            if syncs <= down_syncs and (syncs > 0 or not behaves or floats[autoscaling.DOWN_WINDOW] > 0):
                highest_wanted = max(highest_wanted, seed)
            if behaves and syncs <= up_syncs and (syncs > 0 or floats[autoscaling.UP_WINDOW] > 0):
                lowest = min(lowest, seed)
            end = ring_at + half
            for index in range(end - min(down_syncs, syncs), end):
                highest_wanted = max(highest_wanted, ring[index])
            stable = highest_wanted
            if behaves:
                for index in range(end - min(up_syncs, syncs), end):
                    lowest = min(lowest, ring[index])
                stable = min(max(count, lowest), highest_wanted)
            ring[ring_at] = ring[ring_at + half] = proposal
            ring_at += 1
            if ring_at == half:
                ring_at = 0
            desired = count
            if not behaves:
                desired = convert_desired_replicas_with_rules(count, stable, low, high)[0]
            elif stable != count:
                desired = convert_desired_replicas_with_behavior_rate(
                    float(at), count, stable, low, high,
                    ints[autoscaling.UP_SELECT], up_rules[:, 0], up_rules[:, 1], up_rules[:, 2],
                    ints[autoscaling.DOWN_SELECT], down_rules[:, 0], down_rules[:, 1], down_rules[:, 2],
                    changes[0], times[0], events[0], changes[1], times[1], events[1],
                )[0]  # fmt: skip
            syncs += 1
            if desired != count:
                rescales += 1
                if behaves:
                    side = 0 if desired > count else 1
                    longest = get_longest_policy_period(up_rules[:, 2] if side == 0 else down_rules[:, 2])
                    events[side] = store_scale_event(
                        float(at), abs(desired - count), longest, changes[side], times[side], outdated[side], events[side]
                    )
                while count < desired:
                    _create(young, young_count, float(at), count, starts[ordinal % starts.shape[0]], service)
                    young_count += 1
                    ordinal += 1
                    count += 1
                while count > desired:
                    young_count = _remove(young, young_count)
                    count -= 1
                most = max(most, count)
                ready, held, next_change = _grow(young, young_count, count, at, work, service)
                holds = held * capacity
                serves = held * most_served

    result[REPLICA_SECONDS] = replica_seconds
    result[VIOLATED] = violated
    result[RESCALES] = rescales
    result[MOST_REPLICAS] = most
    result[FINAL_BACKLOG] = backlog


@kernel
def _window_syncs(floats: Floats, behaves: bool) -> tuple[int, int]:  # noqa: FBT001  a kernel's scalar
    """How many earlier decisions each window looks back on: strictly younger ones with `behavior`, else also one as old."""
    up = int(np.ceil(floats[autoscaling.UP_WINDOW] / PERIOD)) - 1
    down = floats[autoscaling.DOWN_WINDOW] / PERIOD
    if behaves:
        return max(up, 0), max(int(np.ceil(down)) - 1, 0)
    return 0, int(np.floor(down))


@kernel
def _grow(young: Floats, young_count: int, count: int, now: float, work: float, service: Floats) -> tuple[int, float, float]:
    """Let young replicas become ready and warm; returns (ready ones of all, their capacity in replicas, the next change)."""
    warm = count - young_count
    warming = 0
    following = np.inf
    for row in range(young_count):
        if young[row, _STATE] == 0.0 and young[row, _READY] <= now:
            young[row, _STATE] = 1.0
            young[row, _WORK_AT_READY] = work
        if young[row, _STATE] == 1.0 and young[row, _WARM] <= now:
            young[row, _STATE] = 2.0
        if young[row, _STATE] == 0.0:
            following = min(following, young[row, _READY])
        elif young[row, _STATE] == 1.0:
            warming += 1
            following = min(following, young[row, _WARM])
        else:
            warm += 1
    return warm + warming, warm + warming * service[service_model.WARM_SHARE], following


@kernel
def _scrape(young: Floats, young_count: int, now: float) -> int:
    """Samples of young replicas; those that have become like the old ones leave the table. Returns how many stay."""
    kept = 0
    for row in range(young_count):
        age = now - young[row, _BEGINS]
        if age > 0:
            young[row, _SCRAPES] += 1.0
            if young[row, _SCRAPES] > 1 or FRESH_SECONDS <= age < PERIOD:
                young[row, _SAMPLED] = 1.0
        if young[row, _STATE] == 2.0 and now >= young[row, _READY] + PERIOD and young[row, _SAMPLED] == 1.0:  # noqa: PLR2004
            continue
        if kept != row:
            young[kept, :] = young[row, :]
        kept += 1
    return kept


@kernel
def _groups(
    young: Floats,
    young_count: int,
    count: int,
    last_scrape: float,
    now: float,
    kind: int,
    before: float,
    sample: float,
    noise: float,
    service: Floats,
) -> tuple[int, int, int, int]:
    """`groupPods` of replicas of one kind: (with a sample that counts, unready, missing, usage of the first in thousandths).

    `before`: a replica's work at the last scrape; `sample`: its rate in the window before.
    """
    alike = count - young_count
    unready = 0
    missing = 0
    others = 0
    usage = 0
    for row in range(young_count):
        began = last_scrape - PERIOD
        if young[row, _BEGINS] > now:
            unready += 1
        elif young[row, _SAMPLED] == 0.0:
            missing += 1
        elif young[row, _READY] <= began:
            alike += 1
        else:
            if young[row, _SCRAPES] == 1.0:
                began = young[row, _BEGINS]
            if kind == autoscaling.REQUESTS_AVERAGE_VALUE or young[row, _READY] <= began:
                others += 1
                served = before - young[row, _WORK_AT_READY] if young[row, _READY] < last_scrape else 0.0
                usage += _thousandths(served / (last_scrape - began), kind, noise, service)
            else:
                unready += 1
    return alike + others, unready, missing, alike * _thousandths(sample, kind, noise, service) + usage


@kernel
def _thousandths(rate: float, kind: int, noise: float, service: Floats) -> int:
    """What a sample says of a replica that served `rate` requests/s: thousandths of them, or of cores.

    A nanocore (a millionth of a thousandth) is cut off, the rest rounded up; sums of floats get a little slack in both.
    """
    if kind == autoscaling.REQUESTS_AVERAGE_VALUE:
        return int(np.ceil(rate * 1000.0 - 1e-6))
    cores = rate * service[service_model.CPU_SECONDS] * noise + service[service_model.IDLE_CORES]
    return int(np.ceil(np.floor(min(cores, service[service_model.LIMIT_CORES]) * 1e9 + 1e-3) / 1e6))


@kernel
def _create(young: Floats, row: int, now: float, count: int, start: float, service: Floats) -> None:
    young[row, :] = 0.0
    begins = now
    if count >= service[service_model.NODE_REPLICAS]:
        begins += service[service_model.NODE_SECONDS]
    young[row, _BEGINS] = begins
    young[row, _READY] = np.ceil(begins + start)
    young[row, _WARM] = np.ceil(begins + start + service[service_model.WARM_SECONDS])


@kernel
def _remove(young: Floats, young_count: int) -> int:
    """Remove one: a replica that is not ready, the latest first, else the one that became ready last. Old ones come last.

    Source: ActivePodsWithRanks of k8s.io/kubernetes/pkg/controller, for pods of equal cost on one node.
    """
    if young_count == 0:
        return 0
    best = -1
    for row in range(young_count):
        if best < 0:
            best = row
            continue
        starting, best_starting = young[row, _STATE] == 0.0, young[best, _STATE] == 0.0
        if starting != best_starting:
            if starting:
                best = row
        elif starting or young[row, _READY] >= young[best, _READY]:
            best = row
    for row in range(best, young_count - 1):
        young[row, :] = young[row + 1, :]
    return young_count - 1

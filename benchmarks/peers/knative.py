"""Knative's autoscaler (KPA) on requests/s: means over 60 s, or over 6 s in panic, every 2 s, at 70 % of a replica's capacity.

Sources: knative/serving pkg/autoscaler/scaling/autoscaler.go (Scale), pkg/autoscaler/config/config.go (defaults),
pkg/reconciler/autoscaling/resources/target.go (target × utilisation), https://knative.dev/docs/serving/autoscaling/kpa-specific/.
The service is annotated with metric rps and its capacity as target; it is not scaled to zero. Arrivals count when they arrive.
"""

from __future__ import annotations

import math

from scaleproof.hpa.compiled import kernel
from scaleproof.simulator.traffic.kernel import World
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.simulator.traffic.worlds import world_of

from .policy import LEAST, MOST
from .replicas import SECONDS, VIOLATED, Floats, begin, pass_second, ready_since, resize

UTILIZATION, THRESHOLD, MOST_UP, MOST_DOWN = 0.7, 2.0, 1000.0, 2.0  # the last three: times the ready replicas
TICK, STABLE, PANIC = 2, 60, 6  # seconds


def play(rates: Floats, service: ServiceModel, *, seed: int) -> tuple[float, float]:
    """(replica-seconds, violated requests)."""
    world = world_of(rates, service, seed=seed)
    target = max(1.0, UTILIZATION * service.capacity_per_second)
    state = _play(world, service.packed(), target, min(max(math.ceil(world.rate_before / target), LEAST), MOST))
    return float(state[SECONDS]), float(state[VIOLATED])


@kernel
def _play(world: World, service: Floats, target: float, initial: int) -> Floats:
    state, each = begin(initial, MOST)
    since, most = 0.0, float(initial)  # a new autoscaler starts in panic
    for second in range(world.rates.size):
        if second > 0 and (second - world.sync_phase) % TICK == 0:
            stable = (world.sums[second] - world.sums[max(0, second - STABLE)]) / min(second, STABLE)
            panic = (world.sums[second] - world.sums[max(0, second - PANIC)]) / min(second, PANIC)
            wanted, since, most = decide(second, ready_since(state, each, second), stable, panic, target, since, most)
            resize(state, each, second, int(min(max(wanted, LEAST), MOST)), world.starts, service)
        pass_second(state, each, second, world.rates[second], service)
    return state


@kernel
def decide(
    now: float, ready: float, stable: float, panic: float, target: float, since: float, most: float
) -> tuple[float, float, float]:
    """(replicas, since when it panics or -1, the most wanted since then)."""
    ready = max(1.0, ready)
    least, limit = math.floor(ready / MOST_DOWN), math.ceil(MOST_UP * ready)
    by_stable, by_panic = math.ceil(stable / target), math.ceil(panic / target)
    wanted = float(min(max(by_stable, least), limit))
    if by_panic / ready >= THRESHOLD:
        since = float(now)
    elif since >= 0 and now > since + STABLE:
        since, most = -1.0, 0.0
    if since >= 0:
        wanted = most = max(most, wanted, float(min(max(by_panic, least), limit)))
    return wanted, since, most

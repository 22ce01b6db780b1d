"""Predictive HPA: the greater of what HPA calculates and what the line through its last six calculations says for 10 s ahead.

Sources: jthomperoo/predictive-horizontal-pod-autoscaler docs/user-guide/models.md and examples/simple-linear (lookAhead 10000,
historySize 6), algorithms/linear_regression/linear_regression.py, internal/controllers (sync 15 s, tolerance 0.1, maximum,
stabilisation 300 s), internal/scalebehavior (at most twice the count, or 4). Its other model, Holt-Winters, repeats a season
that its user knows in advance: the traces of an hour have none, so the regression is taken. Target as Kubernetes' default.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from scaleproof.hpa.behavior import convert_desired_replicas_with_rules
from scaleproof.hpa.compiled import kernel
from scaleproof.simulator.traffic import service_model
from scaleproof.simulator.traffic.kernel import PERIOD, World
from scaleproof.simulator.traffic.policies import pack_policies, steady_replicas
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.simulator.traffic.worlds import world_of

from .calculation import calculated_replicas, forecast
from .policy import DEFAULT_TARGET, LEAST, MOST, cpu_policy
from .replicas import COUNT, SECONDS, VIOLATED, WORK, Floats, begin, pass_second, resize

AHEAD: Final = 10 / PERIOD
REMEMBERED: Final = 6
WINDOW: Final = 300 // PERIOD


def play(rates: Floats, service: ServiceModel, *, seed: int, remembered: int = REMEMBERED) -> tuple[float, float]:
    """(replica-seconds, violated requests). With one calculation remembered, nothing is predicted: plain HPA."""
    world = world_of(rates, service, seed=seed)
    initial = steady_replicas(pack_policies([cpu_policy(DEFAULT_TARGET)], service), service, world.rate_before)[0]
    state = _play(world, service.packed(), int(initial), remembered)
    return float(state[SECONDS]), float(state[VIOLATED])


@kernel
def _play(world: World, service: Floats, initial: int, remembered: int) -> Floats:
    state, each = begin(initial, MOST)
    calculated = np.zeros(world.rates.size // PERIOD + 1)
    wanted = np.full(calculated.size + WINDOW, initial)
    syncs = 0
    sample = min(world.rate_before / initial, service[service_model.MOST_SERVED])
    scraped = world.scrape_phase - PERIOD
    before = scraped * sample
    for second in range(world.rates.size):
        if (second - world.scrape_phase) % PERIOD == 0:
            sample, before, scraped = (state[WORK] - before) / PERIOD, state[WORK], second
        if (second - world.sync_phase) % PERIOD == 0:
            count = int(state[COUNT])
            calculated[syncs] = calculated_replicas(count, each, second, scraped, sample, service)
            predicted = forecast(calculated[max(0, syncs + 1 - remembered) : syncs + 1], AHEAD)
            wanted[syncs + WINDOW] = min(max(calculated[syncs], predicted, LEAST), MOST)
            stable = wanted[syncs : syncs + WINDOW + 1].max()
            desired = convert_desired_replicas_with_rules(count, stable, LEAST, MOST)[0]
            resize(state, each, second, desired, world.starts, service)
            syncs += 1
        pass_second(state, each, second, world.rates[second], service)
    return state

"""Traffic and luck of a run: rates, phases of scrapes and decisions, start-up times, noise of usage."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.traffic.kernel import PERIOD, World, highest_between
from scaleproof.simulator.traffic.service_model import ServiceModel

_DRAWS: Final = 997  # a prime: replicas and scrapes that use the draws in turn do not fall into step with each other


_FIRST_SECONDS: Final = 60
"""A run begins as if their mean rate had lasted for long: the first second alone says little of noisy traffic."""


def world_of(rates: NDArray[np.float64], service: ServiceModel, *, seed: int, usage_noise: float = 0.0) -> World:
    """`rates`: requests of every second. Everything else is drawn from `seed`; `usage_noise`: standard deviation of a sample."""
    random = np.random.default_rng(seed)
    sync_phase, scrape_phase = (int(phase) for phase in random.integers(0, PERIOD, 2))
    least, most = service.start_seconds
    starts = random.uniform(least, most, _DRAWS)
    noise = np.maximum(0.0, 1.0 + usage_noise * random.standard_normal(_DRAWS)) if usage_noise else np.ones(1)
    return World(
        rates,
        np.concatenate(([0.0], np.cumsum(rates))),
        highest_between(rates, sync_phase, scrape_phase),
        sync_phase,
        scrape_phase,
        starts,
        noise,
        float(rates[:_FIRST_SECONDS].mean()) if rates.shape[0] else 0.0,
    )


def clairvoyant_replicas(
    rates: NDArray[np.float64], service: ServiceModel, *, at_least: int, at_most: int | None = None
) -> NDArray[np.int64]:
    """The fewest replicas that hold each second, without start-up: what perfect foresight would pay for at the least."""
    needed = np.maximum(at_least, np.ceil(rates / service.capacity_per_second)).astype(np.int64)
    return needed if at_most is None else np.minimum(needed, at_most)

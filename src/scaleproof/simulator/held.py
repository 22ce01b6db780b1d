"""A fixed number of replicas under a constant rate: latency by rate, and the capacity within an SLO. What a calibration fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator import layout
from scaleproof.simulator.autoscaling_spec import held
from scaleproof.simulator.draws import gamma
from scaleproof.simulator.kernel import simulate_service


@dataclass(frozen=True)
class ReplicaModel:
    """What decides a replica's latency under a CPU quota."""

    cpu_seconds: float
    """Mean CPU seconds a request."""
    variation: float
    """Coefficient of variation of a request's CPU seconds."""
    limit_cores: float
    wait_seconds: float = 0.0
    wait_variation: float = 0.7
    idle_cores: float = 0.0
    concurrency: float = 1.0
    busy_factor: float = 1.0
    """CPU of a request that follows another at once, relative to `cpu_seconds`."""
    idle_factor: float = 1.0
    """CPU of a request that finds a long idle replica, relative to `cpu_seconds`."""
    idle_seconds: float = 0.05


@dataclass(frozen=True)
class HeldResult:
    """A simulated step of constant load."""

    arrivals: NDArray[np.float64]
    latency_seconds: NDArray[np.float64]
    """Infinity where a request was not finished within the timeout."""
    cores: float
    """Mean CPU of all replicas together."""

    def percentile_seconds(self, percent: float) -> float:
        """NaN without requests."""
        if not self.latency_seconds.size:
            return np.nan
        return float(np.percentile(self.latency_seconds, percent, method="inverted_cdf"))

    def share_within(self, seconds: float) -> float:
        """Share of requests not slower than `seconds`; 1 without requests."""
        return float(np.mean(self.latency_seconds <= seconds)) if self.latency_seconds.size else 1.0


def simulate_held(
    model: ReplicaModel,
    *,
    rate_per_second: float,
    replicas: int = 1,
    duration_seconds: float = 240.0,
    skip_seconds: float = 5.0,
    timeout_seconds: float = 15.0,
    seed: int = 0,
) -> HeldResult:
    """Poisson arrivals at `rate_per_second` for all replicas together. The first `skip_seconds` are not reported."""
    rng = np.random.default_rng([seed, 0x4E1D])
    size = int(rng.poisson(rate_per_second * duration_seconds))
    arrivals = np.sort(rng.random(size)) * duration_seconds
    work = gamma(rng, 1.0, model.variation, size) * model.cpu_seconds
    waits = gamma(rng, 1.0, model.wait_variation, size) * model.wait_seconds
    choices = rng.random(size)
    draws = np.zeros((max(replicas, 1), layout.REPLICA_DRAWS))
    draws[:, layout.QUOTA_PHASE] = rng.random(draws.shape[0])
    settings = np.zeros(layout.SETTINGS)
    settings[layout.LIMIT_CORES] = model.limit_cores
    settings[layout.SPEED_CORES] = model.concurrency
    settings[layout.IDLE_CORES] = model.idle_cores
    settings[layout.WARM_FACTOR] = 1.0
    settings[layout.BUSY_FACTOR] = model.busy_factor
    settings[layout.IDLE_FACTOR] = model.idle_factor
    settings[layout.IDLE_SECONDS] = model.idle_seconds
    settings[layout.DURATION] = settings[layout.HORIZON] = np.ceil(duration_seconds)
    settings[layout.SYNC_PHASE] = settings[layout.SYNC_PERIOD] = np.inf
    settings[layout.SCRAPE_PHASE], settings[layout.SCRAPE_PERIOD] = 15.0, 15.0
    settings[layout.MAX_OUTSTANDING] = settings[layout.QUEUE_LIMIT] = np.inf
    settings[layout.TIMEOUT] = timeout_seconds
    packed = held(replicas)
    finished = np.full(size, np.nan)
    status = np.zeros(size, np.int8)
    seconds = np.zeros((int(np.ceil(duration_seconds)), layout.SECOND_COLUMNS))
    simulate_service(
        arrivals, work, choices, draws, settings, packed.ints, packed.floats, packed.rules, packed.metrics, replicas,
        finished, status, seconds, np.zeros((0, layout.DECISION_COLUMNS)), np.zeros((replicas, layout.LIVED_COLUMNS)),
    )  # fmt: skip
    latency = finished - arrivals + waits
    latency[~(latency <= timeout_seconds)] = np.inf
    reported = arrivals >= skip_seconds
    return HeldResult(
        arrivals=arrivals[reported],
        latency_seconds=latency[reported],
        cores=float(seconds[int(skip_seconds) :, layout.SECOND_CPU].mean()),
    )


def capacity(
    model: ReplicaModel,
    *,
    threshold_seconds: float,
    share: float,
    replicas: int = 1,
    duration_seconds: float = 120.0,
    seeds: tuple[int, ...] = (1, 2, 3),
) -> float:
    """The highest requests/s at which `share` of the requests of `replicas` together meet the threshold; 0 where none is.

    Found by bisection to 1 %, over the pooled seeds.
    """
    usable = max(model.limit_cores - model.idle_cores, 1e-6)
    low, high = 0.0, replicas * usable / (model.cpu_seconds * model.busy_factor)

    def holds(rate: float) -> bool:
        steps = [
            simulate_held(model, rate_per_second=rate, replicas=replicas, duration_seconds=duration_seconds, seed=seed)
            for seed in seeds
        ]
        within = sum(float(np.count_nonzero(step.latency_seconds <= threshold_seconds)) for step in steps)
        return within >= share * sum(step.latency_seconds.size for step in steps)

    while high - low > 0.01 * high:
        middle = (low + high) / 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low

"""How much more a replica serves at a CPU use than requests at random times would: those that queue find warm caches. Pure."""

from __future__ import annotations

import math
from typing import Final

from scaleproof.simulator.calibration import ServiceCalibration
from scaleproof.simulator.held import ReplicaModel, simulate_held

_REPLICAS: Final = 4
"""So that the gateway can choose, as with any number."""
_REQUESTS: Final = 12_000
_BISECTIONS: Final = 8
_SEED: Final = 1


def warm_factor(known: ServiceCalibration, cores: float, rate: float) -> float:
    """By how much the rate at which the simulator's replica uses so many cores is above `rate`; 1 where all requests cost alike.

    `cores` are those of the requests alone, `rate` is where requests that never queue use them. The simulator's own queue decides
    (`simulator.held`), so that a plan and a simulation of the same load agree.
    """
    if known.idle_factor <= known.busy_factor or cores + known.idle_cores >= known.limit_millicores / 1000:
        return 1.0
    model = ReplicaModel(
        cpu_seconds=known.cpu_seconds_per_request.value,
        variation=known.cpu_variation,
        limit_cores=known.limit_millicores / 1000,
        idle_cores=known.idle_cores,
        concurrency=known.concurrency,
        busy_factor=known.busy_factor,
        idle_factor=known.idle_factor,
        idle_seconds=known.idle_seconds,
    )
    low, high = rate, cores / (known.cpu_seconds_per_request.value * known.busy_factor)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _cores_used(model, middle) < cores + known.idle_cores:
            low = middle
        else:
            high = middle
    return low / rate


def _cores_used(model: ReplicaModel, rate: float) -> float:
    """CPU of one of the replicas."""
    together = rate * _REPLICAS
    held = simulate_held(
        model,
        rate_per_second=together,
        replicas=_REPLICAS,
        duration_seconds=float(math.ceil(_REQUESTS / together)),
        skip_seconds=0.0,
        seed=_SEED,
    )
    return held.cores / _REPLICAS

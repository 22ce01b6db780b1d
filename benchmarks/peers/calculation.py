"""What Predictive HPA calculates: HPA's count, before anything is stabilised or limited, and the line through such counts."""

from __future__ import annotations

from typing import Final

import numpy as np

from scaleproof.hpa.compiled import kernel
from scaleproof.simulator.traffic import service_model
from scaleproof.simulator.traffic.alike import replicas_for_utilization
from scaleproof.simulator.traffic.kernel import FRESH_SECONDS, PERIOD

from .policy import DEFAULT_TARGET
from .replicas import BEGINS, READY, Floats

TOLERANCE: Final = 0.1


@kernel
def calculated_replicas(count: int, each: Floats, now: float, scraped: float, sample: float, service: Floats) -> int:
    """HPA's count, by the simulator's rules; `sample`: requests/s of each replica that was ready all through the last window."""
    counted = missing = 0
    for row in range(count):
        age = scraped - each[BEGINS, row]
        sampled = age > PERIOD or FRESH_SECONDS <= age < PERIOD
        counted += sampled and each[READY, row] + PERIOD <= scraped
        missing += not sampled and each[BEGINS, row] <= now
    cores = sample * service[service_model.CPU_SECONDS] + service[service_model.IDLE_CORES]
    milli = int(np.ceil(np.floor(min(cores, service[service_model.LIMIT_CORES]) * 1e9 + 1e-3) / 1e6))
    unready, request = count - counted - missing, int(service[service_model.REQUEST_MILLI])
    return replicas_for_utilization(
        count, DEFAULT_TARGET, TOLERANCE, TOLERANCE, counted, unready, missing, counted * milli, request
    )[0]


@kernel
def forecast(values: Floats, ahead: float) -> float:
    """The straight line through values a period apart, `ahead` periods after the last, rounded up."""
    last = values.size - 1
    mean, above, squares = values.mean(), 0.0, 0.0
    for index in range(values.size):
        above += (index - last / 2) * (values[index] - mean)
        squares += (index - last / 2) ** 2
    slope = above / squares if last > 0 else 0.0
    return float(np.ceil(mean + slope * (last / 2 + ahead) - 1e-9))

"""Robusta KRR: the CPU request is the 95th percentile of a replica's usage; of all replicas, the greatest.

Sources: robusta-dev/krr README.md ("Algorithm"), robusta_krr/strategies/simple.py (cpu_percentile 95, their maximum;
99 in early versions), …/prometheus/metrics/cpu.py (quantile_over_time of the rate over a step), core/runner.py (rounded up to 1m).
It refuses workloads with an autoscaler ("HPA detected") unless --allow-hpa is given; here it is. The target stays at 80 %:
HPA sees usage/request alone, so a request R' at 80 % scales like 80·R'/R on the request R, which is what the cost counts.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.autoscaling import AutoscalingSpec

from .history import averaged, history_of
from .policy import DEFAULT_TARGET, cpu_policy

STEP_SECONDS: Final = 75
PERCENTILE: Final = 95
LEAST_MILLICORES: Final = 10


def recommend(training: NDArray[np.float64], service: ServiceModel) -> AutoscalingSpec:
    """The target on the present request that equals 80 % of the recommended one."""
    history = history_of(training, service)
    cores = highest_percentile(averaged(history.usage, STEP_SECONDS), averaged(history.replicas, STEP_SECONDS))
    return cpu_policy(equivalent_target(cores, service.request_millicores))


def highest_percentile(usage: NDArray[np.float64], replicas: NDArray[np.float64]) -> float:
    """Over the lives of all replicas, in cores: what was created last goes first, so that the k-th lives while there are k."""
    highest = 0.0
    for ordinal in range(1, int(replicas.max()) + 1):
        lives = replicas >= ordinal
        ends = np.flatnonzero(np.diff(lives)) + 1
        for alive, life in zip(np.split(lives, ends), np.split(usage, ends), strict=True):
            if alive[0]:
                highest = max(highest, float(np.percentile(life, PERCENTILE)))
    return highest


def equivalent_target(cores: float, request_millicores: int) -> float:
    """Per cent of the present request."""
    return DEFAULT_TARGET * max(math.ceil(cores * 1000 - 1e-9), LEAST_MILLICORES) / request_millicores

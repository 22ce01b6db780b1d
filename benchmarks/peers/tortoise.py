"""Tortoise: the target leaves as much room as the P90 of CPU exceeds it; bounds are shares of the replicas of the same hour.

Sources: mercari/tortoise docs/horizontal.md, docs/admin-guide.md and pkg/config (factors 0.5 and 2, targets 65 to 90,
minReplicas 3 to 10, at most +5 a day), pkg/recommender/recommender.go; VPA's pkg/recommender/logic and model (the 90th percentile,
15 % margin, a histogram with buckets 5 % wider each, from 10m, of which the end counts). The target is applied and measured
again until it stays, a day each time. Bounds change by the hour there; a policy has one of each: the widest of all hours.
That it also resizes the request, at 3 replicas or fewer and from 30, is left out.
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

MINUTE: Final = 60
HOUR: Final = 3600
WEEK_HOURS: Final = 168
DAYS: Final = 14
TARGETS: Final = (65, 90)
LARGEST_STEP: Final = 5


def recommend(training: NDArray[np.float64], service: ServiceModel) -> AutoscalingSpec:
    """Where its target comes to rest, or after `DAYS`."""
    target = DEFAULT_TARGET
    for _ in range(DAYS):
        history = history_of(training, service, target=target)
        vpa = vpa_cores(averaged(history.usage, MINUTE), averaged(history.replicas, MINUTE))
        following = min(next_target(target, vpa, service.request_millicores / 1000), target + LARGEST_STEP)
        if following == target:
            break
        target = following
    slots = np.arange(training.size) // HOUR % WEEK_HOURS
    counts = [int(history.replicas[slots == slot].max()) for slot in np.unique(slots)]
    least = min(max(math.ceil(0.5 * min(counts)), 3), 10)
    return cpu_policy(target, least=least, most=max(2 * max(counts), 12))


def next_target(current: int, vpa: float, request_cores: float) -> int:
    """100 − (VPA's recommendation / request − current target), unless replicas use less than the target."""
    used = math.ceil(vpa / request_cores * 100 - 1e-9)
    wanted = 100 - (used - current)
    return min(max(wanted if current <= used and 0 < wanted <= 100 else current, TARGETS[0]), TARGETS[1])  # noqa: PLR2004  per cent


def vpa_cores(usage: NDArray[np.float64], pods: NDArray[np.float64]) -> float:
    """VPA's target for a pod of these samples."""
    order = np.argsort(usage)
    percentile = usage[order][np.searchsorted(np.cumsum(pods[order]), 0.9 * pods.sum())]
    bucket = math.floor(math.log(percentile * 5 + 1, 1.05))
    return 1.15 * 0.01 * (1.05 ** (bucket + 1) - 1) / 0.05

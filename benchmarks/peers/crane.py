"""Crane: the target from the 99th percentile of a pod's CPU, between 30 and 75 %; two rules for the minimum.

Sources: gocrane/crane site/…/hpa-recommendation.md (every default), pkg/recommendation/recommender/hpa/recommend.go and
…/replicas/recommend.go (GetMinReplicas: the 95th percentile of the workload's CPU at 50 % utilisation); for the earlier rule
pkg/recommend/advisor/ehpa.go (the calmest hour's median at 75 %); pkg/prediction/percentile and VPA's histogram.go (buckets of
0.1 core of which the end counts, half-life of a day, 15 % margin). Its checks whether a workload deserves an HPA (1 core, hours
that differ 1.5-fold) are waived, and its prediction (DSP) is left out.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.autoscaling import AutoscalingSpec

from .history import averaged, history_of
from .policy import cpu_policy

MINUTE: Final = 60
HOUR_MINUTES: Final = 60
DAY_MINUTES: Final = 1440
BUCKET_CORES: Final = 0.1
MARGIN: Final = 1.15
TARGETS: Final = (30, 75)
MOST_FACTOR: Final = 3


def recommend(training: NDArray[np.float64], service: ServiceModel) -> AutoscalingSpec:
    """HPA recommendation, as documented: at least what the 95th percentile of CPU needs at half the request."""
    total = averaged(training, MINUTE) * service.cpu_seconds_per_request
    return _policy(training, service, float(np.percentile(total, 95)) / 0.5)


def recommend_by_advisor(training: NDArray[np.float64], service: ServiceModel) -> AutoscalingSpec:
    """The earlier EHPA advisor: at least what the calmest hour of the day needs at 75 %."""
    total = averaged(training, MINUTE) * service.cpu_seconds_per_request
    hours = np.arange(total.size) % DAY_MINUTES // HOUR_MINUTES
    return _policy(training, service, min(float(np.median(total[hours == hour])) for hour in np.unique(hours)) / 0.75)


def _policy(training: NDArray[np.float64], service: ServiceModel, least_cores: float) -> AutoscalingSpec:
    history = history_of(training, service)
    request = service.request_millicores / 1000
    target = target_utilization(averaged(history.usage, MINUTE), averaged(history.replicas, MINUTE), request)
    busy = float(np.percentile(averaged(training, MINUTE) * service.cpu_seconds_per_request, 95))
    most = math.ceil(busy * MOST_FACTOR * 100 / (request * target))
    return cpu_policy(target, least=math.ceil(least_cores / request), most=most)


def target_utilization(usage: NDArray[np.float64], pods: NDArray[np.float64], request_cores: float) -> int:
    """`usage` of a pod in each minute, in cores, and how many pods had it."""
    weights = np.bincount((usage / BUCKET_CORES).astype(int), pods * 2.0 ** (np.arange(usage.size) / DAY_MINUTES))
    bucket = int(np.searchsorted(np.cumsum(weights), 0.99 * weights.sum()))
    return min(max(math.ceil((bucket + 1) * BUCKET_CORES * MARGIN / request_cores * 100 - 1e-9), TARGETS[0]), TARGETS[1])

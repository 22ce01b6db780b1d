"""Ottoscalr: the bounds and target whose open-loop simulation saves most without a breach of the CPU red line.

Sources: flipkart-incubator/ottoscalr pkg/reco/reco.go (simulateHPA, findOptimalHPAConfigurations, calculateSavings),
pkg/metrics/scraper.go (lag = ingestion + probe + median start), INSTALLATION.md (red line 0.75, targets 5 to 60, at least 3
replicas), charts/ottoscalr/envconfigs (steps of 30 s). Its demand of seven days of data is waived. Its target is a share of the
limit, which its HPA takes of the request: translated, as where both are equal. Where it recommends nothing, 80 % stay in force.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.autoscaling import AutoscalingSpec

from .history import averaged
from .open_loop import highest_target
from .policy import DEFAULT_TARGET, MOST, cpu_policy

STEP_SECONDS: Final = 30
LAG_SECONDS: Final = 30
"""Until a metric is scraped and read; the start comes on top."""
RED_LINE: Final = 0.75
TARGETS: Final = (5, 60)
LEAST: Final = 3


def recommend(training: NDArray[np.float64], service: ServiceModel) -> AutoscalingSpec:
    """The bounds with the greatest savings, and their highest target."""
    cores = averaged(training, STEP_SECONDS) * service.cpu_seconds_per_request
    limit = service.limit_millicores / 1000
    lag_steps = (LAG_SECONDS + sum(service.start_seconds) / 2) / STEP_SECONDS
    best, most_saved = None, 0.0
    for least in range(LEAST, MOST + 1):
        target, calculated, available = highest_target(cores, lag_steps, limit, RED_LINE, least, MOST, *TARGETS)
        saved = MOST * limit - available.mean() / RED_LINE
        if target >= TARGETS[0] and calculated <= least and saved >= most_saved and saved > 0:
            best, most_saved = (target, least), saved
    if best is None:
        return cpu_policy(DEFAULT_TARGET)
    return cpu_policy(best[0] * service.limit_millicores / service.request_millicores, least=best[1])

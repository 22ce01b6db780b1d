"""The best fixed CPU target in hindsight: what a patient operator finds who tries every target on the recorded traffic.

No tool does this; it bounds what any recommender of a target alone can reach on the training part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.kernel import VIOLATED
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.simulator.traffic.worlds import world_of
from scaleproof.spec.autoscaling import AutoscalingSpec

from .policy import cpu_policy

TARGETS: Final = range(40, 140)
BUDGET: Final = 0.001


def recommend(
    training: NDArray[np.float64], service: ServiceModel, *, seeds: Sequence[int] = range(5), budget: float = BUDGET
) -> AutoscalingSpec:
    """The highest target that holds the budget in the worlds of all seeds; the lowest one where none does."""
    specs = [cpu_policy(target) for target in TARGETS]
    worlds = [world_of(training, service, seed=seed) for seed in seeds]
    violated = evaluate(pack_policies(specs, service), service, worlds)[:, :, VIOLATED]
    holds = np.flatnonzero((violated <= budget * training.sum()).all(axis=1))
    return specs[int(holds[-1])] if holds.size else specs[0]

"""A load plan as the simulator sees it: arrivals by seed for the search, and the prediction of a plan that will be measured."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from scaleproof.simulator.arrivals import from_schedule
from scaleproof.simulator.calibration import Calibration
from scaleproof.simulator.evaluator import Evaluator
from scaleproof.simulator.intervals import estimate
from scaleproof.simulator.model import Arrivals
from scaleproof.simulator.simulate import SETTLE_SECONDS, SimulationResult, simulate
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.shapes import Shape
from scaleproof.tuner.ports import LoadGenerator, LoadPlan
from scaleproof.tuner.results import Prediction

FIRST_SEARCH_SEED: Final = 7_000_001
"""Seeds of the search start here and leave out those of the verification, which therefore is a load that the tuner never saw."""
SEARCH_SEEDS: Final = 16
SEARCH_DRAWINGS: Final = 4
"""Drawing a schedule takes as long as simulating it many times, so that the seeds of a search share these few."""
PREDICTION_SEEDS: Final = tuple(range(1, 11))
_QUIET_SHARE: Final = 0.5
_SYNC_MARGIN_SECONDS: Final = 45.0


class DrawnLoad:
    """A plan's arrivals by seed, each drawn once. Callable as the simulator's `ArrivalsBySeed`."""

    def __init__(self, generator: LoadGenerator, plan: LoadPlan) -> None:
        self._generator = generator
        self._plan = plan
        self._drawn: dict[int, Arrivals] = {}
        self._lock = threading.Lock()

    def __call__(self, seed: int) -> Arrivals:
        """Sorted intended times in seconds per service."""
        with self._lock:
            if seed not in self._drawn:
                self._drawn[seed] = from_schedule(self._generator.draw(replace(self._plan, seed=seed)))
            return self._drawn[seed]


def search_seeds(verification_seeds: frozenset[int], count: int = SEARCH_SEEDS) -> list[int]:
    """Seeds of the search: none of them is a verification's."""
    seeds: list[int] = []
    seed = FIRST_SEARCH_SEED
    while len(seeds) < count:
        if seed not in verification_seeds:
            seeds.append(seed)
        seed += 1
    return seeds


def search_evaluator(
    load: DrawnLoad,
    plan: LoadPlan,
    calibration: Calibration,
    spec: Platform,
    *,
    seeds: Sequence[int],
    max_window_seconds: int,
) -> Evaluator:
    """The evaluator of a search: a context manager. Cost counts up to the same time for every policy."""
    return Evaluator(
        calibration,
        spec,
        lambda seed: load(seeds[seeds.index(seed) % SEARCH_DRAWINGS]),
        duration_seconds=plan.shape.duration_seconds,
        seeds=seeds,
        cost_until_seconds=back_at_steady_seconds(plan.shape, max_window_seconds),
    )


def back_at_steady_seconds(shape: Shape, max_window_seconds: int) -> float:
    """When every policy of the search should be back at its steady count: the last busy moment, the window, and some syncs."""
    busy = max(share for _, share in shape.points) * _QUIET_SHARE
    last = max(time for time, share in shape.points if share >= busy)
    return max(shape.duration_seconds, last + max_window_seconds + _SYNC_MARGIN_SECONDS)


def predict(
    load: DrawnLoad,
    plan: LoadPlan,
    calibration: Calibration,
    spec: Platform,
    policies: Sequence[tuple[str, Policy]],
    *,
    seeds: Sequence[int] = PREDICTION_SEEDS,
    phases: int = 2,
) -> list[Prediction]:
    """What to expect of each labelled policy under exactly the plan's own arrivals, as 90 % intervals over draws and phases.

    Cost counts until all of the policies are back at their steady count, as in a comparison of measured runs.
    """
    arrivals = load(plan.seed)
    results = [
        simulate(
            calibration,
            spec,
            policy,
            arrivals,
            duration_seconds=plan.shape.duration_seconds,
            seeds=list(seeds),
            phases=phases,
            until_steady=True,
            settle_seconds=SETTLE_SECONDS,
        )
        for _, policy in policies
    ]
    until = max(float(np.median([run.cost_until_seconds for run in result.runs])) for result in results)
    return [_prediction(label, result, until) for (label, _), result in zip(policies, results, strict=True)]


def _prediction(label: str, result: SimulationResult, until: float) -> Prediction:
    shown = result.time_s <= until + 1
    bands = {name: result.replicas(name) for name in result.services}
    return Prediction(
        label=label,
        time_s=[float(time) for time in result.time_s[shown]],
        replicas={name: [float(v) for v in band.median[shown]] for name, band in bands.items()},
        replicas_low={name: [float(v) for v in band.low[shown]] for name, band in bands.items()},
        replicas_high={name: [float(v) for v in band.high[shown]] for name, band in bands.items()},
        violation=result.violation,
        violation_by_service=result.violation_by_service,
        cost=estimate([run.cost(until) for run in result.runs]),
        replica_seconds=estimate([run.replica_seconds(until) for run in result.runs]),
        p95_seconds={name: value for name, value in result.p95_seconds.items() if np.isfinite(value.high)},
    )

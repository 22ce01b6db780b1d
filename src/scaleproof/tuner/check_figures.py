"""What a policy comes to under a load in the simulator, one figure a seed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from scaleproof.simulator.calibration import Calibration
from scaleproof.simulator.evaluator import Evaluator
from scaleproof.simulator.intervals import estimate
from scaleproof.simulator.model import Arrivals
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.shapes import Shape
from scaleproof.tuner.baseline import BaselineLoad, Figures
from scaleproof.tuner.load_model import back_at_steady_seconds
from scaleproof.tuner.optimise import within_measured
from scaleproof.tuner.ports import LoadPlan
from scaleproof.tuner.regression import Origin, Outcome

COUNTED_WINDOW_SECONDS: Final = 300
"""Cost counts until a policy with Kubernetes' own scale-down window is back at its steady count: the same time for every policy."""


def simulated_figures(
    platform: Platform, policy: Policy, calibration: Calibration, arrivals: Arrivals, shape: Shape, seeds: Sequence[int]
) -> Figures:
    """The policy under these arrivals. Raises BadInputError where the simulator refuses (`simulator.limits`)."""
    evaluator = Evaluator(
        calibration,
        platform,
        arrivals,
        duration_seconds=shape.duration_seconds,
        seeds=seeds,
        cost_until_seconds=counted_seconds(shape),
    )
    with evaluator:
        (found,) = evaluator.evaluate([within_measured(policy, calibration)])
    return Figures(
        seeds=list(seeds),
        cost=[float(value) for value in found.cost],
        violation={name: [float(share) for share in shares] for name, shares in found.violation_by_service.items()},
    )


def outcome_of(figures: Figures, origin: Origin) -> Outcome:
    """Medians with 90 % intervals."""
    return Outcome(origin, estimate(figures.cost), {name: estimate(shares) for name, shares in figures.violation.items()})


def load_of(plan: LoadPlan, arrivals: Arrivals) -> BaselineLoad:
    """What identifies the load."""
    return BaselineLoad(
        users=plan.users,
        shape=plan.shape.name,
        think_seconds=plan.think_seconds,
        seed=plan.seed,
        requests={name: int(times.size) for name, times in sorted(arrivals.items())},
    )


def counted_seconds(shape: Shape) -> float:
    """Up to where cost counts."""
    return back_at_steady_seconds(shape, COUNTED_WINDOW_SECONDS)

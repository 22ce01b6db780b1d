"""A question for a growth plan: the two small services of `fakes.world` with PostgreSQL, Redis, a team and prices."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from fakes.world import WEIGHTS, platform, policy, truth
from scaleproof.simulator.calibration import Calibration, Estimate
from scaleproof.spec.plan_files import PlanAssumptions, Prices, Team
from scaleproof.spec.platform import Platform, Postgres, Redis
from scaleproof.tuner.growth_plan.growth import SteadyGrowth
from scaleproof.tuner.growth_plan.plan import PlanQuestion
from scaleproof.tuner.growth_plan.shared_costs import assumed_costs

START = date(2026, 11, 30)
"""A Monday."""
TEAM = {
    "version": 1,
    "people": {
        "Ada": {"role": "platform engineer", "days_per_week": 3},
        "Ben": {"role": "database engineer", "days_per_week": 2},
    },
    "work": {
        "max-replicas": {"owner": "Ada", "effort_days": 1},
        "database-connections": {"owner": "Ben", "effort_days": 4, "support": {"Ada": 1}},
    },
    "others": {"owner": "Ada", "effort_days": 2},
}


def shop(**changes: object) -> Platform:
    """With both datastores."""
    return platform().model_copy(update={"postgres": Postgres(max_connections=100), "redis": Redis(), **changes})


def uncertain(share: float = 0.1, **of_orders: object) -> Calibration:
    """The world's truth, with CPU and capacity known to that share; further changes to orders alone."""

    def around(value: Estimate) -> Estimate:
        return Estimate(value=value.value, low=value.value * (1 - share), high=value.value * (1 + share))

    known = truth()
    services = {
        name: service.model_copy(
            update={
                "cpu_seconds_per_request": around(service.cpu_seconds_per_request),
                "capacity_per_second": around(service.capacity_per_second),
            }
        )
        for name, service in known.services.items()
    }
    services["orders"] = services["orders"].model_copy(update=of_orders)
    return known.model_copy(update={"services": services})


def growth_question(**changes: object) -> PlanQuestion:
    """1,000 users on the first day, 10 % more every month; milestones at 1,000, 3,000 and 10,000."""
    assumptions = changes.get("assumptions", PlanAssumptions())
    question = PlanQuestion(
        platform=shop(),
        policy=policy(orders=(1, 4), dashboard=(1, 4)),
        calibration=uncertain(),
        shares=WEIGHTS,
        milestones=(1_000, 3_000, 10_000),
        assumptions=assumptions,
        costs=assumed_costs(assumptions),
        start=START,
        growth=SteadyGrowth(START, 1_000, 0.1, "month", compound=True),
        team=Team.model_validate(TEAM),
        prices=Prices(version=1, currency="EUR", node_hour=0.2, mean_share=0.5),
        draws=60,
    )
    return replace(question, **changes)

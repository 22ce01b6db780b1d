"""From the files to the whole plan. Pure: the day on which it starts and the seed are arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from scaleproof.simulator.calibration import Calibration
from scaleproof.spec.plan_files import PlanAssumptions, Prices, Team
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.tuner.growth_plan.bottlenecks import Bottleneck, Bound, Perhaps, bottlenecks, breaking_users
from scaleproof.tuner.growth_plan.growth import Growth
from scaleproof.tuner.growth_plan.milestones import Milestone, risks_of, task_of
from scaleproof.tuner.growth_plan.needs import NeedsModel
from scaleproof.tuner.growth_plan.prices import cost_of
from scaleproof.tuner.growth_plan.replicas import replicas_of
from scaleproof.tuner.growth_plan.samples import Draws, drawn
from scaleproof.tuner.growth_plan.schedule import Scheduled, schedule
from scaleproof.tuner.growth_plan.shared_costs import SharedCosts

DRAWS: Final = 400


@dataclass(frozen=True)
class PlanQuestion:
    """What is asked."""

    platform: Platform
    policy: Policy
    calibration: Calibration
    shares: Mapping[str, float]
    """Requests to each service an action of a user."""
    milestones: tuple[int, ...]
    """Users at the peak, ascending."""
    assumptions: PlanAssumptions
    costs: SharedCosts
    start: date
    """The first day that somebody can work."""
    growth: Growth | None = None
    team: Team | None = None
    prices: Prices | None = None
    seed: int = 1
    draws: int = DRAWS


@dataclass(frozen=True)
class GrowthPlan:
    """The answer."""

    question: PlanQuestion
    milestones: tuple[Milestone, ...]
    bottlenecks: tuple[Bottleneck, ...]
    """In the order in which they must be lifted."""
    perhaps: tuple[Perhaps, ...]
    scheduled: tuple[Scheduled, ...]
    """One entry a bottleneck; empty without a team."""
    measured_up_to: Mapping[str, float]
    """Per service the users up to which nothing of it is extrapolated; infinite beyond the last milestone."""

    @property
    def holds(self) -> float:
        """Users that the platform holds as it is configured; infinite where no limit breaks up to the last milestone."""
        return min((each.breaks_at.value - 1 for each in self.bottlenecks), default=float("inf"))

    @property
    def at_risk(self) -> tuple[Milestone, ...]:
        """Milestones that are reached before they are ready."""
        return tuple(each for each in self.milestones if each.risks)


def make_plan(question: PlanQuestion) -> GrowthPlan:
    """The plan. Raises BadInputError where the files do not fit each other."""
    model = needs_model(question)
    found, perhaps = bottlenecks(model, question.milestones, question.team)
    scheduled: tuple[Scheduled, ...] = ()
    if question.team is not None:
        days = {name: person.days_per_week for name, person in question.team.people.items()}
        scheduled = schedule([task_of(each, question.growth) for each in found], days, question.start)
    return GrowthPlan(
        question=question,
        milestones=tuple(_milestone(users, question, model, found, scheduled) for users in question.milestones),
        bottlenecks=found,
        perhaps=perhaps,
        scheduled=scheduled,
        measured_up_to=_measured_up_to(model, question.milestones[-1]),
    )


def needs_model(question: PlanQuestion) -> NeedsModel:
    """The needs by users. Raises BadInputError where the calibration is not of this platform under this policy."""
    draws = Draws(question.draws, question.seed)
    action_rate = 1 / (question.platform.load.mean_think_seconds + question.assumptions.response_seconds)
    services = replicas_of(question.platform, question.policy, question.calibration, question.shares, action_rate, draws)
    return NeedsModel(
        platform=question.platform,
        assumptions=question.assumptions,
        services=services,
        user_rate=sum(question.shares.values()) * action_rate,
        costs=question.costs,
        gateway_cpu=drawn(question.costs.gateway.cpu_seconds, draws.normal("cpu of the gateway")),
        database_cpu=drawn(question.costs.database.cpu_seconds, draws.normal("cpu of the database")),
    )


def _milestone(
    users: int,
    question: PlanQuestion,
    model: NeedsModel,
    found: tuple[Bottleneck, ...],
    scheduled: tuple[Scheduled, ...],
) -> Milestone:
    needs = model.at(float(users))
    reached = None if question.growth is None else question.growth.reached(users)
    by_id = {each.task.id: each for each in scheduled}
    mine = [each for each in found if each.breaks_at.value <= users]
    ends = [by_id[each.id].end for each in mine if each.id in by_id]
    known = [end for end in ends if end is not None]
    return Milestone(
        users=users,
        needs={key: amount.figure() for key, amount in needs.items()},
        reached=reached,
        cost=None if question.prices is None else cost_of(needs, question.prices),
        lift=tuple(each.id for each in mine),
        ready=max(known) if known and len(known) == len(mine) else None,
        risks=tuple(risks_of(users, mine, by_id, reached)),
    )


def _measured_up_to(model: NeedsModel, horizon: int) -> dict[str, float]:
    bounds: list[Bound] = []
    for name, service in model.services.items():
        bounds.append((name, "replicas", float(service.known.highest_replicas)))
        bounds.append((name, "requests_per_second", service.held_together))
    found: dict[str, float] = {}
    for (name, _, _), samples in zip(bounds, breaking_users(model, bounds, horizon), strict=True):
        found[name] = min(found.get(name, float("inf")), float(samples[0]) - 1)
    return found

"""Which limits growth meets, at how many users, and in which order they must be lifted. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import numpy as np

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.plan_files import Team, Work
from scaleproof.tuner.growth_plan.limits import KINDS, Limit, limits_of
from scaleproof.tuner.growth_plan.needs import NeedsModel
from scaleproof.tuner.growth_plan.samples import Amount, Figure, Floats

Bound = tuple[str, str, float | Floats]
"""(part, quantity, the most that holds)."""


@dataclass(frozen=True)
class Bottleneck:
    """One limit that growth meets."""

    limit: Limit
    breaks_at: Figure
    """The fewest users with which the limit no longer holds; infinite where it holds to the last milestone."""
    milestone: int
    """Users of the first milestone that needs it lifted."""
    after: tuple[str, ...]
    """Ids of bottlenecks to be lifted before."""
    work: Work | None
    """Who lifts it, where a team file says so."""

    @property
    def id(self) -> str:
        """Of its limit."""
        return self.limit.id


@dataclass(frozen=True)
class Perhaps:
    """A limit that holds to the last milestone as the calibration stands, and not in at least 5 % of the draws."""

    limit: Limit
    earliest: float
    """Users: the lower end of the 90 % interval."""


def bottlenecks(
    model: NeedsModel, milestones: Sequence[int], team: Team | None
) -> tuple[tuple[Bottleneck, ...], tuple[Perhaps, ...]]:
    """Those that growth up to the last milestone meets, in the order in which they must be lifted, and those it may meet.

    A bottleneck comes after those that it depends on, and otherwise by the users at which it breaks. Raises BadInputError where
    the team's `after` closes a circle.
    """
    horizon = milestones[-1]
    met: list[tuple[Limit, Figure]] = []
    perhaps = []
    limits = limits_of(model)
    bounds = [(limit.part, limit.quantity, limit.value) for limit in limits]
    for limit, samples in zip(limits, breaking_users(model, bounds, horizon), strict=True):
        figure = Amount(samples, whole=True).figure()
        if figure.value <= horizon:
            met.append((limit, figure))
        elif figure.low <= horizon:
            perhaps.append(Perhaps(limit, figure.low))
    steps = {limit.id: next(users for users in milestones if users >= breaks.value) for limit, breaks in met}
    after = _dependencies(met, steps, team)
    found = {
        limit.id: Bottleneck(
            limit, breaks, steps[limit.id], tuple(sorted(after[limit.id])), None if team is None else team.work_on(limit.id)
        )
        for limit, breaks in met
    }
    return tuple(found[each] for each in _ordered(found, after)), tuple(perhaps)


def breaking_users(model: NeedsModel, bounds: Sequence[Bound], horizon: int) -> list[Floats]:
    """Per bound the fewest users with which the need passes it, in all draws; infinite where it does not at the horizon.

    Bisection, which is allowed because needs grow with users.
    """
    shape = model.gateway_cpu.shape
    at_horizon = model.at(float(horizon))
    found = []
    for part, quantity, most in bounds:
        breaks = at_horizon[part, quantity].samples > most
        low, high = np.zeros(shape), np.full(shape, float(horizon))
        while breaks.any() and bool((high - low > 1).any()):
            middle = np.floor((low + high) / 2)
            over = model.amount(part, quantity, middle).samples > most
            high, low = np.where(over, middle, high), np.where(over, low, middle)
        found.append(np.where(breaks, high, np.inf))
    return found


def _dependencies(met: Sequence[tuple[Limit, Figure]], steps: Mapping[str, int], team: Team | None) -> dict[str, set[str]]:
    after: dict[str, set[str]] = {limit.id: set() for limit, _ in met}
    for limit, _ in met:
        work = None if team is None else team.work_on(limit.id)
        for other, breaks in met:
            if other.id == limit.id:
                continue
            known = other.kind.id in limit.kind.after and other.service in (None, limit.service)
            if known and breaks.value <= steps[limit.id]:
                after[limit.id].add(other.id)
            if work is not None and (other.id in work.after or other.kind.id in work.after):
                after[limit.id].add(other.id)
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise BadInputError(
            f"the team file's `after` closes a circle: {circle}", hint="one of them must be possible without the others"
        ) from None
    return after


def _ordered(found: Mapping[str, Bottleneck], after: Mapping[str, set[str]]) -> list[str]:
    """Topological, and of what is possible always that which breaks first (Kahn's algorithm with a heap)."""
    ranks = {kind.id: rank for rank, kind in enumerate(KINDS)}

    def entry(name: str) -> tuple[float, int, str]:
        return found[name].breaks_at.value, ranks[found[name].limit.kind.id], name

    missing = {name: set(others) for name, others in after.items()}
    ready = [entry(name) for name, others in missing.items() if not others]
    heapq.heapify(ready)
    ordered = []
    while ready:
        name = heapq.heappop(ready)[2]
        ordered.append(name)
        for other, others in missing.items():
            if name in others:
                others.remove(name)
                if not others:
                    heapq.heappush(ready, entry(other))
    return ordered

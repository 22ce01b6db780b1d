"""Milestones: numbers of users, what they need, when they are reached, and whether what they need is done by then. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from scaleproof.spec.errors import BadInputError
from scaleproof.tuner.growth_plan.bottlenecks import Bottleneck
from scaleproof.tuner.growth_plan.growth import Growth, Reached
from scaleproof.tuner.growth_plan.prices import Cost
from scaleproof.tuner.growth_plan.samples import Figure
from scaleproof.tuner.growth_plan.schedule import Scheduled, Task

MOST_USERS: Final = 1_000_000
MOST_MILESTONES: Final = 12
_USERS: Final = re.compile(r"(\d+(?:\.\d+)?)([kKmM]?)")
_TIMES: Final = {"": 1, "k": 1_000, "m": 1_000_000}


@dataclass(frozen=True)
class Milestone:
    """A number of users at the peak."""

    users: int
    needs: Mapping[tuple[str, str], Figure]
    reached: Reached | None
    """None: no growth was given."""
    cost: Cost | None
    """None: no prices were given."""
    lift: tuple[str, ...]
    """Ids of all bottlenecks that break up to here, in order."""
    ready: date | None
    """When the last of them is lifted; None without a schedule, or where one cannot be scheduled."""
    risks: tuple[str, ...]
    """Why it may be reached before it is ready, one sentence each."""


def parse_users(text: str) -> tuple[int, ...]:
    """`10k,25k,100k` in ascending order, each once. Raises BadInputError."""
    found = set()
    for part in text.replace("_", "").split(","):
        match = _USERS.fullmatch(part.strip())
        users = float(match[1]) * _TIMES[match[2].lower()] if match else 0.0
        if users < 1 or users != round(users):
            raise BadInputError(f"--users: expected numbers of users such as 10k,25k,100k, found {part.strip()!r}")
        if users > MOST_USERS:
            raise BadInputError(f"--users: {part.strip()} is more than {MOST_USERS:,}, which is as far as a plan goes")
        found.add(round(users))
    if len(found) > MOST_MILESTONES:
        raise BadInputError(f"--users: {len(found)} milestones, expected at most {MOST_MILESTONES}")
    return tuple(sorted(found))


def task_of(bottleneck: Bottleneck, growth: Growth | None) -> Task:
    """Lifting it: due when the users are there with whom it breaks at the earliest."""
    return Task(
        bottleneck.id,
        None if bottleneck.work is None else bottleneck.work.days,
        bottleneck.after,
        due_date(bottleneck, growth),
    )


def due_date(bottleneck: Bottleneck, growth: Growth | None) -> date | None:
    """The earlier end of both intervals: of the users at which it breaks, and of the day they are reached."""
    if growth is None:
        return None
    reached = growth.reached(bottleneck.breaks_at.low)
    return reached.early or reached.on


def risks_of(users: int, found: Sequence[Bottleneck], scheduled: Mapping[str, Scheduled], reached: Reached | None) -> list[str]:
    """Sentences about the bottlenecks of a milestone that nobody lifts in time; none where no date is known."""
    day = None if reached is None else reached.early or reached.on
    risks = []
    for bottleneck in found:
        task = scheduled.get(bottleneck.id)
        if bottleneck.breaks_at.value > users or task is None or day is None:
            continue
        if task.end is None:
            why = "nobody is named for it" if bottleneck.work is None else "nobody is named for what comes before it"
            risks.append(f"{bottleneck.id} is not planned: {why}")
        elif task.end > day:
            late = (task.end - day).days
            risks.append(f"{bottleneck.id} is lifted on {task.end.isoformat()}, {late} day{'s' if late > 1 else ''} too late")
    return risks

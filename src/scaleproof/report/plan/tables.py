"""The tables of a plan. Pure."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

from scaleproof.report.plan.figures import (
    days_text,
    figure_text,
    quantity_text,
    reached_text,
    shown,
    users_text,
    weeks_text,
)
from scaleproof.report.result_tables import Cells, Table
from scaleproof.report.wording import MISSING, amount, number
from scaleproof.tuner.growth_plan.bottlenecks import Bottleneck
from scaleproof.tuner.growth_plan.milestones import Milestone, due_date
from scaleproof.tuner.growth_plan.needs import GATEWAY, NODES, PLATFORM, POSTGRES, REDIS
from scaleproof.tuner.growth_plan.plan import GrowthPlan
from scaleproof.tuner.growth_plan.schedule import iso_week

QUANTITIES: Final = {
    "requests_per_second": "requests/s",
    "replicas": "replicas at the peak",
    "cores_used": "cores used",
    "cores_reserved": "cores reserved",
    "memory_reserved_bytes": "memory reserved",
    "cores": "cores",
    "memory_bytes": "memory",
    "connections": "connections",
    "open_files": "open files of one proxy",
    "nodes": "count",
}
_FEWEST: Final = ("requests_per_second", "replicas", "cores_used", "cores_reserved", "memory_reserved_bytes")
_SHOWN: Final = {
    GATEWAY: ("requests_per_second", "cores", "memory_bytes", "connections", "open_files"),
    POSTGRES: ("connections", "cores", "memory_bytes"),
    REDIS: ("memory_bytes", "connections"),
    PLATFORM: ("cores_reserved", "memory_reserved_bytes"),
    NODES: ("nodes",),
}


def milestones_table(plan: GrowthPlan) -> Table:
    """One row a milestone: when, what in all, and what must be lifted before."""
    rows = tuple(_milestone(plan, milestone) for milestone in plan.milestones)
    return Table(
        "milestones",
        "Milestones",
        "Users at the peak, when they are there, what the platform needs then, and whether what must be lifted is done by then.",
        ("Users", "Reached", "Replicas", "Cores reserved", "Nodes", "Cost a month", "Lift before", "Ready", "At risk"),
        rows,
    )


def _milestone(plan: GrowthPlan, milestone: Milestone) -> Cells:
    question = plan.question
    replicas = ", ".join(f"{name} {number(milestone.needs[name, 'replicas'].value)}" for name in question.platform.services)
    cost = MISSING
    if milestone.cost is not None and question.prices is not None:
        cost = f"{number(milestone.cost.month.value)} {question.prices.currency}"
    late = MISSING if not plan.scheduled or milestone.reached is None else "yes" if milestone.risks else "no"
    return (
        number(milestone.users),
        reached_text(milestone.reached, question.start),
        replicas,
        amount(milestone.needs[PLATFORM, "cores_reserved"].value),
        number(milestone.needs[NODES, "nodes"].value),
        cost,
        number(len(milestone.lift)),
        _ready(plan, milestone),
        late,
    )


def _ready(plan: GrowthPlan, milestone: Milestone) -> str:
    if not milestone.lift:
        return "now"
    if not plan.scheduled:
        return MISSING
    return iso_week(milestone.ready) if milestone.ready is not None else "not planned"


def needs_table(plan: GrowthPlan) -> Table:
    """One row a part and quantity, one column a milestone."""
    rows: list[Cells] = []
    parts = [*plan.question.platform.services, *_SHOWN]
    for part in parts:
        for quantity in _SHOWN.get(part, _FEWEST):
            if (part, quantity) in plan.milestones[0].needs:
                text = quantity_text(quantity)
                cells = [figure_text(milestone.needs[part, quantity], text) for milestone in plan.milestones]
                rows.append((part, QUANTITIES[quantity], *cells))
    if plan.question.prices is not None:
        currency = plan.question.prices.currency
        costs = [milestone.cost for milestone in plan.milestones if milestone.cost is not None]
        rows.append(("cost", f"{currency} an hour at the peak", *(figure_text(cost.hour, amount) for cost in costs)))
        rows.append(("cost", f"{currency} a month", *(figure_text(cost.month, number) for cost in costs)))
    return Table(
        "needs",
        "What each part needs",
        "At the peak of each milestone, by the calibration, the call graph, the policy and the limits in platform.yaml.",
        ("Part", "", *(f"{number(milestone.users)} users" for milestone in plan.milestones)),
        tuple(rows),
    )


def bottlenecks_table(plan: GrowthPlan) -> Table:
    """In the order in which they must be lifted."""
    last = plan.milestones[-1]
    scheduled = {each.task.id: each for each in plan.scheduled}
    rows: list[Cells] = []
    for position, each in enumerate(plan.bottlenecks, start=1):
        task = scheduled.get(each.id)
        due = due_date(each, plan.question.growth)
        text = quantity_text(each.limit.quantity)
        needed = last.needs[each.limit.part, each.limit.quantity]
        rows.append(
            (
                str(position),
                each.id,
                _holds(each),
                figure_text(each.breaks_at, users_text),
                figure_text(needed, text),
                MISSING if due is None else "now" if due <= plan.question.start else f"{due.isoformat()} ({iso_week(due)})",
                ", ".join(each.after) or MISSING,
                MISSING if each.work is None else shown(each.work.owner),
                MISSING if each.work is None else _support(each),
                MISSING if each.work is None else days_text(each.work.effort_days),
                MISSING if task is None else weeks_text(task.begin, task.end),
                MISSING if task is None or task.task.due is None else f"{task.late_days} d" if task.late_days else "no",
            )
        )
    return Table(
        "bottlenecks",
        "Bottlenecks, in the order in which they must be lifted",
        "Breaks at: the users with whom the limit no longer holds. Due: when they may be there at the earliest.",
        (
            "#",
            "Bottleneck",
            "Holds",
            "Breaks at users",
            f"Needed at {number(last.users)}",
            "Due",
            "After",
            "Owner",
            "Support",
            "Effort",
            "Weeks",
            "Late",
        ),
        tuple(rows),
    )


def _holds(bottleneck: Bottleneck) -> str:
    limit = bottleneck.limit
    central = limit.value if isinstance(limit.value, float) else float(limit.value[0])
    return quantity_text(limit.quantity)(central)


def _support(bottleneck: Bottleneck) -> str:
    support = {} if bottleneck.work is None else bottleneck.work.support
    return ", ".join(f"{shown(person)} {days_text(days)}" for person, days in support.items()) or MISSING


def schedule_table(plan: GrowthPlan) -> Table:
    """One row a person and task: working days by ISO week."""
    rows: list[Cells] = []
    team = plan.question.team
    for each in plan.scheduled:
        by_person: dict[str, dict[str, float]] = {}
        for slot in each.slots:
            weeks = by_person.setdefault(slot.person, {})
            weeks[iso_week(slot.day)] = weeks.get(iso_week(slot.day), 0.0) + slot.share
        for person, weeks in by_person.items():
            role = team.people[person].role if team is not None else ""
            spent = ", ".join(f"{week} {days:.2g} d" for week, days in _shortened(weeks))
            rows.append((each.task.id, shown(person), shown(role), str(each.begin), str(each.end), spent))
        if each.begin is None:
            rows.append((each.task.id, MISSING, "nobody is named", MISSING, MISSING, MISSING))
    return Table(
        "schedule",
        "Who does what, and when",
        "Nobody works more than their days a week; a bottleneck is begun after those it depends on.",
        ("Bottleneck", "Person", "Role", "From", "To", "Days by week"),
        tuple(rows),
    )


def _shortened(weeks: dict[str, float], most: int = 6) -> list[tuple[str, float]]:
    """At most so many weeks; the last entry stands for the rest."""
    entries = list(weeks.items())
    if len(entries) <= most:
        return entries
    rest = entries[most - 1 :]
    return [*entries[: most - 1], (f"{rest[0][0]} to {rest[-1][0]}", sum(days for _, days in rest))]


def assumptions_table(plan: GrowthPlan) -> Table:
    """Every assumed value, and whether a file says so."""
    assumptions = plan.question.assumptions
    rows: list[Cells] = []
    for name in type(assumptions).model_fields:
        value = getattr(assumptions, name)
        given = name in assumptions.model_fields_set
        if isinstance(value, BaseModel):
            rows += [
                _assumption(f"{name}.{field}", getattr(value, field), given=field in value.model_fields_set)
                for field in type(value).model_fields
            ]
        elif name != "version":
            rows.append(_assumption(name, value, given=given))
    return Table(
        "assumptions",
        "Assumptions",
        "What neither platform.yaml nor the calibration says; `--assumptions FILE` sets them.",
        ("Assumption", "Value", "From"),
        tuple(rows),
    )


def _assumption(name: str, value: object, *, given: bool) -> Cells:
    text = "none" if value is None or value == {} else str(value)
    if isinstance(value, dict) and value:
        text = ", ".join(f"{key} {each}" for key, each in value.items())
    return (name, shown(text), "file" if given else "default")

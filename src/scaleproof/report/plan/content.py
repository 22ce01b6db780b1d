"""What a plan says, as sentences and tables of plain text: the same in every format. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from scaleproof.report.plan.figures import LEGEND, shown, users_text
from scaleproof.report.plan.tables import assumptions_table, bottlenecks_table, milestones_table, needs_table, schedule_table
from scaleproof.report.result_tables import Table
from scaleproof.report.wording import amount, listed, number, percent, plural
from scaleproof.tuner.growth_plan.plan import GrowthPlan
from scaleproof.tuner.growth_plan.replicas import HIDDEN_LOSS
from scaleproof.tuner.growth_plan.shared_costs import SharedCost


@dataclass(frozen=True)
class Content:
    """A plan in words."""

    title: str
    headline: str
    risks: tuple[str, ...]
    milestones: Table
    needs: Table
    legend: str
    bottlenecks: Table | None
    steps: tuple[str, ...]
    """What each bottleneck is and how it is lifted, in order."""
    schedule: Table | None
    notes: tuple[str, ...]
    """What the figures rest on."""
    assumptions: Table


def content_of(plan: GrowthPlan) -> Content:
    """The plan in words."""
    question = plan.question
    return Content(
        title=f"Growth plan of {question.platform.name}: {listed([number(users) for users in question.milestones])} users",
        headline=_headline(plan),
        risks=tuple(f"{number(milestone.users)} users: {risk}" for milestone in plan.milestones for risk in milestone.risks),
        milestones=milestones_table(plan),
        needs=needs_table(plan),
        legend=LEGEND,
        bottlenecks=bottlenecks_table(plan) if plan.bottlenecks else None,
        steps=tuple(
            shown(f"{each.id}: {each.limit.title} ({each.limit.where}). {each.limit.fix[:1].upper()}{each.limit.fix[1:]}.")
            for each in plan.bottlenecks
        ),
        schedule=schedule_table(plan) if plan.scheduled else None,
        notes=tuple(shown(note) for note in _notes(plan)),
        assumptions=assumptions_table(plan),
    )


def _headline(plan: GrowthPlan) -> str:
    last = number(plan.question.milestones[-1])
    if not plan.bottlenecks:
        return f"As it is configured, the platform holds {last} users: no limit that the plan knows breaks."
    first = min(plan.bottlenecks, key=lambda each: each.breaks_at.value)
    count = plural(len(plan.bottlenecks), "bottleneck")
    return (
        f"As it is configured, the platform holds {users_text(max(0.0, plan.holds))} users; then {first.id} breaks. "
        f"Up to {last} users {count} must be lifted."
    )


def _notes(plan: GrowthPlan) -> list[str]:
    question = plan.question
    stamp = question.calibration.stamp
    measured = datetime.fromtimestamp(stamp.measured_at, tz=UTC).date().isoformat()
    notes = [
        f"Calibration: measured on {measured}, target {stamp.target}, machine {stamp.machine}; what it holds elsewhere is not known.",
        f"Load: a user acts every {amount(1 / _action_rate(plan))} s; requests go to "
        + listed([f"{name} {percent(share)}" for name, share in sorted(question.shares.items())])
        + " of the actions, calls between services not counted.",
        f"Growth: {question.growth.words}." if question.growth else "Growth: none given, so nothing has a date.",
        (
            f"Intervals: 90 % of {question.draws} draws from the calibration's intervals (Monte Carlo, seed {question.seed}). "
            f"Beyond the replicas that were measured, each doubling is drawn to cost up to {percent(HIDDEN_LOSS)} of what they hold: "
            "contention is not known there."
        ),
    ]
    for name in question.platform.services:
        users = plan.measured_up_to[name]
        if math.isfinite(users):
            known = question.calibration.services[name]
            why = f"{plural(known.highest_replicas, 'replica')} measured at once"
            why += f", and growth ended at {known.bottleneck}" if known.bottleneck else ""
            notes.append(f"{name}: measured up to about {number(max(0.0, users))} users ({why}).")
    notes.append(_cost_note("Gateway", question.costs.gateway, question.costs.run))
    if question.platform.postgres is not None:
        notes.append(_cost_note("Datastores", question.costs.database, question.costs.run))
    notes += [
        f"{each.limit.id} may break too, from {users_text(each.earliest)} users on: it does in at least 5 % of the draws."
        for each in plan.perhaps
    ]
    if question.prices is not None and question.prices.mean_share == 1:
        notes.append("Costs a month: as if the peak lasted all month (mean_share: 1 in the price file).")
    return notes


def _action_rate(plan: GrowthPlan) -> float:
    return 1 / (plan.question.platform.load.mean_think_seconds + plan.question.assumptions.response_seconds)


def _cost_note(name: str, cost: SharedCost, run: str | None) -> str:
    milliseconds = f"{amount(cost.cpu_seconds.value * 1000)} ms CPU a user's request"
    if cost.measured_up_to is None:
        return f"{name}: {milliseconds} is assumed; `--run FOLDER` takes it from a measured run."
    return f"{name}: {milliseconds}, measured in run {run} up to {amount(cost.measured_up_to)} requests/s."

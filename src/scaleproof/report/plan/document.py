"""A plan for programs: the same figures as JSON, with ids that are never renamed. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from scaleproof import __version__
from scaleproof.report.plan.content import content_of
from scaleproof.tuner.growth_plan.bottlenecks import Bottleneck
from scaleproof.tuner.growth_plan.milestones import Milestone, due_date
from scaleproof.tuner.growth_plan.needs import GATEWAY, NODES, PLATFORM, POSTGRES, REDIS
from scaleproof.tuner.growth_plan.plan import GrowthPlan
from scaleproof.tuner.growth_plan.samples import Figure
from scaleproof.tuner.growth_plan.schedule import Scheduled, iso_week

PLAN_VERSION: Final = 1
_PARTS: Final = {GATEWAY: "gateway", POSTGRES: "postgres", REDIS: "redis", NODES: "nodes", PLATFORM: "platform"}


def json_plan(plan: GrowthPlan) -> str:
    """JSON text with a final newline; units are in the names, what is infinite or not known is null."""
    question = plan.question
    content = content_of(plan)
    document: dict[str, Any] = {
        "version": PLAN_VERSION,
        "scaleproof": __version__,
        "platform": question.platform.name,
        "start": question.start,
        "growth": None if question.growth is None else question.growth.words,
        "headline": content.headline,
        "holds_users": plan.holds,
        "currency": None if question.prices is None else question.prices.currency,
        "milestones": [_milestone(each) for each in plan.milestones],
        "bottlenecks": [_bottleneck(plan, each) for each in plan.bottlenecks],
        "perhaps": [{"id": each.limit.id, "earliest_users": each.earliest} for each in plan.perhaps],
        "schedule": [_scheduled(each) for each in plan.scheduled],
        "measured_up_to_users": plan.measured_up_to,
        "requests_an_action": question.shares,
        "intervals": {"share": 0.9, "draws": question.draws, "seed": question.seed},
        "calibration": question.calibration.stamp.model_dump(mode="json"),
        "assumptions": question.assumptions.model_dump(mode="json"),
        "prices": None if question.prices is None else question.prices.model_dump(mode="json"),
        "notes": content.notes,
    }
    return json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _milestone(milestone: Milestone) -> dict[str, Any]:
    needs: dict[str, Any] = {"services": {}}
    for (part, quantity), figure in milestone.needs.items():
        place = needs["services"] if part not in _PARTS else needs
        place.setdefault(_PARTS.get(part, part), {})[quantity] = asdict(figure)
    return {
        "users": milestone.users,
        "reached": None if milestone.reached is None else asdict(milestone.reached),
        "needs": needs,
        "cost_hour_at_peak": _figure(None if milestone.cost is None else milestone.cost.hour),
        "cost_month": _figure(None if milestone.cost is None else milestone.cost.month),
        "lift_before": milestone.lift,
        "ready": milestone.ready,
        "risks": milestone.risks,
    }


def _bottleneck(plan: GrowthPlan, bottleneck: Bottleneck) -> dict[str, Any]:
    limit, work = bottleneck.limit, bottleneck.work
    return {
        "id": bottleneck.id,
        "kind": limit.kind.id,
        "service": limit.service,
        "part": _PARTS.get(limit.part, limit.part),
        "quantity": limit.quantity,
        "holds": limit.value if isinstance(limit.value, float) else float(limit.value[0]),
        "where": limit.where,
        "title": limit.title,
        "fix": limit.fix,
        "breaks_at_users": asdict(bottleneck.breaks_at),
        "milestone_users": bottleneck.milestone,
        "due": due_date(bottleneck, plan.question.growth),
        "after": bottleneck.after,
        "owner": None if work is None else work.owner,
        "support_days": {} if work is None else work.support,
        "effort_days": None if work is None else work.effort_days,
    }


def _scheduled(each: Scheduled) -> dict[str, Any]:
    return {
        "id": each.task.id,
        "begin": each.begin,
        "end": each.end,
        "begin_week": None if each.begin is None else iso_week(each.begin),
        "end_week": None if each.end is None else iso_week(each.end),
        "due": each.task.due,
        "late_days": each.late_days,
        "days": [{"person": slot.person, "day": slot.day, "days": slot.share} for slot in each.slots],
    }


def _figure(figure: Figure | None) -> dict[str, Any] | None:
    return None if figure is None else asdict(figure)


def _plain(node: Any) -> Any:
    if isinstance(node, float):
        return node if math.isfinite(node) else None
    if isinstance(node, date):
        return node.isoformat()
    if isinstance(node, Mapping):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_plain(value) for value in node]
    return node

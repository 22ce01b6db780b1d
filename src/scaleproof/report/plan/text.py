"""A plan on a terminal. Pure."""

from __future__ import annotations

from scaleproof.report.columns import aligned
from scaleproof.report.plan.content import content_of
from scaleproof.report.result_tables import Table
from scaleproof.tuner.growth_plan.plan import GrowthPlan


def text_plan(plan: GrowthPlan) -> str:
    """Lines with a final newline."""
    content = content_of(plan)
    lines = [content.title, content.headline, *(f"AT RISK: {risk}" for risk in content.risks), ""]
    lines += _table(content.milestones)
    lines += [*_table(content.needs), content.legend, ""]
    if content.bottlenecks is not None:
        lines += _table(content.bottlenecks)[:-1]
        lines += [*(f"{position}. {step}" for position, step in enumerate(content.steps, start=1)), ""]
    if content.schedule is not None:
        lines += _table(content.schedule)
    lines += [*(f"note: {note}" for note in content.notes), ""]
    lines += _table(content.assumptions)[:-1]
    return "\n".join(lines) + "\n"


def _table(table: Table) -> list[str]:
    return [f"{table.title}:", *aligned([table.columns, *table.rows]), ""]

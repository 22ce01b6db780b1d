"""A plan as GitHub-flavoured markdown. Pure."""

from __future__ import annotations

from scaleproof.report.markdown_text import inline
from scaleproof.report.markdown_text import table as table_lines
from scaleproof.report.plan.content import content_of
from scaleproof.report.result_tables import Table
from scaleproof.tuner.growth_plan.plan import GrowthPlan


def markdown_plan(plan: GrowthPlan) -> str:
    """Markdown with a final newline. Text from files is escaped."""
    content = content_of(plan)
    blocks = [f"# {inline(content.title)}", inline(content.headline)]
    if content.risks:
        blocks.append("\n".join(f"- ⚠️ At risk: {inline(risk)}" for risk in content.risks))
    blocks += _section(content.milestones)
    blocks += [*_section(content.needs), inline(content.legend)]
    if content.bottlenecks is not None:
        blocks += _section(content.bottlenecks)
        blocks.append("\n".join(f"{position}. {inline(step)}" for position, step in enumerate(content.steps, start=1)))
    if content.schedule is not None:
        blocks += _section(content.schedule)
    blocks += ["## What this rests on", "\n".join(f"- {inline(note)}" for note in content.notes)]
    table = content.assumptions
    blocks += [
        f"<details><summary>{table.title}</summary>",
        inline(table.how_to_read),
        table_lines(table.columns, table.rows),
        "</details>",
    ]
    return "\n\n".join(blocks) + "\n"


def _section(table: Table) -> list[str]:
    return [f"## {table.title}", inline(table.how_to_read), table_lines(table.columns, table.rows)]

"""One call for every format of a plan."""

from __future__ import annotations

from typing import Final, Literal

from scaleproof.report.plan.document import json_plan
from scaleproof.report.plan.markdown import markdown_plan
from scaleproof.report.plan.page import html_plan
from scaleproof.report.plan.text import text_plan
from scaleproof.tuner.growth_plan.plan import GrowthPlan

PlanFormat = Literal["text", "md", "html", "json"]
FORMATS: Final[tuple[PlanFormat, ...]] = ("text", "md", "html", "json")


def render_plan(plan: GrowthPlan, *, format: PlanFormat) -> str:  # noqa: A002  the verb's own option is --format
    """The plan as text with a final newline."""
    if format == "json":
        return json_plan(plan)
    if format == "md":
        return markdown_plan(plan)
    if format == "html":
        return html_plan(plan)
    return text_plan(plan)

"""A plan as one HTML file that opens offline: no script, nothing loaded."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from scaleproof import __version__
from scaleproof.report.page_parts import asset, template
from scaleproof.report.plan.content import content_of
from scaleproof.report.plan.gantt import drawing_of
from scaleproof.tuner.growth_plan.plan import GrowthPlan

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def html_plan(plan: GrowthPlan) -> str:
    """The whole file as text (UTF-8 when written); text from files is escaped."""
    page: str = template("plan.html.j2").render(
        content=content_of(plan),
        drawing=drawing_of(plan),
        version=__version__,
        policy=_POLICY,
        css=Markup(asset("report.css") + asset("plan.css")),  # noqa: S704  our own files
    )
    return page

"""A plan as one HTML file that opens offline: no script, nothing loaded."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from scaleproof import __version__
from scaleproof.report.plan.content import content_of
from scaleproof.report.plan.gantt import drawing_of
from scaleproof.tuner.growth_plan.plan import GrowthPlan

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def html_plan(plan: GrowthPlan) -> str:
    """The whole file as text (UTF-8 when written); text from files is escaped."""
    page: str = _template().render(
        content=content_of(plan),
        drawing=drawing_of(plan),
        version=__version__,
        policy=_POLICY,
        css=Markup(_asset("report.css") + _asset("plan.css")),  # noqa: S704  our own files
    )
    return page


def _asset(name: str) -> str:
    return (files("scaleproof.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("scaleproof.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("plan.html.j2")

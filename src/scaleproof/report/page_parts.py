"""What every HTML page is made of: the templates folder, with escaping on."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def asset(name: str) -> str:
    """A file of the templates folder as text, such as a style sheet that is inlined."""
    return (files("scaleproof.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def template(name: str) -> Any:
    """A template that escapes what it is given and refuses what it is not given."""
    environment = Environment(
        loader=PackageLoader("scaleproof.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)

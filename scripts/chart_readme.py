"""README.md of a chart, from README.md.j2 and the comments of its values.yaml (`# -- what the next value is`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from ruamel.yaml import YAML

KEY = re.compile(r"^(?P<indent> *)(?P<name>[A-Za-z][A-Za-z0-9_-]*):")
COMMENT = re.compile(r"^ *# -- (?P<text>.+)$")


def chart_readme(chart: Path) -> str:
    """The README of the chart in this folder. Raises ValueError where a value has no comment."""
    yaml = YAML(typ="safe")
    values = yaml.load((chart / "values.yaml").read_text())
    comments = dict(documented((chart / "values.yaml").read_text()))
    undocumented = sorted(set(leaves(values)) - set(comments))
    if undocumented:
        raise ValueError(f"{chart}/values.yaml: no comment above {', '.join(undocumented)}")
    rows = [f"| `{path}` | `{shown(value_at(values, path))}` | {text} |" for path, text in comments.items()]
    table = "\n".join(["| value | default | what it is |", "|---|---|---|", *rows])
    # Markdown, not HTML: nothing is escaped.
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False).from_string(  # noqa: S701
        (chart / "README.md.j2").read_text()
    )
    return template.render(chart=yaml.load((chart / "Chart.yaml").read_text()), values=table)


def documented(text: str) -> Iterator[tuple[str, str]]:
    """(dotted path, comment) of every value that has one, in order of the file."""
    above: list[tuple[int, str]] = []
    comment = ""
    for line in text.splitlines():
        said = COMMENT.match(line)
        key = KEY.match(line)
        if said:
            comment = said["text"].replace("|", "\\|")
        elif key:
            indent = len(key["indent"])
            above = [*(each for each in above if each[0] < indent), (indent, key["name"])]
            if comment:
                yield ".".join(name for _, name in above), comment
            comment = ""


def leaves(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted path of every value that is not a filled mapping."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def value_at(values: dict[str, Any], path: str) -> Any:
    """The value at a dotted path."""
    value: Any = values
    for name in path.split("."):
        value = value[name]
    return value


def shown(value: Any) -> str:
    """A default as JSON, a text without its quotes unless it is empty."""
    return value if isinstance(value, str) and value else json.dumps(value)

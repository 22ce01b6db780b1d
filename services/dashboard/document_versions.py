"""Documents of older formats brought to the present one when they are read. Pure.

What is stored stays as it is until its owner writes it: a rolled-back release still finds what it can read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.dashboard.layout_document import COLUMNS, LAYOUT_VERSION, Breakpoint

Document = dict[str, Any]
Step = Callable[[Document], Document]
"""From one version to the next."""

FIRST_HEIGHT: Final = 4
"""Rows of each widget of a layout that never had places."""


class NewerDocumentError(Exception):
    """The document was written by a newer release, and nobody here knows what it means."""


def upgraded(document: Mapping[str, Any], steps: Mapping[int, Step], *, version: int) -> Document:
    """The document in format `version`. Raises NewerDocumentError, KeyError for a version that never was."""
    found = dict(document)
    if found["version"] > version:
        raise NewerDocumentError(found["version"])
    while found["version"] < version:
        found = steps[found["version"]](found)
    return found


def upgraded_layout(document: Mapping[str, Any]) -> Document:
    """A layout's. Raises as `upgraded`."""
    return upgraded(document, LAYOUT_STEPS, version=LAYOUT_VERSION)


def from_overview(document: Document) -> Document:
    """1 → 2. Version 1 are the widgets of the settings from before there were layouts: names in an order, without places."""
    names, days = document["widgets"], document["days"]
    widgets: list[Document] = []
    for name in dict.fromkeys("revenue" if name == "trend" else name for name in names):
        if name == "revenue":
            widgets.append({"kind": "revenue_by_day", "id": name, "days": days, "trend": "trend" in names})
        else:
            widgets.append({"kind": "latest_orders", "id": name})
    return {
        "version": 2,
        "widgets": widgets,
        "grids": {screen.value: stacked(widgets, COLUMNS[screen]) for screen in Breakpoint},
    }


def stacked(widgets: list[Document], columns: int) -> list[Document]:
    """One below the other, each as wide as the grid."""
    return [
        {"widget": widget["id"], "x": 0, "y": number * FIRST_HEIGHT, "width": columns, "height": FIRST_HEIGHT}
        for number, widget in enumerate(widgets)
    ]


LAYOUT_STEPS: Final[Mapping[int, Step]] = {1: from_overview}

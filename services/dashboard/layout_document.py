"""What a layout is made of, in the format's present version: widgets, and where each stands on each kind of screen.

A front end sends this version alone. Older ones are only ever read from the database: see `document_versions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from services.common.given import InBody, LateGiven
from services.dashboard.widgets import Widget, WidgetId

LAYOUT_VERSION: Final = 2
MOST_WIDGETS: Final = 40
MOST_ROWS: Final = 200
TALLEST: Final = 50


class Breakpoint(StrEnum):
    """Kinds of screens, by the width of the window."""

    phone = "phone"
    tablet = "tablet"
    desktop = "desktop"


COLUMNS: Final[Mapping[Breakpoint, int]] = {Breakpoint.phone: 2, Breakpoint.tablet: 6, Breakpoint.desktop: 12}
MOST_COLUMNS: Final = max(COLUMNS.values())


class Place(LateGiven):
    """The rectangle of one widget, in columns and rows of its grid, counted from the upper left corner."""

    widget: WidgetId
    x: Annotated[int, Field(ge=0, lt=MOST_COLUMNS), InBody]
    y: Annotated[int, Field(ge=0, lt=MOST_ROWS), InBody]
    width: Annotated[int, Field(ge=1, le=MOST_COLUMNS), InBody]
    height: Annotated[int, Field(ge=1, le=TALLEST), InBody]


Places = Annotated[list[Place], Field(max_length=MOST_WIDGETS)]


class Grids(LateGiven):
    """Each widget once on each kind of screen. Their columns: `COLUMNS`."""

    phone: Places
    tablet: Places
    desktop: Places

    def at(self, breakpoint_: Breakpoint) -> list[Place]:
        """The places of one kind of screen."""
        return {Breakpoint.phone: self.phone, Breakpoint.tablet: self.tablet, Breakpoint.desktop: self.desktop}[breakpoint_]


class LayoutDocument(LateGiven):
    """A whole arrangement. That its places fit is checked by `placement`."""

    version: Literal[2]
    widgets: Annotated[list[Widget], Field(max_length=MOST_WIDGETS)]
    grids: Grids

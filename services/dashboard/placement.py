"""Whether the places of a layout fit: each widget once on each kind of screen, inside the grid, and none upon another. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from services.common.errors.field_error import MOST, FieldError
from services.dashboard.layout_document import COLUMNS, Breakpoint, LayoutDocument, Place


def misplaced(document: LayoutDocument, *, at: str) -> list[FieldError]:
    """What is wrong, the first MOST; `at` is the JSON pointer to the document."""
    return list(islice(all_misplaced(document, at), MOST))


def all_misplaced(document: LayoutDocument, at: str) -> Iterator[FieldError]:
    """What is wrong, widgets first, then screen by screen."""
    ids = [widget.id for widget in document.widgets]
    for number in repeated(ids):
        yield FieldError(f"{at}/widgets/{number}/id", "repeated", "Ids of widgets should differ")
    for screen in Breakpoint:
        yield from misplaced_on(screen, document.grids.at(screen), ids, f"{at}/grids/{screen.value}")


def misplaced_on(screen: Breakpoint, places: Sequence[Place], ids: Sequence[str], at: str) -> Iterator[FieldError]:
    """What is wrong on one kind of screen."""
    placed = [place.widget for place in places]
    known = set(ids)
    for number in repeated(placed):
        yield FieldError(f"{at}/{number}/widget", "repeated", "A widget should be placed once")
    for number, place in enumerate(places):
        if place.widget not in known:
            yield FieldError(f"{at}/{number}/widget", "not_a_choice", "Input should be the id of a widget")
        if place.x + place.width > COLUMNS[screen]:
            message = f"x and width together should be at most {COLUMNS[screen]}"
            yield FieldError(f"{at}/{number}/width", "too_large", message)
        for earlier in range(number):
            if overlap(places[earlier], place):
                yield FieldError(f"{at}/{number}", "overlaps", f"It should not overlap place {earlier}")
    missing = known.difference(placed)
    for number, widget in enumerate(ids):
        if widget in missing:
            yield FieldError(at, "required", f"Widget {number} should be placed")


def repeated(names: Sequence[str]) -> Iterator[int]:
    """Where a name stands that stood before."""
    seen = set()
    for number, name in enumerate(names):
        if name in seen:
            yield number
        seen.add(name)


def overlap(one: Place, other: Place) -> bool:
    """Whether the rectangles share a cell."""
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )

"""Layouts of the tests: small ones by hand, and any valid one by hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from services.dashboard.layout_document import COLUMNS, MOST_ROWS, Breakpoint

Json = dict[str, Any]

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
LINE = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
NAME_OF_ID = st.text(alphabet="abcXYZ019_-", min_size=1, max_size=6)


def note(name: str, text: str = "") -> Json:
    return {"kind": "note", "id": name, "text": text}


def stacked(widgets: list[Json]) -> Json:
    """A document of these, one below the other."""
    places = {
        screen.value: [
            {"widget": widget["id"], "x": 0, "y": row, "width": COLUMNS[screen], "height": 1}
            for row, widget in enumerate(widgets)
        ]
        for screen in Breakpoint
    }
    return {"version": 2, "widgets": widgets, "grids": places}


def draft(*widgets: Json, name: str = "Mine") -> Json:
    return {"name": name, "document": stacked(list(widgets))}


def widgets() -> st.SearchStrategy[list[Json]]:
    """Of every kind, with ids that differ."""
    whole = st.integers
    choices: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "revenue_by_day": {"days": whole(1, 90), "trend": st.booleans()},
        "latest_orders": {"limit": whole(1, 50)},
        "top_products": {"days": whole(1, 90), "limit": whole(1, 20)},
        "platform_health": {"minutes": whole(5, 1440)},
        "replicas_over_time": {
            "minutes": whole(5, 1440),
            "services": st.lists(st.sampled_from(["orders", "dash-2"]), max_size=3),
        },
        "note": {"text": TEXT},
    }
    one = st.one_of(
        st.fixed_dictionaries({"kind": st.just(kind), "id": NAME_OF_ID}, optional={"title": st.none() | LINE, **more})
        for kind, more in choices.items()
    )
    return st.lists(one, max_size=8, unique_by=lambda widget: widget["id"])


@st.composite
def places(draw: st.DrawFn, names: list[str], columns: int) -> list[Json]:
    """Each name once, set from left to right and row by row, in any order."""
    found: list[Json] = []
    x = y = tallest = 0
    for name in draw(st.permutations(names)):
        width, height = draw(st.integers(1, columns)), draw(st.integers(1, 5))
        if x + width > columns:
            x, y, tallest = 0, y + tallest, 0
        found.append({"widget": name, "x": x, "y": y, "width": width, "height": height})
        x, tallest = x + width, max(tallest, height)
    assert y < MOST_ROWS
    return found


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """Any valid one."""
    chosen = draw(widgets())
    names = [widget["id"] for widget in chosen]
    grids = {screen.value: draw(places(names, COLUMNS[screen])) for screen in Breakpoint}
    return {"version": 2, "widgets": chosen, "grids": grids}

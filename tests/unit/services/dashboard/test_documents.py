"""The document of a layout: what goes in comes out, old ones are understood, new ones are not, and no two widgets share a cell."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from dashboard_documents import documents, note, stacked
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.common.tokens.principal import Role
from services.dashboard.document_versions import NewerDocumentError, upgraded, upgraded_layout
from services.dashboard.layout_document import LAYOUT_VERSION, LayoutDocument, Place
from services.dashboard.placement import all_misplaced, misplaced, overlap
from services.dashboard.schemas import UserSettings
from services.dashboard.widgets import NEEDED_ROLES

PLACES = st.builds(
    Place, widget=st.just("w"), x=st.integers(0, 11), y=st.integers(0, 12), width=st.integers(1, 12), height=st.integers(1, 6)
)
OLD = st.builds(
    UserSettings, days=st.integers(1, 90), widgets=st.lists(st.sampled_from(["revenue", "trend", "newest"]), max_size=3)
)


def cells(place: Place) -> set[tuple[int, int]]:
    return {(place.x + x, place.y + y) for x in range(place.width) for y in range(place.height)}


def wrong(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error.field, error.code) for error in misplaced(LayoutDocument.model_validate(document), at="")]


@given(documents())
@settings(max_examples=60)
def test_what_is_valid_comes_out_as_it_went_in(document: dict[str, Any]):
    read = LayoutDocument.model_validate(json.loads(json.dumps(document)))
    assert misplaced(read, at="") == []
    written = read.model_dump(mode="json")
    assert LayoutDocument.model_validate(json.loads(json.dumps(written))) == read
    for before, after in zip(document["widgets"], written["widgets"], strict=True):
        assert after | before == after, "nothing that was said is lost"
    assert written["grids"] == document["grids"]


@given(PLACES, PLACES)
def test_two_overlap_if_they_share_a_cell(one: Place, other: Place):
    assert overlap(one, other) == overlap(other, one) == bool(cells(one) & cells(other))


@given(st.lists(PLACES, max_size=6))
@settings(max_examples=60)
def test_every_pair_that_overlaps_is_found_and_no_other(some: list[Place]):
    named = [place.model_dump() | {"widget": f"w{number}"} for number, place in enumerate(some)]
    document = stacked([note(place["widget"]) for place in named])
    document["grids"]["desktop"] = named
    layout = LayoutDocument.model_validate(document)
    found = [error.field for error in all_misplaced(layout, "") if error.code == "overlaps"]
    pairs = [number for number, place in enumerate(some) for earlier in some[:number] if cells(place) & cells(earlier)]
    assert found == [f"/grids/desktop/{number}" for number in pairs]


@pytest.mark.parametrize(("change", "field", "code"), [
    (lambda document: document["widgets"].append(note("a")), "/widgets/2/id", "repeated"),
    (lambda document: document["widgets"].append(note("c")), "/grids/phone", "required"),
    (lambda document: document["grids"]["tablet"].pop(), "/grids/tablet", "required"),
    (lambda document: document["grids"]["phone"][1].update(widget="x"), "/grids/phone/1/widget", "not_a_choice"),
    (lambda document: document["grids"]["phone"][1].update(widget="a"), "/grids/phone/1/widget", "repeated"),
    (lambda document: document["grids"]["phone"][0].update(width=3), "/grids/phone/0/width", "too_large"),
    (lambda document: document["grids"]["tablet"][1].update(x=1), "/grids/tablet/1/width", "too_large"),
    (lambda document: document["grids"]["desktop"][1].update(y=0), "/grids/desktop/1", "overlaps"),
])  # fmt: skip
def test_what_does_not_fit_is_named(change: Any, field: str, code: str):
    document = stacked([note("a"), note("b")])
    assert wrong(document) == []
    changed = copy.deepcopy(document)
    change(changed)
    assert (field, code) in wrong(changed)


def test_at_most_twenty_places_are_named():
    document = stacked([note(f"n{number}") for number in range(40)])
    for place in document["grids"]["desktop"]:
        place["y"] = 0
    assert len(wrong(document)) == 20


@given(OLD)
@settings(max_examples=40)
def test_settings_of_before_become_a_layout(old: UserSettings):
    stored = old.model_dump(mode="json")
    document = {"version": 1, "days": stored["days"], "widgets": stored["widgets"]}
    before = copy.deepcopy(document)
    new = upgraded_layout(document)
    assert document == before, "what was read is left as it is"
    assert upgraded_layout(new) == new
    layout = LayoutDocument.model_validate(new)
    assert misplaced(layout, at="") == []
    kinds = {widget.kind: widget for widget in layout.widgets}
    assert ("latest_orders" in kinds) == ("newest" in old.widgets)
    assert ("revenue_by_day" in kinds) == bool({"revenue", "trend"} & set(old.widgets))
    if "revenue_by_day" in kinds:
        assert (kinds["revenue_by_day"].days, kinds["revenue_by_day"].trend) == (old.days, "trend" in old.widgets)


@given(st.integers(LAYOUT_VERSION + 1, 2**31))
def test_a_newer_format_is_not_guessed_at(version: int):
    with pytest.raises(NewerDocumentError):
        upgraded_layout({"version": version, "widgets": []})


def test_steps_are_taken_one_after_the_other():
    steps = {1: lambda old: {"version": 2, "path": [*old["path"], 1]}, 2: lambda old: {"version": 3, "path": [*old["path"], 2]}}
    assert upgraded({"version": 1, "path": []}, steps, version=3) == {"version": 3, "path": [1, 2]}
    assert upgraded({"version": 2, "path": []}, steps, version=3) == {"version": 3, "path": [2]}


@pytest.mark.parametrize("version", [1, 3, "2", None])
def test_a_front_end_may_send_the_present_format_alone(version: Any):
    with pytest.raises(ValidationError):
        LayoutDocument.model_validate(stacked([]) | {"version": version})


def test_a_kind_that_needs_a_role_is_a_kind():
    for kind, roles in NEEDED_ROLES.items():
        LayoutDocument.model_validate(stacked([{"kind": kind, "id": "a"}]))
        assert roles <= set(Role)

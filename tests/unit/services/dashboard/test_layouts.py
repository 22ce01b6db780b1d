"""Layouts over HTTP: made, read, changed, shared, deleted; what is refused, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from dashboard_app import Somebody
from dashboard_documents import documents, draft, note, stacked
from hypothesis import HealthCheck, given, settings

from services.common.errors.openapi import PROBLEM_DOCUMENT
from services.common.tokens.principal import Role
from services.dashboard.layout_service import MOST_LAYOUTS

NOWHERE = "/layouts/00000000-0000-4000-8000-000000000000"
Somebodies = Callable[..., Somebody]
Rows = Callable[..., Any]


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    document = answer.json()
    jsonschema.validate(document, PROBLEM_DOCUMENT)
    assert document["code"] == code
    return document


def path_of(layout: dict[str, Any]) -> str:
    return f"/layouts/{layout['id']}"


def test_what_is_made_can_be_read(owner: Somebody):
    answer = owner.ask("POST", "/layouts", draft(note("a", "Milk\nBread"), name="Küche 🥖"))
    layout = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, "/api/v1/dashboard" + path_of(layout))
    assert (layout["name"], layout["owner_id"], layout["etag"]) == ("Küche 🥖", owner.user_id, '"1.2"')
    read = owner.ask("GET", path_of(layout))
    assert read.json() == layout
    assert (read.headers["etag"], read.headers["cache-control"]) == (layout["etag"], "private, no-cache")
    [listed] = owner.ask("GET", "/layouts").json()["layouts"]
    assert listed == {name: value for name, value in layout.items() if name != "document"}


@given(document=documents())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_valid_is_stored_as_it_was_sent(somebody: Somebodies, document: dict[str, Any]):
    admin = somebody(Role.admin)
    stored = admin.ask("GET", path_of(admin.made({"name": "Any", "document": document}))).json()["document"]
    assert stored["grids"] == document["grids"]
    assert [after | before for before, after in zip(document["widgets"], stored["widgets"], strict=True)] == stored["widgets"]


# Versions.


def test_a_change_makes_a_new_version(owner: Somebody):
    first = owner.made(draft())
    answer = owner.ask("PUT", path_of(first), draft(note("a"), name="Renamed"), if_match=first["etag"])
    second = answer.json()
    assert (answer.status_code, answer.headers["etag"], second["etag"]) == (200, '"2.2"', '"2.2"')
    assert (second["name"], second["id"]) == ("Renamed", first["id"])
    assert second["updated_at"] > first["updated_at"]
    assert owner.ask("GET", path_of(first)).json() == second


def test_who_has_lost_a_race_gets_both_versions_and_can_merge(owner: Somebody):
    first = owner.made(draft())
    theirs = owner.ask("PUT", path_of(first), draft(note("theirs")), if_match=first["etag"]).json()
    lost = owner.ask("PUT", path_of(first), draft(note("mine"), name="Mine too"), if_match=first["etag"])
    conflict = problem(lost, 412, "changed_meanwhile")["conflict"]
    assert conflict["current"] == theirs
    assert (conflict["yours"]["name"], conflict["yours"]["document"]["widgets"][0]["id"]) == ("Mine too", "mine")
    merged = draft(*theirs["document"]["widgets"], note("mine"), name="Mine too")
    assert owner.ask("PUT", path_of(first), merged, if_match=conflict["current"]["etag"]).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("if_match", [None, "*"])
def test_a_write_says_which_version_it_changes(method: str, if_match: str | None, owner: Somebody):
    layout = owner.made(draft())
    body = draft(name="Other") if method == "PUT" else None
    problem(owner.ask(method, path_of(layout), body, if_match=if_match), 428, "if_match_required")
    assert owner.ask("GET", path_of(layout)).json() == layout


@pytest.mark.parametrize(("if_match", "status"), [
    ('"9.9", "1.2"', 200), ('"1.1"', 200), ('W/"1.2"', 412), ('"1"', 412), ('"999999999.2"', 412), ("1.2", 422), ('"1.2', 422),
])  # fmt: skip
def test_what_if_match_may_be(if_match: str, status: int, owner: Somebody):
    layout = owner.made(draft())
    answer = owner.ask("PUT", path_of(layout), draft(name="Other"), if_match=if_match)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("if-match", "wrong_format")]


def test_what_is_there_already_is_not_sent_again(owner: Somebody):
    layout = owner.made(draft())
    for path in (path_of(layout), "/layouts", "/layouts?of=shared", path_of(layout) + "/shares", "/preferences"):
        tag = owner.ask("GET", path).headers["etag"]
        for header in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            spared = owner.ask("GET", path, if_none_match=header)
            assert (spared.status_code, spared.content, spared.headers["etag"]) == (304, b"", tag), path
            assert "content-type" not in spared.headers
        assert owner.ask("GET", path, if_none_match='"x"').status_code == 200
    before = owner.ask("GET", "/layouts").headers["etag"]
    owner.ask("PUT", path_of(layout), draft(name="Other"), if_match=layout["etag"])
    assert owner.ask("GET", "/layouts", if_none_match=before).status_code == 200
    assert owner.ask("GET", path_of(layout), if_none_match=layout["etag"]).status_code == 200


def test_deleted_is_gone(owner: Somebody):
    layout = owner.made(draft())
    newer = owner.ask("PUT", path_of(layout), draft(note("a")), if_match=layout["etag"]).json()
    stale = problem(owner.ask("DELETE", path_of(layout), if_match=layout["etag"]), 412, "changed_meanwhile")
    assert stale["conflict"] == {"current": newer, "yours": None}
    gone = owner.ask("DELETE", path_of(layout), if_match=newer["etag"])
    assert (gone.status_code, gone.content) == (204, b"")
    for method, body in (("GET", None), ("PUT", draft()), ("DELETE", None)):
        problem(owner.ask(method, path_of(layout), body, if_match=newer["etag"]), 404, "layout_unknown")
    assert owner.ask("GET", "/layouts").json()["layouts"] == []


# What is refused.


@pytest.mark.parametrize(("wrong", "field", "code"), [
    ({"name": ""}, "/name", "too_short"),
    ({"name": "a" * 81}, "/name", "too_long"),
    ({"name": "a\nb"}, "/name", "wrong_format"),
    ({"colour": "red"}, "/colour", "unknown"),
    ({"document": stacked([]) | {"version": 1}}, "/document/version", "not_a_choice"),
    ({"document": stacked([]) | {"version": 3}}, "/document/version", "not_a_choice"),
    ({"document": {"version": 2, "widgets": []}}, "/document/grids", "required"),
    ({"document": stacked([{"kind": "clock", "id": "a"}])}, "/document/widgets/0", "invalid"),
    ({"document": stacked([{"id": "a"}])}, "/document/widgets/0", "required"),
    ({"document": stacked([note("a") | {"colour": "red"}])}, "/document/widgets/0/colour", "unknown"),
    ({"document": stacked([note("a", "x" * 4001)])}, "/document/widgets/0/text", "too_long"),
    ({"document": stacked([note("a", "\x00")])}, "/document/widgets/0/text", "wrong_format"),
    ({"document": stacked([note("a b")])}, "/document/widgets/0/id", "wrong_format"),
    ({"document": stacked([{"kind": "note", "id": "a", "days": 7}])}, "/document/widgets/0/days", "unknown"),
    ({"document": stacked([note("a"), {"kind": "top_products", "id": "b", "days": "7"}])}, "/document/widgets/1/days", "wrong_type"),
    ({"document": stacked([{"kind": "latest_orders", "id": "a", "limit": 51}])}, "/document/widgets/0/limit", "too_large"),
    ({"document": stacked([{"kind": "replicas_over_time", "id": "a", "services": ["A"]}])}, "/document/widgets/0/services/0", "wrong_format"),
    ({"document": stacked([note(f"n{number}") for number in range(41)])}, "/document/widgets", "too_long"),
    ({"document": stacked([note("a"), note("a")])}, "/document/widgets/1/id", "repeated"),
])  # fmt: skip
def test_a_wrong_field_is_named(wrong: dict[str, Any], field: str, code: str, owner: Somebody):
    errors = problem(owner.ask("POST", "/layouts", draft() | wrong), 422, "validation_failed")["errors"]
    assert (field, code) in [(error["field"], error["code"]) for error in errors]
    assert owner.ask("GET", "/layouts").json()["layouts"] == []


def test_widgets_upon_each_other_are_refused_also_where_a_layout_is_changed(owner: Somebody):
    layout = owner.made(draft())
    wrong = draft(note("a"), note("b"))
    wrong["document"]["grids"]["tablet"][1]["y"] = 0
    [error] = problem(owner.ask("PUT", path_of(layout), wrong, if_match=layout["etag"]), 422, "validation_failed")["errors"]
    expected = {"field": "/document/grids/tablet/1", "code": "overlaps", "message": "It should not overlap place 0"}
    assert error == expected


def test_a_document_has_a_greatest_size(owner: Somebody):
    fits = draft(*(note(f"n{number}", "x" * 1000) for number in range(40)))
    assert len(json.dumps(fits)) < 65_536
    owner.made(fits)
    problem(
        owner.ask("POST", "/layouts", draft(*(note(f"n{n}", "x" * 4000) for n in range(16)), name="B")),
        413,
        "payload_too_large",
    )


@pytest.mark.parametrize(("role", "status"), [(Role.customer, 403), (Role.staff, 403), (Role.admin, 201)])
def test_replicas_are_shown_to_admins(role: Role, status: int, somebody: Somebodies):
    user = somebody(role)
    wanted = draft({"kind": "replicas_over_time", "id": "a"})
    answer = user.ask("POST", "/layouts", wanted)
    assert answer.status_code == status
    if status == 403:
        assert "admin" in problem(answer, 403, "widget_not_allowed")["detail"]
        layout = user.made(draft())
        problem(user.ask("PUT", path_of(layout), wanted, if_match=layout["etag"]), 403, "widget_not_allowed")


def test_a_name_is_once_a_users(owner: Somebody, somebody: Somebodies):
    owner.made(draft(name="One"))
    two = owner.made(draft(name="Two"))
    problem(owner.ask("POST", "/layouts", draft(name="One")), 409, "layout_name_taken")
    problem(owner.ask("PUT", path_of(two), draft(name="One"), if_match=two["etag"]), 409, "layout_name_taken")
    somebody().made(draft(name="One"))
    owner.made(draft(name="one"))


def test_a_user_has_so_many_layouts_and_no_more(owner: Somebody, rows: Rows):
    fill = """
        INSERT INTO dashboard.layouts (owner_id, name, document, updated_at)
        SELECT %s::text, n::text, %s::jsonb, now() FROM generate_series(2, %s) n
    """
    rows(fill, owner.user_id, json.dumps(stacked([])), MOST_LAYOUTS)
    last = owner.made(draft())
    problem(owner.ask("POST", "/layouts", draft(name="Too many")), 409, "too_many_layouts")
    assert owner.ask("DELETE", path_of(last), if_match=last["etag"]).status_code == 204
    owner.made(draft(name="Again"))


@pytest.mark.parametrize(
    "layout_id", ["x", "00000000-0000-4000-8000-00000000000G", "00000000-0000-4000-8000-00000000000A", "0" * 32]
)
def test_an_id_is_a_uuid_in_small_letters(layout_id: str, owner: Somebody):
    problem(owner.ask("GET", f"/layouts/{layout_id}"), 422, "validation_failed")


def test_unknown_parameters_are_refused(owner: Somebody):
    for path in (NOWHERE, "/layouts", NOWHERE + "/shares", "/preferences"):
        problem(owner.ask("GET", path + "?colour=red"), 422, "validation_failed")
    problem(owner.ask("GET", "/layouts?of=all"), 422, "validation_failed")
    problem(owner.ask("GET", NOWHERE), 404, "layout_unknown")


# Sharing.


def test_shared_with_a_user_until_it_is_withdrawn(owner: Somebody, somebody: Somebodies):
    reader, other = somebody(), somebody()
    layout = owner.made(draft(note("a")))
    owner.shared(layout, users=(reader.user_id,))
    assert reader.ask("GET", path_of(layout)).json() == layout, "sharing is no new version"
    [listed] = reader.ask("GET", "/layouts?of=shared").json()["layouts"]
    assert (listed["id"], listed["owner_id"]) == (layout["id"], owner.user_id)
    for user, of in ((reader, "mine"), (other, "shared"), (owner, "shared")):
        assert user.ask("GET", f"/layouts?of={of}").json()["layouts"] == []
    owner.shared(layout)
    problem(reader.ask("GET", path_of(layout)), 404, "layout_unknown")
    assert reader.ask("GET", "/layouts?of=shared").json()["layouts"] == []


def test_shared_with_a_role(somebody: Somebodies):
    owner, colleague, customer = somebody(Role.staff), somebody(Role.customer, Role.staff), somebody()
    layout = owner.made(draft())
    owner.shared(layout, roles=("staff",))
    assert colleague.ask("GET", path_of(layout)).status_code == 200
    assert layout["id"] in [each["id"] for each in colleague.ask("GET", "/layouts?of=shared&limit=100").json()["layouts"]]
    problem(customer.ask("GET", path_of(layout)), 404, "layout_unknown")
    owner.shared(layout)


def test_a_customer_shares_with_users_alone(owner: Somebody):
    layout = owner.made(draft())
    path = path_of(layout) + "/shares"
    answer = owner.ask("PUT", path, {"users": [], "roles": ["customer"]}, if_match='"1.1"')
    problem(answer, 403, "role_sharing_not_allowed")
    assert owner.ask("GET", path).json()["shares"] == {"users": [], "roles": []}


def test_shares_have_versions_of_their_own(owner: Somebody):
    layout = owner.made(draft())
    path, wanted = path_of(layout) + "/shares", {"users": ["b", "a", "b"], "roles": []}
    problem(owner.ask("PUT", path, wanted), 428, "if_match_required")
    first = owner.ask("PUT", path, wanted, if_match='"1.1"').json()
    assert first == {"layout_id": layout["id"], "shares": {"users": ["a", "b"], "roles": []}, "etag": '"2.1"'}
    conflict = problem(owner.ask("PUT", path, wanted, if_match='"1.1"'), 412, "changed_meanwhile")["conflict"]
    assert conflict == {"current": first, "yours": wanted}
    assert owner.ask("GET", path_of(layout)).json() == layout


@pytest.mark.parametrize("wrong", [
    {"users": ["a b"], "roles": []}, {"users": ["a"] * 101, "roles": []}, {"users": [], "roles": ["root"]}, {"users": []}, {"roles": []},
    {"users": [], "roles": ["staff"] * 4}, {"users": [7], "roles": []},
])  # fmt: skip
def test_wrong_shares_are_refused(wrong: dict[str, Any], owner: Somebody):
    path = path_of(owner.made(draft())) + "/shares"
    problem(owner.ask("PUT", path, wrong, if_match='"1.1"'), 422, "validation_failed")
    assert owner.ask("GET", path).json()["shares"] == {"users": [], "roles": []}


def test_lists_come_page_by_page(owner: Somebody):
    made = {owner.made(draft(name=f"n{number}"))["id"] for number in range(5)}
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = owner.ask("GET", "/layouts?limit=2" + (f"&after={after}" if after else "")).json()
        seen += [layout["id"] for layout in page["layouts"]]
        after = page["next_after"]
    assert seen == sorted(made)


# Formats.


def test_an_old_document_is_shown_in_the_present_format_and_stays_until_it_is_written(owner: Somebody, rows: Rows):
    layout = owner.made(draft())
    old = {"version": 1, "days": 30, "widgets": ["newest", "trend"]}
    rows("UPDATE dashboard.layouts SET document = %s WHERE id = %s", json.dumps(old), layout["id"])
    shown = owner.ask("GET", path_of(layout)).json()
    assert [widget["kind"] for widget in shown["document"]["widgets"]] == ["latest_orders", "revenue_by_day"]
    assert (shown["document"]["version"], shown["etag"]) == (2, '"1.2"')
    stored = "SELECT document FROM dashboard.layouts WHERE id = %s"
    assert rows(stored, layout["id"]) == [(old,)]
    body = {"name": shown["name"], "document": shown["document"]}
    assert owner.ask("PUT", path_of(layout), body, if_match=shown["etag"]).status_code == 200
    assert rows(stored, layout["id"]) == [(shown["document"],)]


def test_a_document_of_a_newer_release_is_not_shown_and_not_overwritten(owner: Somebody, rows: Rows):
    layout = owner.made(draft())
    newer = {"version": 3, "rooms": []}
    rows("UPDATE dashboard.layouts SET document = %s, revision = 2 WHERE id = %s", json.dumps(newer), layout["id"])
    for method, body, if_match in (("GET", None, None), ("PUT", draft(), layout["etag"]), ("PUT", draft(), '"2.2"')):
        answer = owner.ask(method, path_of(layout), body, if_match=if_match)
        problem(answer, 503, "document_too_new")
        assert answer.headers["retry-after"] == "5"
    assert rows("SELECT document FROM dashboard.layouts WHERE id = %s", layout["id"]) == [(newer,)]
    assert owner.ask("GET", "/layouts").status_code == 200

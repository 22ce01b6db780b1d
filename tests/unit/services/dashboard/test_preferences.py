"""Preferences over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from dashboard_app import Somebody

DEFAULTS = {"version": 1, "theme": "system", "language": None, "currency": "EUR", "open_layout": None}
LAYOUT = "00000000-0000-4000-8000-000000000000"


def test_who_never_chose_sees_the_defaults(owner: Somebody):
    answer = owner.ask("GET", "/preferences")
    assert answer.json() == {"user_id": owner.user_id, "preferences": DEFAULTS, "updated_at": None, "etag": '"0.1"'}
    assert answer.headers["etag"] == '"0.1"'


def test_they_are_kept_and_replaced_whole(owner: Somebody):
    wanted = {"version": 1, "theme": "dark", "language": "de", "open_layout": LAYOUT}
    first = owner.ask("PUT", "/preferences", wanted, if_match='"0.1"').json()
    assert first["preferences"] == DEFAULTS | wanted
    assert owner.ask("GET", "/preferences").json() == first
    second = owner.ask("PUT", "/preferences", {"version": 1, "currency": "USD"}, if_match=first["etag"])
    assert (second.json()["preferences"], second.headers["etag"]) == (DEFAULTS | {"currency": "USD"}, '"2.1"')


def test_who_has_lost_a_race_gets_both_versions(owner: Somebody):
    first = owner.ask("PUT", "/preferences", {"version": 1, "theme": "dark"}, if_match='"0.1"').json()
    lost = owner.ask("PUT", "/preferences", {"version": 1, "language": "en"}, if_match='"0.1"')
    assert (lost.status_code, lost.json()["code"]) == (412, "changed_meanwhile")
    assert lost.json()["conflict"] == {"current": first, "yours": DEFAULTS | {"language": "en"}}
    assert owner.ask("PUT", "/preferences", {"version": 1}).json()["code"] == "if_match_required"
    assert owner.ask("PUT", "/preferences", {"version": 1}, if_match='"7.1"').status_code == 412
    assert owner.ask("GET", "/preferences").json() == first


@pytest.mark.parametrize(("wrong", "field"), [
    ({"theme": "pink"}, "/theme"), ({"language": "fr"}, "/language"), ({"currency": "euro"}, "/currency"), ({"version": 2}, "/version"),
    ({"open_layout": "first"}, "/open_layout"), ({"colour": "red"}, "/colour"),
])  # fmt: skip
def test_what_is_wrong_is_named(wrong: dict[str, Any], field: str, owner: Somebody):
    answer = owner.ask("PUT", "/preferences", {"version": 1} | wrong, if_match='"0.1"')
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])
    assert owner.ask("GET", "/preferences").json()["updated_at"] is None


def test_those_of_a_newer_release_are_not_shown_and_not_overwritten(owner: Somebody, rows: Callable[..., Any]):
    newer = {"version": 2, "fonts": []}
    add = "INSERT INTO dashboard.preferences (user_id, document, revision, updated_at) VALUES (%s, %s, 4, now())"
    rows(add, owner.user_id, json.dumps(newer))
    assert owner.ask("GET", "/preferences").json()["code"] == "document_too_new"
    for tag in ('"0.1"', '"4.1"'):
        assert owner.ask("PUT", "/preferences", {"version": 1}, if_match=tag).json()["code"] == "document_too_new"
    assert rows("SELECT document FROM dashboard.preferences WHERE user_id = %s", owner.user_id) == [(newer,)]

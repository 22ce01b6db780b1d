"""What problem documents gained with layouts: pointers into tagged unions, and further members."""

from __future__ import annotations

import json

import jsonschema
import pytest

from services.common.errors.catalogue import load_catalogue
from services.common.errors.factory import ErrorResponseFactory
from services.common.errors.field_error import field_of
from services.common.errors.openapi import PROBLEM_DOCUMENT

BODY = {"widgets": [{"kind": "note", "text": "a"}, "no widget"], "note": {"text": "b"}}


@pytest.mark.parametrize(("location", "field", "gloss"), [
    (("body", "widgets", 0, "note", "text"), "/widgets/0/text", "the choice is no part of the body"),
    (("body", "widgets", 0, "note", "id"), "/widgets/0/id", "missing, and named all the same"),
    (("body", "widgets", 0, "note"), "/widgets/0/note", "the last one is kept"),
    (("body", "note", "text"), "/note/text", "a field that is called like a choice"),
    (("body", "widgets", 1), "/widgets/1", "not an object"),
    (("body", "widgets", 7, "x", "y"), "/widgets/7/x/y", "nothing is there"),
    (("body", "a/b~c"), "/a~1b~0c", "escaped"),
    (("body",), "", "the body itself"),
    (("header", "if-match"), "if-match", "not in the body"),
])  # fmt: skip
def test_a_pointer_leads_through_the_body(location: tuple[str | int, ...], field: str, gloss: str):
    assert field_of(location, BODY) == field, gloss


def test_a_conflict_keeps_the_schema():
    factory = ErrorResponseFactory(load_catalogue("services.dashboard"), service="dashboard")
    for yours in ({"name": "x"}, None):
        members = {"conflict": {"current": {"etag": '"2.2"'}, "yours": yours}}
        document = json.loads(factory.response("changed_meanwhile", members=members).body)
        jsonschema.validate(document, PROBLEM_DOCUMENT)
        assert document["conflict"] == members["conflict"]

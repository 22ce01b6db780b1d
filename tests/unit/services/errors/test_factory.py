"""One document for every error."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors.catalogue import COMMON, read_catalogue
from services.common.errors.factory import ErrorResponseFactory
from services.common.errors.field_error import FieldError
from services.common.errors.openapi import PROBLEM_DOCUMENT
from services.common.errors.trace_id import parse_traceparent, trace_id_of

FACTORY = ErrorResponseFactory(read_catalogue(COMMON), service="test")
TRACE = "0af7651916cd43dd8448eb211c80319c"
CODES = sorted(FACTORY.catalogue)
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=[]))
"""Lone surrogates too: JSON can say them."""


@given(
    code=st.sampled_from(CODES),
    detail=st.none() | ANY_TEXT,
    fields=st.lists(st.builds(FieldError, field=ANY_TEXT, code=st.just("invalid"), message=ANY_TEXT), max_size=3),
)
def test_every_document_keeps_the_schema(code: str, detail: str | None, fields: list[FieldError]):
    response = FACTORY.response(code, detail=detail, instance="/x", trace_id=TRACE, fields=fields)
    document = json.loads(response.body)
    jsonschema.validate(document, PROBLEM_DOCUMENT)
    problem = FACTORY.catalogue[code]
    assert response.status_code == document["status"] == problem.status
    assert (document["code"], document["type"], document["trace_id"]) == (code, f"/docs/errors#{code}", TRACE)
    assert document["detail"] == (detail or problem.when)
    assert [each["field"] for each in document.get("errors", [])] == [field.field for field in fields]
    assert response.headers["content-type"] == "application/problem+json"


def test_members_that_say_nothing_are_left_out():
    document = json.loads(FACTORY.body("not_found"))
    assert set(document) == {"type", "title", "status", "detail", "code", "trace_id"}
    assert re.fullmatch("[0-9a-f]{32}", document["trace_id"])


def test_retry_after_is_the_catalogues_unless_the_service_knows_better():
    assert FACTORY.response("overloaded").headers["retry-after"] == "1"
    assert FACTORY.response("overloaded", retry_after_seconds=7).headers["retry-after"] == "7"
    assert FACTORY.response("rate_limited", retry_after_seconds=0).headers["retry-after"] == "0"
    assert "retry-after" not in FACTORY.response("conflict").headers


def test_a_401_challenges():
    assert FACTORY.response("token_expired").headers["www-authenticate"] == "Bearer"
    own = FACTORY.response("unauthenticated", headers={"www-authenticate": 'Bearer error="invalid_token"'})
    assert own.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert "www-authenticate" not in FACTORY.response("forbidden").headers


@pytest.mark.parametrize(("status", "code"), [
    (404, "not_found"), (401, "unauthenticated"), (503, "temporarily_unavailable"), (418, "malformed_request"), (507, "internal_error"),
])  # fmt: skip
def test_a_status_that_somebody_else_chose_has_a_code(status: int, code: str):
    assert FACTORY.code_of(status) == code


def test_an_unknown_code_is_a_mistake_of_the_service():
    with pytest.raises(KeyError, match="no_such_code"):
        FACTORY.response("no_such_code")


def test_a_refusal_is_the_same_document_without_the_path():
    async def answered(headers: list[tuple[bytes, bytes]]) -> list[Any]:
        seen: list[Any] = []

        async def send(message: Any) -> None:
            seen.append(message)

        more = [(b"connection", b"close")]
        await FACTORY.refusal("overloaded").send({"type": "http", "headers": headers}, send, more_headers=more)
        return seen

    start, body = asyncio.run(answered([(b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode())]))
    headers = dict(start["headers"])
    assert json.loads(body["body"]) == json.loads(FACTORY.body("overloaded", trace_id=TRACE))
    assert (start["status"], headers[b"content-type"], headers[b"retry-after"]) == (503, b"application/problem+json", b"1")
    assert (int(headers[b"content-length"]), headers[b"connection"]) == (len(body["body"]), b"close")
    _, other = asyncio.run(answered([]))
    assert len(other["body"]) == len(body["body"])
    assert json.loads(other["body"])["trace_id"] not in {TRACE, json.loads(asyncio.run(answered([]))[1]["body"])["trace_id"]}


PARENT = "b7ad6b7169203331"


@pytest.mark.parametrize(("header", "trace", "gloss"), [
    (f"00-{TRACE}-{PARENT}-01", TRACE, "as everybody sends it"),
    (f" 00-{TRACE}-{PARENT}-00 ", TRACE, "with space around it"),
    (f"01-{TRACE}-{PARENT}-01-more", TRACE, "a later version may say more"),
    (f"00-{TRACE}-{PARENT}-01-more", None, "version 00 may not"),
    (f"ff-{TRACE}-{PARENT}-01", None, "there is no version ff"),
    (f"00-{'0' * 32}-{PARENT}-01", None, "zeros are no trace"),
    (f"00-{TRACE}-{'0' * 16}-01", None, "zeros are no parent"),
    (f"00-{TRACE.upper()}-{PARENT}-01", None, "capitals are not allowed"),
    (f"00-{TRACE[:-1]}-{PARENT}-01", None, "too short"),
    ("", None, "empty"),
    ('00-","code":"mine-b7ad6b7169203331-01', None, "something else"),
])  # fmt: skip
def test_traceparent(header: str, trace: str | None, gloss: str):
    parsed = parse_traceparent(header.encode())
    assert (parsed.trace_id if parsed else None) == trace, gloss
    made = trace_id_of({"headers": [(b"accept", b"*/*"), (b"traceparent", header.encode())]})
    assert re.fullmatch("[0-9a-f]{32}", made), gloss
    assert (made == trace) is (trace is not None), gloss


@given(traceparent=st.binary(max_size=80), request_id=st.binary(max_size=80))
def test_whatever_the_headers_hold_the_trace_id_is_one(traceparent: bytes, request_id: bytes):
    headers = [(b"traceparent", traceparent), (b"x-request-id", request_id)]
    assert re.fullmatch("[0-9a-f]{32}", trace_id_of({"headers": headers}))


def test_without_a_trace_the_gateways_request_id_is_one():
    request_id = (b"x-request-id", b"2b6e9c3c-8f1e-4d0b-9c3a-0d5a1f0e7c11")
    parent = (b"traceparent", f"00-{TRACE}-{PARENT}-01".encode())
    for headers in ([request_id], [request_id, (b"traceparent", b"nonsense")]):
        assert trace_id_of({"headers": headers}) == "2b6e9c3c8f1e4d0b9c3a0d5a1f0e7c11"
    for headers in ([request_id, parent], [parent, request_id]):
        assert trace_id_of({"headers": headers}) == TRACE

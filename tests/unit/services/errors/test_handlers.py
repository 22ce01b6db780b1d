"""Whatever goes wrong in an application, the answer is a problem document and holds nothing of the inside or of the input."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Annotated, Any

import httpx
import jsonschema
import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Path, Query
from pydantic import Field, StringConstraints

from services.common.body_limit import BodyLimitMiddleware
from services.common.errors.catalogue import COMMON, read_catalogue
from services.common.errors.factory import ErrorResponseFactory
from services.common.errors.field_error import FieldError
from services.common.errors.handlers import install
from services.common.errors.openapi import PROBLEM_DOCUMENT
from services.common.errors.raised import ServiceError
from services.common.errors.unexpected import UnexpectedErrorMiddleware
from services.common.given import WITHOUT_NUL, Given, IdInUrl, InBody, NoQuery
from services.common.query_guard import QueryGuardMiddleware

SECRET = "hunter2"
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


class NobodyThereError(Exception):
    pass


class Part(Given):
    size: Annotated[int, Field(gt=0), InBody]


class Thing(Given):
    name: Annotated[str, StringConstraints(max_length=8, pattern=WITHOUT_NUL)]
    parts: list[Part] = []


class Wanted(Given):
    limit: Annotated[IdInUrl, Field()] = 1


def made_app() -> FastAPI:
    router = APIRouter(prefix="/things")

    @router.get("")
    async def some(query: Annotated[Wanted, Query()]) -> int:
        return query.limit

    @router.post("")
    async def make(thing: Thing, _query: Annotated[NoQuery, Query()]) -> str:
        return thing.name

    @router.get("/raises/{what}")
    async def raises(what: str) -> None:
        raise {
            "known": ServiceError("conflict", "It is sold."),
            "late": ServiceError("rate_limited", retry_after_seconds=9, headers={"x-more": "1"}),
            "fields": ServiceError("validation_failed", fields=[FieldError("/name", "wrong_format", "No.")]),
            "starlette": HTTPException(403, SECRET),
            "teapot": HTTPException(418),
            "nobody": NobodyThereError(SECRET),
            "bug": RuntimeError(SECRET),
            "wrong_code": ServiceError("no_such_code"),
            "group": ExceptionGroup(SECRET, [ValueError(SECRET)]),
        }[what]

    @router.get("/{thing_id}")
    async def one(thing_id: Annotated[IdInUrl, Path()], _query: Annotated[NoQuery, Query()]) -> int:
        return thing_id

    app = FastAPI(redirect_slashes=False)
    factory = ErrorResponseFactory(read_catalogue(COMMON), service="test")
    app.add_middleware(QueryGuardMiddleware, factory=factory)
    app.add_middleware(BodyLimitMiddleware, factory=factory)
    app.add_middleware(UnexpectedErrorMiddleware, factory=factory)
    app.include_router(router)
    install(app, factory, unavailable=[NobodyThereError])
    return app


APP = made_app()


def ask(method: str, path: str, **more: Any) -> httpx.Response:
    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://test") as client:
            return await client.request(method, path, **more)

    return asyncio.run(answer())


def problem(answer: httpx.Response, code: str) -> dict[str, Any]:
    """The document, checked for everything that each must have."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document = answer.json()
    jsonschema.validate(document, PROBLEM_DOCUMENT)
    assert (document["code"], document["status"]) == (code, answer.status_code)
    path = answer.request.url.raw_path.decode().partition("?")[0]
    assert document.get("instance", path) == path
    assert SECRET not in answer.text
    return document


@pytest.mark.parametrize(("what", "code", "status"), [
    ("known", "conflict", 409),
    ("late", "rate_limited", 429),
    ("starlette", "forbidden", 403),
    ("teapot", "malformed_request", 400),
    ("nobody", "temporarily_unavailable", 503),
    ("bug", "internal_error", 500),
    ("wrong_code", "internal_error", 500),
    ("group", "internal_error", 500),
])  # fmt: skip
def test_what_is_raised_is_answered(what: str, code: str, status: int):
    answer = ask("GET", f"/things/raises/{what}", headers=TRACED)
    document = problem(answer, code)
    assert (answer.status_code, document["trace_id"]) == (status, TRACE)


def test_what_the_service_says_is_passed_on():
    assert problem(ask("GET", "/things/raises/known"), "conflict")["detail"] == "It is sold."
    late = ask("GET", "/things/raises/late")
    assert (late.headers["retry-after"], late.headers["x-more"]) == ("9", "1")
    fields = problem(ask("GET", "/things/raises/fields"), "validation_failed")["errors"]
    assert fields == [{"field": "/name", "code": "wrong_format", "message": "No."}]


def test_what_nobody_foresaw_is_logged_once_with_its_trace(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.ERROR):
        ask("GET", "/things/raises/bug", headers=TRACED)
    (record,) = caplog.records
    assert record.trace_id == TRACE
    assert record.exc_info is not None
    assert SECRET in str(record.exc_info[1])


@pytest.mark.parametrize(("method", "path", "code"), [
    ("GET", "/nowhere", "not_found"),
    ("GET", "/things/", "not_found"),
    ("GET", "/things/1/2", "not_found"),
    ("GET", "/things/0", "validation_failed"),
    ("GET", "/things/%00", "validation_failed"),
    ("GET", "/things/2147483648", "validation_failed"),
    ("GET", f"/things/{'9' * 200}", "validation_failed"),
    ("GET", "/things/%2B7", "validation_failed"),
    ("GET", "/things/7.5", "validation_failed"),
    ("GET", "/things/7.", "validation_failed"),
    ("GET", "/things/7e0", "validation_failed"),
    ("GET", "/things/007", "validation_failed"),
    ("GET", "/things/1_0", "validation_failed"),
    ("GET", "/things/%D9%A7", "validation_failed"),  # an Arabic digit
    ("GET", "/things?limit=%207", "validation_failed"),
    ("GET", "/things?limit=", "validation_failed"),
])  # fmt: skip
def test_paths_and_numbers_are_spelt_one_way(method: str, path: str, code: str):
    problem(ask(method, path), code)


def test_a_wrong_method_is_told_all_that_the_path_has():
    answer = ask("DELETE", "/things")
    problem(answer, "method_not_allowed")
    assert answer.headers.get_list("allow") == ["GET, POST"]
    assert ask("POST", "/things/7").headers["allow"] == "GET"


@pytest.mark.parametrize(("path", "field", "code"), [
    ("/things?colour=red", "colour", "unknown"),
    ("/things/7?colour=red", "colour", "unknown"),
    ("/things?limit=0", "limit", "too_small"),
    ("/things?limit=2147483648", "limit", "too_large"),
    ("/things?limit=seven", "limit", "wrong_type"),
    ("/things?limit=1&limit=2", "limit", "repeated"),
    ("/things?limit=1&li%6Dit=2", "limit", "repeated"),
    ("/things?limit=1&&limit", "limit", "repeated"),
    (f"/things?{'x' * 500}=1", "x" * 128, "unknown"),
])  # fmt: skip
def test_a_refused_query_names_the_parameter(path: str, field: str, code: str):
    errors = problem(ask("GET", path), "validation_failed")["errors"]
    assert [(each["field"], each["code"]) for each in errors] == [(field, code)]


def test_numbers_in_urls_are_jsons():
    assert [ask("GET", f"/things/{text}").json() for text in ("7", "7.0", "7.000")] == [7, 7, 7]


def test_parameters_that_differ_are_no_repetition():
    assert ask("GET", "/things?limit=7&").json() == 7


@pytest.mark.parametrize(("body", "field", "code"), [
    ({}, "/name", "required"),
    ({"name": 7}, "/name", "wrong_type"),
    ({"name": "123456789"}, "/name", "too_long"),
    ({"name": "a\0b"}, "/name", "wrong_format"),
    ({"name": "a", "a/b~c": 1}, "/a~1b~0c", "unknown"),
    ({"name": "a", "parts": [{"size": 1}, {"size": "1"}]}, "/parts/1/size", "wrong_type"),
    ({"name": "a", "parts": [{"size": True}]}, "/parts/0/size", "wrong_type"),
    ({"name": "a", "parts": [{"size": 1.5}]}, "/parts/0/size", "wrong_type"),
    ({"name": "a", "parts": [{"size": -1.0}]}, "/parts/0/size", "too_small"),
    ([], "", "wrong_type"),
    (None, "", "required"),
])  # fmt: skip
def test_a_refused_body_points_at_the_field(body: Any, field: str, code: str):
    errors = problem(ask("POST", "/things", json=body), "validation_failed")["errors"]
    assert [(each["field"], each["code"]) for each in errors] == [(field, code)]


@pytest.mark.parametrize("size", ["1", "1.0", "10e-1"])
def test_json_has_one_kind_of_number(size: str):
    body = f'{{"name": "a", "parts": [{{"size": {size}}}]}}'
    assert ask("POST", "/things", content=body, headers={"content-type": "application/json"}).json() == "a"


def test_values_are_never_repeated():
    body = {"name": SECRET * 2, "parts": [{"size": SECRET}, SECRET]}
    assert len(problem(ask("POST", "/things", json=body), "validation_failed")["errors"]) == 3
    problem(ask("GET", f"/things?limit={SECRET}"), "validation_failed")


def test_an_answer_does_not_grow_with_the_number_of_mistakes():
    body = {"name": "a", **{f"unknown{number}": 1 for number in range(1000)}}
    answer = ask("POST", "/things", json=body)
    assert len(problem(answer, "validation_failed")["errors"]) == 20
    assert len(answer.content) < 4096


@pytest.mark.parametrize("body", [
    b"{", b"\xff\xfe{", b'{"name": "\xff"}', b"[" * 60_000, b'{"name": ' + b"9" * 5000 + b"}",
])  # fmt: skip
def test_what_is_not_json_is_400(body: bytes):
    problem(ask("POST", "/things", content=body, headers={"content-type": "application/json"}), "malformed_request")


@pytest.mark.parametrize("body", [b'{"name": "\\ud800"}', b'{"name": "a", "\\ud800": 1}', b'{"name": NaN}', b"1e999"])
def test_json_that_only_python_takes_is_422(body: bytes):
    problem(ask("POST", "/things", content=body, headers={"content-type": "application/json"}), "validation_failed")


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "json", "multipart/form-data; boundary=x"]
)
def test_a_body_that_is_not_declared_as_json_is_415(content_type: str | None):
    headers = {} if content_type is None else {"content-type": content_type}
    answer = ask("POST", "/things", content=b'{"name": "a"}', headers=headers)
    problem(answer, "unsupported_media_type")
    assert answer.headers["accept"] == "application/json"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_is_taken_however_it_is_declared(content_type: str):
    assert ask("POST", "/things", content=b'{"name": "a"}', headers={"content-type": content_type}).json() == "a"


async def in_chunks(size: int) -> Any:
    sent = 0
    while sent < size:
        yield b" " * min(1000, size - sent)
        sent += 1000


@pytest.mark.parametrize(
    ("size", "code"), [(65_536, "malformed_request"), (65_537, "payload_too_large"), (10_000_000, "payload_too_large")]
)
def test_a_body_has_a_limit_whether_its_length_is_declared_or_not(size: int, code: str):
    headers = {"content-type": "application/json"}
    problem(ask("POST", "/things", content=b" " * size, headers=headers), code)
    answer = ask("POST", "/things", content=in_chunks(size), headers=headers)
    assert "content-length" not in answer.request.headers
    problem(answer, code)


def test_a_body_that_nobody_reads_is_refused_unread():
    problem(ask("GET", "/things", content=b" " * 65_537), "payload_too_large")


def test_half_an_answer_is_not_completed_by_an_error():
    async def half(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError(SECRET)

    seen: list[Any] = []

    async def send(message: Any) -> None:
        seen.append(message)

    factory = ErrorResponseFactory(read_catalogue(COMMON), service="test")
    scope: Any = {"type": "http", "method": "GET", "path": "/\n", "headers": []}
    with pytest.raises(RuntimeError):
        asyncio.run(UnexpectedErrorMiddleware(half, factory=factory)(scope, None, send))  # type: ignore[arg-type]  # nothing is received
    assert [message["type"] for message in seen] == ["http.response.start"]


def test_the_longest_paths_are_not_repeated():
    answer = ask("GET", "/" + "x" * 2000)
    assert "instance" not in json.loads(answer.content)

"""Each service's OpenAPI document says which errors each operation answers."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from service_processes import Replica

from services.common.errors.catalogue import COMMON, read_catalogue
from services.common.errors.openapi import CODES, EVERY_OPERATION, PROBLEM_DOCUMENT, describe_problems, problems

OPERATION = {"responses": {"200": {}, "422": {"content": {"application/json": {}}}}}


@pytest.fixture(params=["orders", "dashboard"])
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.getfixturevalue(request.param).client.get("/openapi.json").json()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_every_error_is_a_problem_document(document: dict[str, Any]):
    for name, operation in operations(document):
        documented = set()
        for status, response in operation["responses"].items():
            if int(status) < 400:
                continue
            assert list(response["content"]) == ["application/problem+json"], name
            reference, exactly = response["content"]["application/problem+json"]["schema"]["allOf"]
            assert reference == {"$ref": "#/components/schemas/ProblemDocument"}
            assert exactly["properties"]["status"] == {"const": int(status)}
            documented |= set(exactly["properties"]["code"]["enum"])
        assert documented == set(operation[CODES]), name
        assert set(EVERY_OPERATION) <= documented, name
        assert {"unsupported_media_type", "malformed_request"} <= documented or "requestBody" not in operation, name


def test_nothing_of_fastapis_own_errors_is_left(document: dict[str, Any]):
    assert document["components"]["schemas"]["ProblemDocument"] == PROBLEM_DOCUMENT
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])


def test_no_parameter_can_be_null(document: dict[str, Any]):
    for name, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"]
            assert "anyOf" not in schema, name
            assert schema.get("default", "") is not None, name
            assert {"type", "$ref"} & set(schema), name


def test_a_services_own_codes_are_where_they_are_answered(orders: Replica):
    paths = orders.client.get("/openapi.json").json()["paths"]
    one = paths["/api/v1/orders/{order_id}"]["get"]["responses"]["404"]
    assert "`order_unknown`: " in one["description"]
    assert "order_unknown" not in paths["/api/v1/orders"]["get"][CODES]
    assert "order_part_unknown" in paths["/api/v1/orders"]["post"][CODES]
    unavailable = paths["/api/v1/orders"]["get"]["responses"]["503"]
    assert unavailable["headers"]["Retry-After"]["schema"] == {"type": "integer", "minimum": 0}


@pytest.mark.parametrize("path", ["/api/v1/orders/999999999", "/api/v1/orders?limit=0", "/nowhere"])
def test_what_is_answered_is_what_is_documented(orders: Replica, path: str):
    answer: httpx.Response = orders.client.get(path)
    assert answer.headers["content-type"] == "application/problem+json"
    jsonschema.validate(answer.json(), PROBLEM_DOCUMENT)


def test_describing_twice_is_describing_once():
    codes = read_catalogue(COMMON)
    document = {"paths": {"/x": {"get": copy.deepcopy(OPERATION) | problems("conflict")}}}
    describe_problems(document, codes)
    once = copy.deepcopy(document)
    describe_problems(document, codes)
    assert document == once
    assert list(document["paths"]["/x"]["get"]["responses"]["409"]["content"]) == ["application/problem+json"]


def test_a_code_that_does_not_exist_is_noticed():
    with pytest.raises(KeyError, match="no_such_code"):
        describe_problems(
            {"paths": {"/x": {"get": copy.deepcopy(OPERATION) | problems("no_such_code")}}}, read_catalogue(COMMON)
        )

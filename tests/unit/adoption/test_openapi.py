"""Operations out of an OpenAPI document, with what a request of each needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.adoption.api_services import assign
from scaleproof.adoption.examples import simplest
from scaleproof.adoption.guesses import Reasons
from scaleproof.adoption.openapi import Api, Operation, api_of, prefixes
from scaleproof.spec.errors import BadInputError

CATALOGUE = Path(__file__).parent / "fixtures/catalogue.openapi.yaml"


@pytest.fixture
def operations():
    api = api_of(CATALOGUE.read_text(), "catalogue.openapi.yaml")
    assert (api.title, api.base_path) == ("Catalogue API", "/api/catalogue")
    return {each.name or f"{each.method} {each.path}": each for each in api.operations}


def test_paths_have_the_servers_base(operations):
    assert operations["listProducts"].path == "/api/catalogue/products"
    assert operations["getProduct"].path == "/api/catalogue/products/{product_id}"


def test_optional_arguments_are_used_where_they_have_examples(operations):
    (sort,) = operations["listProducts"].arguments
    assert (sort.name, sort.place, sort.values) == ("sort", "query", ("newest", "price"))


def test_examples_behind_references_are_found(operations):
    (product,) = operations["getProduct"].arguments
    assert (product.values, product.is_guess) == (("MUG 1", "BAG/2"), False)


def test_an_argument_without_an_example_is_a_guess(operations):
    (category,) = operations["run"].arguments
    assert (category.values, category.is_guess) == (("example",), True)


def test_bodies(operations):
    assert operations["addProduct"].body == {"name": "Mug", "price": 4.5}
    assert operations["POST /api/catalogue/products/{product_id}/reviews"].body == {"stars": 1, "text": 'It is "good"'}


def test_what_changes_data_or_goes_away_is_known(operations):
    assert [name for name, each in operations.items() if each.is_safe] == ["listProducts", "getProduct", "run", "oldList"]
    assert operations["oldList"].is_deprecated
    assert operations["listProducts"].needs_token


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("swagger: '2.0'\npaths: {}\n", "OpenAPI 2.0, expected 3.x"),
        ("kind: Deployment\n", "expected an OpenAPI document"),
        ("openapi: 3.0.0\npaths: {}\n", "no operation"),
        ("openapi: 3.0.0\npaths: {/x: {summary: none}}\n", "no operation"),
        ("openapi: [3\n", "f:2: not valid YAML"),
        ("", "expected an OpenAPI document"),
        ("openapi: 3.0.0\n---\nopenapi: 3.0.0\n", "expected an OpenAPI document"),
    ],
)
def test_what_is_no_openapi_document(text, message):
    with pytest.raises(BadInputError) as caught:
        api_of(text, "f")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": ["null", "string"], "format": "date"}, "2026-01-15"),
        ({"type": "string", "maxLength": 3}, "exa"),
        ({"type": "array", "items": {"type": "boolean"}}, [True]),
        ({"anyOf": [{"type": "null"}, {"const": "x"}]}, "x"),
        (
            {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {"enum": [None, "c"]}}}]},
            {"a": 1, "b": "c"},
        ),
        ({"type": "object", "properties": {"id": {"readOnly": True}, "a": {"default": 2}}}, {"a": 2}),
        ({}, "example"),
    ],
)
def test_the_simplest_value_of_a_schema(schema, value):
    assert simplest(schema, lambda node: node if isinstance(node, dict) else {}) == value


def test_schemas_that_refer_to_each_other_come_to_an_end():
    names = [f"S{index}" for index in range(30)]
    everything = {"type": "object", "properties": {name: {"$ref": f"#/components/schemas/{name}"} for name in names}}
    document = {
        "openapi": "3.0.0",
        "components": {"schemas": dict.fromkeys(names, everything) | {"loop": {"$ref": "#/components/schemas/loop"}}},
        "paths": {
            "/a": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}}},
            "/b": {"get": {"parameters": [{"$ref": "#/components/schemas/loop"}]}},
        },
    }
    assert len(api_of(json.dumps(document), "f").operations) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(JSON, JSON, JSON)
def test_no_document_makes_it_stumble(parameters, schema, servers):
    operation = {
        "parameters": parameters,
        "requestBody": {"content": {"application/json": {"schema": schema}}},
        "security": servers,
    }
    listed = {"parameters": [{"in": "path", "name": "a", "schema": schema}, {"in": "query", "name": "q", "examples": schema}]}
    document = {"openapi": "3.0.0", "servers": servers, "paths": {"/x/{a}": {"get": operation, "post": listed}}}
    assert len(api_of(json.dumps(document), "f").operations) == 2


def api(*paths, title="Cart API", base="", service=None):
    return Api(title, "cart.json", base, tuple(Operation("GET", base + path) for path in paths), service)


@pytest.mark.parametrize(
    ("paths", "base", "expected"),
    [
        (("/a/1", "/b", "/a"), "", ["/a", "/b"]),
        (("/a/1", "/b"), "/api/v1", ["/api/v1"]),
        (("/", "/b"), "", ["/"]),
        (("/{tenant}/x",), "", ["/"]),
    ],
)
def test_the_routes_of_a_document(paths, base, expected):
    assert prefixes(api(*paths, base=base).operations, base) == expected


def test_operations_go_where_the_routes_go():
    services = {"front": {"routes": ["/"]}, "cart": {"routes": ["/cart"]}}
    found = assign([api("/cart/items", "/cartography", title="All")], services, Reasons())
    assert {name: [each.path for each in operations] for name, operations in found.operations.items()} == {
        "cart": ["/cart/items"],
        "front": ["/cartography"],
    }


def test_a_service_without_a_route_gets_its_documents():
    services = {"front": {"routes": ["/front"]}, "cart": {}}
    told = Reasons()
    assign([api("/items/1")], services, told)
    assert services["cart"]["routes"] == ["/items"]
    assert told.guesses[0].field == ("services", "cart", "routes")


def test_a_document_that_fits_no_service_is_asked_about():
    services = {"front": {"routes": ["/front"]}, "cart": {}}
    with pytest.raises(BadInputError, match=r"which service's is it\? None has a route to /items") as caught:
        assign([api("/items", title="Else")], services, Reasons())
    assert "--openapi SERVICE=cart.json" in (caught.value.hint or "")
    with pytest.raises(BadInputError, match="no such service; there are front, cart"):
        assign([api("/items", service="card")], services, Reasons())


def test_documents_alone_are_services_of_their_own():
    told = Reasons()
    found = assign([api("/items", "/carts"), api("/items", title="Stock Service")], {}, told)
    assert found.routes == {"cart": ["/items", "/carts"], "stock": []}
    assert told.notes == ["cart.json: /items leads to another service already"]

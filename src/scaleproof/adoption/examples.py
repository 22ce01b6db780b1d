"""Values for a request out of an OpenAPI document: its own examples first, otherwise the simplest that its schema allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from scaleproof.adoption.documents import mapping, words

Resolve = Callable[[object], Mapping[str, Any]]
"""Follows `$ref`s; an empty mapping where there is nothing."""

MOST_VALUES: Final = 20
_DEEPEST: Final = 4
_MOST_INNER: Final = 8
"""Properties of an object inside another: documents that refer to each other everywhere would never end."""
_BY_FORMAT: Final = {
    "uuid": "00000000-0000-4000-8000-000000000001",
    "date": "2026-01-15",
    "date-time": "2026-01-15T12:00:00Z",
    "time": "12:00:00Z",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "byte": "ZXhhbXBsZQ==",
}


def stated_values(holder: Mapping[str, Any], resolve: Resolve) -> list[Any]:
    """The examples, default or enumeration of a parameter or media type; none where the document has none."""
    if "example" in holder:
        return [holder["example"]]
    named = [resolve(each).get("value") for each in mapping(holder.get("examples")).values()]
    if any(each is not None for each in named):
        return [each for each in named if each is not None][:MOST_VALUES]
    return _of_schema(resolve(holder.get("schema")))


def simplest(node: object, resolve: Resolve, depth: int = 0) -> Any:
    """A value that the schema allows, as simple as it gets; None where it goes round in circles."""
    schema = resolve(node)
    stated = _of_schema(schema)
    if stated:
        return stated[0]
    for combined in ("oneOf", "anyOf"):
        options = schema.get(combined)
        if isinstance(options, list) and options and depth < _DEEPEST:
            return simplest(_first_that_is_not_null(options, resolve), resolve, depth + 1)
    return _by_type(schema, resolve, depth)


def _of_schema(schema: Mapping[str, Any]) -> list[Any]:
    for name in ("example", "const", "default"):
        if schema.get(name) is not None:
            return [schema[name]]
    for name in ("examples", "enum"):
        values = schema.get(name)
        if isinstance(values, list):
            known = [each for each in values if each is not None]
            if known:
                return known[:MOST_VALUES]
    return []


def _first_that_is_not_null(options: list[Any], resolve: Resolve) -> object:
    return next((each for each in options if resolve(each).get("type") != "null"), options[0])


def _by_type(schema: Mapping[str, Any], resolve: Resolve, depth: int) -> Any:
    kinds = schema.get("type")
    kind = next((each for each in kinds if each != "null"), "null") if isinstance(kinds, list) else kinds
    parts = schema.get("allOf")
    if kind == "object" or "properties" in schema or isinstance(parts, list):
        return _object(schema, resolve, depth)
    if kind == "array":
        return [] if depth >= _DEEPEST else [simplest(schema.get("items"), resolve, depth + 1)]
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):  # no set: what is in the document may not be hashable
        least = schema.get("minimum")
        return least if isinstance(least, int | float) and not isinstance(least, bool) and least > 0 else 1
    if kind == "null":
        return None
    text = _BY_FORMAT.get(words(schema.get("format")), "example")
    longest = schema.get("maxLength")
    return text[:longest] if isinstance(longest, int) and longest > 0 else text


def _object(schema: Mapping[str, Any], resolve: Resolve, depth: int) -> dict[str, Any]:
    """Its required properties; all of them where it requires none."""
    if depth >= _DEEPEST:
        return {}
    found: dict[str, Any] = {}
    parts = schema.get("allOf")
    for part in parts if isinstance(parts, list) else []:
        value = simplest(part, resolve, depth + 1)
        found |= value if isinstance(value, dict) else {}
    properties = mapping(schema.get("properties"))
    required = schema.get("required")
    wanted = [each for each in required if isinstance(each, str) and each in properties] if isinstance(required, list) else []
    chosen = wanted or list(properties)
    for name in chosen[:_MOST_INNER] if depth else chosen:
        if not resolve(properties[name]).get("readOnly"):
            found[name] = simplest(properties[name], resolve, depth + 1)
    return found

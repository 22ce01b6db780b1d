"""Errors in the OpenAPI document: each operation lists the codes it may answer, each with the schema of the problem document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.common.errors.catalogue import Problem
from services.common.errors.factory import MEDIA_TYPE

Json = dict[str, Any]
CODES = "x-problem-codes"
"""Extension of an operation: what it may answer. First the service's own, later (see describe_problems) all."""
EVERY_OPERATION = (
    "not_found",
    "payload_too_large",
    "validation_failed",
    "internal_error",
    "temporarily_unavailable",
    "overloaded",
)
WITH_A_BODY = ("malformed_request", "unsupported_media_type")
FIRST_ERROR = 400
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
REFERENCE = "#/components/schemas/ProblemDocument"

PROBLEM_DOCUMENT: Json = {
    "title": "ProblemDocument",
    "description": "An error (RFC 9457). `code` says which one: see docs/errors.md.",
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "title", "status", "detail", "code", "trace_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Identifies the code; its documentation."},
        "title": {"type": "string", "description": "The code in words; the same each time."},
        "status": {"type": "integer", "minimum": FIRST_ERROR, "maximum": 599, "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What happened this time, for developers."},
        "instance": {"type": "string", "format": "uri-reference", "description": "The path that was asked for."},
        "code": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "description": "What a front end branches on."},
        "trace_id": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "Finds the request in traces and logs."},
        "conflict": {
            "type": "object",
            "description": "With `changed_meanwhile`: both versions, for the front end to merge.",
            "additionalProperties": False,
            "required": ["current", "yours"],
            "properties": {
                "current": {"type": "object", "description": "What is stored now, with its `etag`."},
                "yours": {
                    "type": ["object", "null"],
                    "description": "The body that was sent; null where it was to be deleted.",
                },
            },
        },
        "errors": {
            "type": "array",
            "minItems": 1,
            "description": "With `validation_failed`: what is wrong, field by field.",
            "items": {
                "title": "FieldError",
                "type": "object",
                "additionalProperties": False,
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string", "description": "JSON pointer into the body, or the name of a parameter."},
                    "code": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
                    "message": {"type": "string", "description": "What was expected, for developers."},
                },
            },
        },
    },
}


def problems(*codes: str) -> Json:
    """`openapi_extra` of a route: the codes beyond those that every operation may answer."""
    return {CODES: list(codes)}


def describe_problems(document: Json, catalogue: Mapping[str, Problem]) -> None:
    """Complete an OpenAPI document, in place; twice is once. Raises KeyError for a code that is not in the catalogue."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for fastapis_own in ("HTTPValidationError", "ValidationError"):
        schemas.pop(fastapis_own, None)
    schemas["ProblemDocument"] = PROBLEM_DOCUMENT
    for path in document["paths"].values():
        for method in METHODS:
            if method in path:
                _describe_operation(path[method], catalogue)


def _describe_operation(operation: Json, catalogue: Mapping[str, Problem]) -> None:
    with_body = WITH_A_BODY if "requestBody" in operation else ()
    codes = {*operation.get(CODES, ()), *EVERY_OPERATION, *with_body}
    operation[CODES] = sorted(codes)
    by_status: dict[int, list[Problem]] = {}
    for code in operation[CODES]:
        by_status.setdefault(catalogue[code].status, []).append(catalogue[code])
    for status, kinds in sorted(by_status.items()):
        operation["responses"][str(status)] = _response(status, kinds)
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _without_null(parameter["schema"])


def _response(status: int, kinds: list[Problem]) -> Json:
    exactly = {"properties": {"status": {"const": status}, "code": {"enum": [problem.code for problem in kinds]}}}
    found: Json = {
        "description": "\n".join(f"`{problem.code}`: {problem.when}" for problem in kinds),
        "content": {MEDIA_TYPE: {"schema": {"allOf": [{"$ref": REFERENCE}, exactly]}}},
    }
    if any(problem.retry_after_seconds is not None for problem in kinds):
        schema = {"type": "integer", "minimum": 0}
        found["headers"] = {"Retry-After": {"description": "Seconds to wait before the next attempt.", "schema": schema}}
    return found


def _without_null(schema: Json) -> Json:
    """A parameter in a URL is there or is not; there is no way to write null."""
    found = {key: value for key, value in schema.items() if key != "anyOf" and not (key == "default" and value is None)}
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {**choices[0], **found}
    return {**found, "anyOf": choices} if choices else found

"""Conditional requests: 304 for who has the present version already, 428 for who would write without saying which version it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import Header, Response
from pydantic import BaseModel

from services.common.errors.raised import ServiceError
from services.common.json_response import json_response
from services.dashboard.entity_tag import ENTITY_TAGS, LONGEST, is_among, revisions_in

IfMatch = Annotated[
    str | None,
    Header(
        max_length=LONGEST,
        pattern=ENTITY_TAGS,
        description="The `etag` of the version that is changed. Needed: without one, or with `*`, the answer is 428.",
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        max_length=LONGEST,
        pattern=ENTITY_TAGS,
        description="The `etag` of the version that is there already: 304 if it is the present one.",
    ),
]
WRITE_CODES: Final = ("if_match_required", "changed_meanwhile")
TAGGED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"headers": {"ETag": {"description": "Strong; the same as `etag` in the body.", "schema": {"type": "string"}}}},
}
"""`responses` of a route that answers with a version."""
READ: Final[dict[int | str, dict[str, Any]]] = {
    200: {"headers": {"ETag": {"description": "Strong.", "schema": {"type": "string"}}}},
    304: {"description": "The version in If-None-Match is the present one."},
}
"""`responses` of a route that reads."""
_OWN: Final = {"cache-control": "private, no-cache"}
"""The caller's alone, and to be asked for again each time: mostly 304."""


def tagged_response(
    shown: BaseModel, etag: str, *, status_code: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A version and its tag. The body says it as well: a gateway that compresses must weaken or remove the header."""
    return json_response(shown, status_code=status_code, headers={**_OWN, "etag": etag, **(headers or {})})


def read_response(shown: BaseModel, if_none_match: str | None, *, etag: str | None = None) -> Response:
    """What is read, or 304. `etag` is made of the body where it is not given."""
    body = shown.model_dump_json().encode()
    tag = etag or f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**_OWN, "etag": tag}
    if if_none_match is not None and is_among(tag, if_none_match):
        return Response(status_code=304, headers=headers)
    return json_response(body, headers=headers)


def revisions_to_change(if_match: str | None) -> list[int]:
    """Those that the client takes for the present one. Raises ServiceError `if_match_required`."""
    if if_match is None or if_match == "*":
        raise ServiceError("if_match_required")
    return revisions_in(if_match)

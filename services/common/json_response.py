"""Answers that are serialised once."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Response
from pydantic import BaseModel


def json_response(body: BaseModel | bytes, *, status_code: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response that FastAPI passes on as it is; bytes are JSON already (from a cache).

    `response_model` describes it in the OpenAPI document, yet does not validate a second time what pydantic made.
    """
    content = body if isinstance(body, bytes) else body.model_dump_json()
    return Response(content, status_code=status_code, headers=headers, media_type="application/json")

"""JSON schemas of the file formats, for editors and for other programs. docs/schemas/ is proven fresh by a test."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy

SPEC_MODELS: dict[str, type[BaseModel]] = {"platform": Platform, "policy": Policy}


def json_schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a file format."""
    schema = model.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}

"""The base of every model that is read from a file: unknown fields are refused, names are camelCase or snake_case as declared."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class SpecModel(BaseModel):
    """scaleproof's own vocabulary, snake_case in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KubernetesModel(BaseModel):
    """A Kubernetes API type, camelCase in the file, snake_case in Python."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

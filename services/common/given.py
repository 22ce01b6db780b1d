"""What clients send and what they get: the base of every model of a body or a query, and the types its fields are made of."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticKnownError

LARGEST_ID: Final = 2**31 - 1
"""PostgreSQL's `int`."""
WITHOUT_NUL: Final = r"^[^\x00]*$"
"""Pattern of every text that may reach PostgreSQL, whose texts cannot hold that character."""
_WHOLE: Final = re.compile(r"(-?(?:0|[1-9][0-9]{0,63}))(?:\.0+)?")


class Given(BaseModel):
    """Something a client sends: unknown fields and loosely typed values are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Shown(BaseModel):
    """Something a service answers with."""

    model_config = ConfigDict(frozen=True)


class LateGiven(Given):
    """One whose validator is built when it is first needed: for parts of other models, which build it once more for themselves.

    Not for a whole body or query: FastAPI hides pydantic's warnings about its own doing at the start alone.
    """

    model_config = ConfigDict(defer_build=True)


class LateShown(Shown):
    """One that is built when it is first answered with."""

    model_config = ConfigDict(defer_build=True)


class NoQuery(Given):
    """The query of an operation that has no parameters."""


Nothing = Annotated[NoQuery, Query()]
"""A path operation's parameter: a query that is not empty is refused."""


def read_whole(value: object) -> object:
    """A whole number as it stands in a URL, in JSON's spelling. Pydantic by itself also takes ` 7`, `+7`, `007` and `1_000`."""
    if not isinstance(value, str):
        return value
    match = _WHOLE.fullmatch(value)
    if match is None:
        raise PydanticKnownError("int_parsing")
    return int(match[1])


def take_whole(value: object) -> object:
    """A whole number as it stands in a body: JSON knows one kind of number, so that 7.0 is 7 (JSON Schema, "integer")."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


InUrl = BeforeValidator(read_whole)
"""Added to a whole number of a query or a path."""
InBody = BeforeValidator(take_whole)
"""Added to a whole number of a body."""
Id = Annotated[int, Field(gt=0, le=LARGEST_ID), InBody]
"""In a body."""
IdInUrl = Annotated[int, Field(gt=0, le=LARGEST_ID), InUrl]

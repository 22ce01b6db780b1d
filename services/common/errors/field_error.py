"""What is wrong with one field: pydantic's errors in the words of field_codes.toml, without anything that the client sent."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("field_codes.toml")
MOST = 20
"""So many fields are named in one answer: a body of a thousand unknown fields must not make a large one."""
LONGEST_NAME = 128
"""In characters. Names of unknown fields are the client's own text."""
OTHER = "invalid"
OTHER_MESSAGE = "Input is not valid"


@dataclass(frozen=True)
class FieldError:
    """One entry of `errors`. `field` is a JSON pointer into the body (RFC 6901; empty: the body itself), or a parameter's name."""

    field: str
    code: str
    message: str


@lru_cache(maxsize=1)
def codes_by_kind() -> Mapping[str, str]:
    """Pydantic's kind of error → our code. Read when the first input is refused."""
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {kind: code for code, columns in tables.items() for kind in columns["kinds"]}


def field_errors(errors: Iterable[Mapping[str, Any]]) -> list[FieldError]:
    """Of pydantic's errors, the first MOST."""
    kinds = codes_by_kind()
    found: list[FieldError] = []
    for error in errors:
        if len(found) == MOST:
            break
        code = kinds.get(error["type"])
        message = OTHER_MESSAGE if code is None else str(error["msg"])
        found.append(FieldError(field=field_of(error["loc"]), code=code or OTHER, message=message))
    return found


def field_of(location: Sequence[str | int]) -> str:
    """`("body", "items", 0, "quantity")` → `/items/0/quantity`; `("query", "limit")` → `limit`."""
    place, *names = location
    if place == "body":
        pointer = "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)
        return pointer[:LONGEST_NAME]
    return ".".join(map(str, names))[:LONGEST_NAME]

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


def field_errors(errors: Iterable[Mapping[str, Any]], body: object = None) -> list[FieldError]:
    """Of pydantic's errors, the first MOST. `body` is what was refused, as JSON's own types."""
    kinds = codes_by_kind()
    found: list[FieldError] = []
    for error in errors:
        if len(found) == MOST:
            break
        code = kinds.get(error["type"])
        message = OTHER_MESSAGE if code is None else str(error["msg"])
        found.append(FieldError(field=field_of(error["loc"], body), code=code or OTHER, message=message))
    return found


def field_of(location: Sequence[str | int], body: object = None) -> str:
    """`("body", "items", 0, "quantity")` → `/items/0/quantity`; `("query", "limit")` → `limit`."""
    place, *names = location
    if place == "body":
        pointer = "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in without_tags(names, body))
        return pointer[:LONGEST_NAME]
    return ".".join(map(str, names))[:LONGEST_NAME]


def without_tags(names: Sequence[str | int], body: object) -> list[str | int]:
    """The names that lead through the body. Of a tagged union pydantic also names the choice: `("widgets", 0, "note", "text")`.

    The last name is always kept: of a field that is missing, the body knows nothing either.
    """
    kept = []
    for position, name in enumerate(names):
        if isinstance(body, Mapping) and name not in body and position < len(names) - 1:
            continue
        kept.append(name)
        body = inside(body, name)
    return kept


def inside(body: object, name: str | int) -> object:
    """What is there under a key or an index; None where nothing is."""
    if isinstance(body, Mapping):
        return body.get(name)
    if isinstance(body, list) and isinstance(name, int) and 0 <= name < len(body):
        return body[name]
    return None

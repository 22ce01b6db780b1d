"""Reading one field of a JSON document with an error that names the field and what was expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from scaleproof.spec.errors import BadInputError

_INT32_MAX: Final = 2**31 - 1

Parsed = TypeVar("Parsed")


class FieldError(BadInputError):
    """A field of a case is not what it must be."""

    def __init__(self, field: str, expected: str, got: object) -> None:
        field = field.lstrip(".")
        super().__init__(
            f"{field or 'the case'}: expected {expected}, got {_short(got)}",
            hint="`scaleproof schema hpa-case` prints the format",
        )
        self.field = field
        self.expected = expected


def _short(got: object) -> str:
    if got is None:
        return "nothing"
    text = repr(got)
    return text if len(text) <= 60 else text[:57] + "…"  # noqa: PLR2004  # a line's worth


def mapping(document: dict[str, Any], key: str, path: str) -> dict[str, Any]:
    """An object; an absent one is empty."""
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FieldError(f"{path}.{key}", "an object", value)
    return value


def required_mapping(document: dict[str, Any], key: str, path: str) -> dict[str, Any]:
    """An object that must be there."""
    value = document.get(key)
    if not isinstance(value, dict):
        raise FieldError(f"{path}.{key}", "an object", value)
    return value


def sequence(document: dict[str, Any], key: str, path: str) -> list[Any]:
    """A list; an absent one is empty."""
    value = document.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise FieldError(f"{path}.{key}", "a list", value)
    return value


def objects(document: dict[str, Any], key: str, path: str) -> list[dict[str, Any]]:
    """A list of objects; an absent one is empty."""
    values = sequence(document, key, path)
    for i, value in enumerate(values):
        if not isinstance(value, dict):
            raise FieldError(f"{path}.{key}[{i}]", "an object", value)
    return values


def text(document: dict[str, Any], key: str, path: str, *, default: str | None = None) -> str:
    """Text; required where there is no default."""
    value = document.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or (not value and default is None):
        raise FieldError(f"{path}.{key}", "a text", value)
    return value


def choice(document: dict[str, Any], key: str, path: str, options: tuple[str, ...], *, default: str | None = None) -> str:
    """One of a few texts; required where there is no default."""
    value = document.get(key)
    if value is None and default is not None:
        return default
    if value not in options:
        raise FieldError(f"{path}.{key}", "one of " + ", ".join(options), value)
    return str(value)


def whole(
    document: dict[str, Any], key: str, path: str, *, least: int = 0, most: int = _INT32_MAX, default: int | None = None
) -> int:
    """A whole number within bounds; required where there is no default."""
    value = document.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise FieldError(f"{path}.{key}", f"a whole number from {least} to {most}", value)
    return value


def boolean(document: dict[str, Any], key: str, path: str, *, default: bool) -> bool:
    """True or false."""
    value = document.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise FieldError(f"{path}.{key}", "true or false", value)
    return value


def parsed(value: Any, path: str, expected: str, parse: Callable[[Any], Parsed]) -> Parsed:
    """What `parse` makes of a text or number; its ValueError becomes a FieldError."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        try:
            return parse(value)
        except (ValueError, ArithmeticError):
            pass
    raise FieldError(path, expected, value)

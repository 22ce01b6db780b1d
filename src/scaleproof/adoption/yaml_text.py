"""A tree as YAML with comments above its fields: short leaves on one line, everything else in blocks, the same bytes every time."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from scaleproof.adoption.guesses import Field, printable

WIDTH: Final = 118
FLOW_WIDTH: Final = 80
BLOCKS: Final = frozenset({"services", "resources", "autoscaling", "config", "load"})
"""Fields that stay blocks however short they are: `scaleproof tune` edits lines in them."""

_PLAIN: Final = re.compile(r"[A-Za-z/](?:[A-Za-z0-9_./:@-]*[A-Za-z0-9_/-])?")
_QUANTITY: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:m|k|[KMGT]i?)")
_NOT_TEXT: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})

Comments = Mapping[Field, Sequence[str]]


def yaml_text(tree: Mapping[str, Any], comments: Comments, *, head: Sequence[str] = ()) -> str:
    """The document. `head` are comment lines at its top, `comments` stand above their fields."""
    lines = [line for text in head for line in _comment(text, "")]
    writer = _Writer(comments)
    for key, value in tree.items():
        block = list(writer.field(key, value, (key,), ""))
        if len(block) > 1 and lines and not lines[-1].startswith("#"):
            lines.append("")
        lines += block
    return "\n".join(lines) + "\n"


def scalar(value: object) -> str:
    """A scalar that every YAML reader takes for what it is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if (_PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT) or _QUANTITY.fullmatch(text):
        return text
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"  # noqa: PLR2004  the end of \uXXXX


class _Writer:
    """Writes blocks, with the comments at hand."""

    def __init__(self, comments: Comments) -> None:
        self._comments = comments
        self._above_comments = {field[:length] for field in comments for length in range(len(field))}
        """Fields with a comment somewhere inside: these cannot be written on one line."""

    def field(self, key: str, value: Any, at: Field, space: str) -> Iterator[str]:
        """Lines of one field."""
        for text in self._comments.get(at, ()):
            yield from _comment(text, space)
        start = f"{space}{scalar(key)}:"
        if not isinstance(value, Mapping | list) or not value or self._is_short(value, at):
            yield f"{start} {_flow(value)}"
            return
        yield start
        if isinstance(value, Mapping):
            yield from self._mapping(value, at, space + "  ")
            return
        for item in value:
            yield from self._item(item, at, space + "  ")

    def _mapping(self, node: Mapping[str, Any], at: Field, space: str) -> Iterator[str]:
        for key, value in node.items():
            yield from self.field(key, value, (*at, key), space)

    def _item(self, item: Any, at: Field, space: str) -> Iterator[str]:
        if isinstance(item, Mapping) and item:
            first, *rest = self._mapping(item, (*at, "[]"), space + "  ")
            yield f"{space}- {first.lstrip()}"
            yield from rest
        else:
            yield f"{space}- {_flow(item)}"

    def _is_short(self, value: Any, at: Field) -> bool:
        if at[-1] in BLOCKS or at in self._above_comments or _has_mappings(value):
            return False
        return len(_flow(value)) <= FLOW_WIDTH


def _has_mappings(value: Any) -> bool:
    """Whether a list of mappings is in it: those read better as blocks."""
    if isinstance(value, list):
        return any(isinstance(item, Mapping | list) for item in value)
    return isinstance(value, Mapping) and any(_has_mappings(each) for each in value.values())


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    return scalar(value)


def _comment(text: str, space: str) -> list[str]:
    lines = textwrap.wrap(printable(text), WIDTH - len(space), break_long_words=False, break_on_hyphens=False)
    return [f"{space}# {line}" for line in lines or [""]]

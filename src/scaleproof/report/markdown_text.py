"""Text as markdown shows it literally: inline, in a code block, in a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>#|~])")


def inline(text: str) -> str:
    """On one line, with everything escaped that markdown would read as markup."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any run of backticks in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, cell: Callable[[str], str] = inline) -> str:
    """GitHub's table. `cell` makes text safe to stand in one."""
    lines = [[cell(text) for text in columns], ["---"] * len(columns), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

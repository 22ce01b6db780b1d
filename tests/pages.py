"""The documentation as its readers see it: links, anchors, and the commands that they type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

REPOSITORY = Path(__file__).parents[1]
SHELLS = frozenset({"sh", "bash", "shell", "console"})
PROGRAMS = (
    "curl",
    "docker",
    "helm",
    "jq",
    "kind",
    "kubectl",
    "kustomize",
    "make",
    "openssl",
    "pip",
    "pulumi",
    "python",
    "scaleproof",
)
"""A line of a fence without a language that begins with one of these, and a word, is a command as well."""
BACKSLASH = "\\"
_COMMENT = re.compile(r"(?:^|\s+)#\s.*$")
_BARE = re.compile(rf"(?:\.venv/bin/)?(?:{'|'.join(PROGRAMS)}) [\w./-]")
_ANCHOR = re.compile(r'<a (?:id|name)="([^"]+)"')


@dataclass(frozen=True)
class Link:
    """From a line of a page. `target` is as it is written."""

    page: Path
    line: int
    target: str

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}: {self.target}"


def pages() -> list[Path]:
    """README and its neighbours, and everything below docs/."""
    top = [REPOSITORY / f"{name}.md" for name in ("README", "ARCHITECTURE", "CONTRIBUTING", "CHANGELOG")]
    return [*top, *sorted((REPOSITORY / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    """As it is called in the repository."""
    return str(page.relative_to(REPOSITORY))


def parsed(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[Link]:
    """Every link and picture."""
    for block in parsed(page):
        for token in block.children or ():
            target = (
                token.attrGet("href") if token.type == "link_open" else token.attrGet("src") if token.type == "image" else None
            )
            if target is not None:
                yield Link(page, (block.map or [0])[0] + 1, str(target))


def anchors(page: Path) -> set[str]:
    """What may stand after `#`: headings as GitHub names them, and anchors written by hand."""
    tokens = parsed(page)
    found: set[str] = set()
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            slug = slug_of(inline)
            number = sum(1 for each in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", each))
            found.add(f"{slug}-{number}" if number else slug)
    return found | set(_ANCHOR.findall(page.read_text(encoding="utf-8")))


def slug_of(heading: Token) -> str:
    text = "".join(child.content for child in heading.children or () if child.type in {"text", "code_inline"})
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def commands(page: Path) -> Iterator[str]:
    """What is typed, each on one line, without comments."""
    for token in parsed(page):
        if token.type != "fence":
            continue
        language = token.info.split()[0] if token.info.strip() else ""
        if language in SHELLS:
            yield from joined(token.content)
        elif not language:
            yield from joined("\n".join(line for line in token.content.splitlines() if _BARE.match(line)))


def joined(text: str) -> Iterator[str]:
    """Lines that end with a backslash or a pipe, or within quotation marks, go on."""
    whole = ""
    for line in text.splitlines():
        part = " ".join(_COMMENT.sub("", line).split())
        whole = f"{whole} {part.removesuffix(BACKSLASH).strip()}".strip()
        if whole and not part.endswith((BACKSLASH, "|")) and not is_open(whole):
            yield whole
            whole = ""
    if whole:
        yield whole


def is_open(command: str) -> bool:
    """Whether a quotation mark waits for its other one."""
    try:
        shlex.split(command)
    except ValueError:
        return True
    return False

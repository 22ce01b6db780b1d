"""Diagrams as text: the part of Graphviz' DOT that docs/architecture/*.dot are written in, one statement a line.

Beside Graphviz' own attributes, which it needs to draw, nodes and edges carry ours, which it ignores: `ref` says what of the code or the
spec it stands for, `values` which constants its label repeats, `says` that the label uses other words for it.
tests/unit/docs/test_diagrams.py holds them against the code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

_ATTRIBUTE = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[\w.#-]+)(?:, *)?')
_NODE = re.compile(r"(?P<name>\w+)(?: \[(?P<attributes>.*)\])?;")
_EDGE = re.compile(r"(?P<chain>\w+(?: -> \w+)+)(?: \[(?P<attributes>.*)\])?;")
_TITLE = re.compile(r"// (?P<title>.+)")
_OTHER = re.compile(r"(?:digraph|subgraph) \w+ \{|\}|(?:graph|node|edge) \[.*\];|(?:label|color|ref)=.+;")
"""What draws, and stands for nothing."""
_DEFAULTS = frozenset({"graph", "node", "edge"})


class DiagramError(Exception):
    """A line is not in the part of DOT that is used here; the message names file and line."""


@dataclass(frozen=True)
class Drawn:
    """A node or an edge. `where` is file:line."""

    where: str
    label: str
    """Its lines with blanks between them; empty where nothing is written."""
    lines: tuple[str, ...]
    attributes: Mapping[str, str]

    @property
    def refs(self) -> list[str]:
        """What it stands for."""
        return self.attributes.get("ref", "").split()


@dataclass(frozen=True)
class Edge:
    """From one node to another one."""

    tail: str
    head: str
    drawn: Drawn


@dataclass(frozen=True)
class Diagram:
    """One file."""

    name: str
    title: str
    nodes: dict[str, Drawn] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    @property
    def drawn(self) -> list[Drawn]:
        """Every node and every edge."""
        return [*self.nodes.values(), *(edge.drawn for edge in self.edges)]


def read_diagram(file: Path) -> Diagram:
    """The diagram. Raises DiagramError."""
    lines = file.read_text(encoding="utf-8").splitlines()
    title = _TITLE.fullmatch(lines[0]) if lines else None
    if title is None:
        raise DiagramError(f"{file}:1: expected `// what the diagram shows`")
    diagram = Diagram(file.stem, title["title"])
    for number, line in enumerate(lines[1:], start=2):
        _read_line(diagram, f"{file.name}:{number}", line.strip())
    for edge in diagram.edges:
        unknown = {edge.tail, edge.head} - diagram.nodes.keys()
        if unknown:
            raise DiagramError(f"{edge.drawn.where}: no node is called {', '.join(sorted(unknown))}")
    return diagram


def _read_line(diagram: Diagram, where: str, line: str) -> None:
    edge, node = _EDGE.fullmatch(line), _NODE.fullmatch(line)
    if edge is not None:
        names = edge["chain"].split(" -> ")
        drawn = _drawn(where, edge["attributes"])
        diagram.edges.extend(Edge(tail, head, drawn) for tail, head in pairwise(names))
    elif node is not None and node["name"] not in _DEFAULTS:
        if node["name"] in diagram.nodes:
            raise DiagramError(f"{where}: {node['name']} is there already")
        diagram.nodes[node["name"]] = _drawn(where, node["attributes"])
    elif line and not line.startswith("//") and _OTHER.fullmatch(line) is None:
        raise DiagramError(
            f"{where}: {line!r}; expected one node, one edge or one setting, as docs/architecture/README.md says"
        )


def _drawn(where: str, text: str | None) -> Drawn:
    rest = _ATTRIBUTE.sub("", text or "")
    if rest:
        raise DiagramError(f'{where}: {rest!r} is no attribute; expected name=value or name="value"')
    attributes = {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text or "")}
    lines = tuple(line for line in attributes.get("label", "").split("\\n") if line)
    return Drawn(where, " ".join(lines), lines, attributes)

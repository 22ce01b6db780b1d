"""Pictures of docs/architecture/*.dot: SVG as graphviz-pure draws it, which gives the same bytes on every machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = "graphviz-pure"
"""A program beside this Python, out of the wheel of that name (docs/adr/0010-diagrams-and-pages.md)."""


def drawn(source: Path) -> str:
    """The picture of a DOT file. Raises FileNotFoundError where the program is not installed, ValueError for what it cannot draw."""
    program = Path(sys.executable).with_name(PROGRAM)
    done = subprocess.run([program, "-Tsvg", source], capture_output=True, text=True, timeout=60, check=False)
    # It warns of characters whose width it guesses, and goes on: what is guessed is a label that does not fit its box.
    if done.returncode != 0 or done.stderr:
        raise ValueError(f"{source}: {done.stderr.strip() or f'{PROGRAM} ended with {done.returncode}'}")
    return done.stdout

"""Received spans on disk: JSON lines, in two files of bounded length, the older of which is forgotten when the newer is full."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Final

from scaleproof.telemetry.spans import Span

MOST_LINES: Final = 200_000
"""Of a file: about 60 MB. At 600 requests/s and 1 % of them recorded, the two hold some hours."""
NAME: Final = "spans.jsonl"
OLDER: Final = "spans-older.jsonl"


class SpanFile:
    """Appends. One writer; readers come at any time."""

    def __init__(self, folder: Path, *, most_lines: int = MOST_LINES) -> None:
        self._folder = folder
        self._most_lines = most_lines
        file = folder / NAME
        self._lines = sum(1 for _ in file.open("rb")) if file.exists() else 0

    def append(self, spans: Iterable[Span]) -> None:
        """All of them, at once."""
        lines = [json.dumps(asdict(span), separators=(",", ":")) + "\n" for span in spans]
        if self._lines + len(lines) > self._most_lines and self._lines:
            (self._folder / NAME).replace(self._folder / OLDER)
            self._lines = 0
        with (self._folder / NAME).open("a", encoding="utf-8") as file:
            file.writelines(lines)
        self._lines += len(lines)


def read_span_file(folder: Path, from_s: float = 0.0, to_s: float = float("inf")) -> list[Span]:
    """Those that began in that time (Unix seconds). The last line may be half written: it is left out."""
    found = []
    for name in (OLDER, NAME):
        file = folder / name
        if not file.exists():
            continue
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                span = Span(**json.loads(line))
            except (ValueError, TypeError):
                continue
            if from_s <= span.start_s < to_s:
                found.append(span)
    return found

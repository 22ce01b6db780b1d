"""Figures as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import quantiles

BLANKS = "  "


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, the first one left, the others right."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return "\n".join(
        BLANKS.join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def p95(values: Sequence[float]) -> float:
    """The 95th percentile. Raises StatisticsError where there are fewer than two values."""
    return quantiles(values, n=20, method="inclusive")[-1]


def shortened(text: str, most: int) -> str:
    """On one line, cut off with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"

"""What PostgreSQL says of a statement: its plan, and how many rows and pages it read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

Statement = tuple[LiteralString, Mapping[str, Any]]
SCANS = frozenset({"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan"})


@dataclass(frozen=True)
class Plan:
    """Of one execution."""

    rows_read: int
    """Rows that scans took out of tables and indexes, whether they were used or not."""
    pages: int
    """Of 8 KiB, that were looked at."""
    text: str


def explain(url: str, statement: Statement) -> Plan:
    """Carry it out twice, for the figures and for people; what it writes is undone."""
    with psycopg.connect(url) as connection:
        text = psycopg.ClientCursor(connection).mogrify(*statement)
        found = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}").fetchone()
        connection.rollback()
        lines = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS) {text}").fetchall()
        connection.rollback()
    assert found is not None
    plan = found[0][0]["Plan"]
    return Plan(rows_read(plan), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], "\n".join(line for (line,) in lines))


def rows_read(node: Mapping[str, Any]) -> int:
    """Of this node and of those below."""
    own = 0.0
    if node["Node Type"] in SCANS:
        removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        own = (node["Actual Rows"] + removed) * node["Actual Loops"]
    return round(own) + sum(rows_read(child) for child in node.get("Plans", ()))

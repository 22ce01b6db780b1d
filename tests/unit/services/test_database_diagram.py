"""docs/architecture/database.dot shows the schemas as a fresh set-up makes them: tables, foreign keys, indexes."""

from __future__ import annotations

import time
from datetime import date

import psycopg
import pytest
from service_processes import ROOT, DataServer

from scripts.diagram_source import Diagram, read_diagram
from services.dashboard.setup import setup as set_up_dashboard
from services.identity.setup import setup as set_up_identity
from services.orders.setup import setup as set_up_orders

TABLES = """
    SELECT schemaname || '.' || tablename FROM pg_tables
    WHERE schemaname IN ('orders', 'dashboard', 'identity') AND tablename <> 'alembic_version'
"""
FOREIGN_KEYS = """
    SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.contype = 'f'
"""
# A primary key is in every table, and called like it.
INDEXES = """
    SELECT i.indrelid::regclass::text, r.relname
    FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid JOIN pg_namespace n ON n.oid = r.relnamespace
    WHERE n.nspname IN ('orders', 'dashboard', 'identity') AND NOT i.indisprimary
"""


@pytest.fixture(scope="module")
def url(postgres: DataServer) -> str:
    postgres.server.ensure_databases(["drawn"])
    url = postgres.server.database_url("drawn")
    assert set_up_orders(url, today=date(2026, 3, 1), orders=0)
    assert set_up_dashboard(url)
    assert set_up_identity(url, seal=None, admin=None, now=time.time())
    return url


@pytest.fixture(scope="module")
def drawn() -> Diagram:
    return read_diagram(ROOT / "docs/architecture/database.dot")


def table_of(diagram: Diagram, node: str) -> str:
    return diagram.nodes[node].refs[0].removeprefix("table:")


def rows(url: str, query: str) -> set[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return set(connection.execute(query.encode()).fetchall())


def test_every_table(url: str, drawn: Diagram):
    assert {(table_of(drawn, node),) for node in drawn.nodes} == rows(url, TABLES)


def test_every_foreign_key_with_its_column(url: str, drawn: Diagram):
    shown = {(table_of(drawn, edge.tail), edge.drawn.label, table_of(drawn, edge.head)) for edge in drawn.edges}
    assert shown == rows(url, FOREIGN_KEYS)
    assert all(edge.drawn.refs == [f"column:{table_of(drawn, edge.tail)}.{edge.drawn.label}"] for edge in drawn.edges)


def test_every_index_at_its_table(url: str, drawn: Diagram):
    """Lines of one word are names; others are words."""
    shown = {(table_of(drawn, name), line) for name, node in drawn.nodes.items() for line in node.lines[1:] if " " not in line}
    assert shown == rows(url, INDEXES)

"""`python -m services.dashboard.setup`: the schema `dashboard`."""

from __future__ import annotations

import sys
from typing import LiteralString

import psycopg

from services.common.schema import ensure_schema, run_setup

# A row is replaced in place as long as its page has room: settings are written far more often than users come.
TABLES: LiteralString = """
    CREATE TABLE dashboard.settings (
        user_id text PRIMARY KEY,
        settings jsonb NOT NULL,
        updated_at timestamptz NOT NULL
    ) WITH (fillfactor = 70)
"""


def setup(url: str) -> bool:
    """Make the schema unless it is there; returns whether it did."""

    def fill(connection: psycopg.Connection) -> None:
        connection.execute(TABLES)

    return ensure_schema(url, schema="dashboard", complete_table="dashboard.settings", fill=fill)


if __name__ == "__main__":
    sys.exit(run_setup("dashboard", setup))

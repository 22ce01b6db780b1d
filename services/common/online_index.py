"""Indexes in migrations: made and dropped while the table is read and written."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from services.common.migrations import LOCK_TIMEOUT

INVALID = text("SELECT 1 FROM pg_catalog.pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid")
FOR_EVER = "0"
"""Nobody queues up behind CREATE INDEX CONCURRENTLY, so it may wait for older transactions as long as they last."""


def create_index(schema: str, name: str, definition: str) -> None:
    """`definition` is what follows ON, such as `orders.orders (customer_id)`. An index of that name that is valid stays as it is.

    One that is not was left by an attempt that was broken off: it is dropped first.
    """
    with op.get_context().autocommit_block():
        op.execute(f"SET lock_timeout = '{FOR_EVER}'")
        if op.get_bind().execute(INVALID, {"name": f"{schema}.{name}"}).first() is not None:
            op.execute(f"DROP INDEX CONCURRENTLY {schema}.{name}")
        op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {definition}")
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")


def drop_index(schema: str, name: str) -> None:
    """Where it is there."""
    with op.get_context().autocommit_block():
        op.execute(f"SET lock_timeout = '{FOR_EVER}'")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema}.{name}")
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")

"""What Alembic runs for every command; `services.common.migrations` fills the attributes."""

from __future__ import annotations

from alembic import context

given = context.config.attributes
context.configure(
    connection=given["connection"],
    version_table=given["version_table"],
    version_table_schema=given["schema"],
    # Not all in one: an index that is built concurrently ends the transaction, and what was done stays done.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()

"""Events that wait to be published, and those of the last day (docs/communication.md)."""

from __future__ import annotations

from alembic import op

from services.common.events.outbox import create_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    for statement in create_table("orders"):
        op.execute(statement)


def downgrade() -> None:
    """Drop it: what has not been published never will be."""
    op.execute("DROP TABLE orders.outbox")

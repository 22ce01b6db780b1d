"""Which keyed requests have placed an order, and what they were answered: sent again, they place none.

No reference to `orders`: the answer is kept as it was given, whatever became of the order, and the generated rows can be replaced.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

TABLE = """
    CREATE TABLE orders.idempotency_keys (
        scope text NOT NULL,  -- whose key: users cannot take each other's
        key text NOT NULL,
        fingerprint bytea NOT NULL,  -- SHA-256 of what was asked for
        answer jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (scope, key)
    )
"""
INDEX = "CREATE INDEX idempotency_keys_age ON orders.idempotency_keys (created_at)"


def upgrade() -> None:
    """Make the table."""
    op.execute(TABLE)
    op.execute(INDEX)


def downgrade() -> None:
    """Drop it: keyed requests that come again place another order then."""
    op.execute("DROP TABLE orders.idempotency_keys")

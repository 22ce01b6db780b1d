"""Settings by user. A schema of before there were migrations is taken over: its table is this one."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

# A row is replaced in place as long as its page has room: settings are written far more often than users come.
TABLE = """
    CREATE TABLE IF NOT EXISTS dashboard.settings (
        user_id text PRIMARY KEY,
        settings jsonb NOT NULL,
        updated_at timestamptz NOT NULL
    ) WITH (fillfactor = 70)
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it, with what users chose."""
    op.execute("DROP TABLE dashboard.settings")

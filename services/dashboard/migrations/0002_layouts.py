"""Layouts and preferences. Who had chosen settings finds them there: as a layout "Overview" in format 1, and as preferences."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

# Room in the pages as in `settings`: no index holds what is written again and again.
STATEMENTS = (
    """
    CREATE TABLE dashboard.layouts (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        owner_id text NOT NULL,  -- of another service's user: no reference
        name text NOT NULL,
        document jsonb NOT NULL,
        revision int NOT NULL DEFAULT 1,
        updated_at timestamptz NOT NULL,
        shared_users text[] NOT NULL DEFAULT '{}',
        shared_roles text[] NOT NULL DEFAULT '{}',
        shares_revision int NOT NULL DEFAULT 1,
        UNIQUE (owner_id, name)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX layouts_shared_users ON dashboard.layouts USING gin (shared_users)",
    "CREATE INDEX layouts_shared_roles ON dashboard.layouts USING gin (shared_roles)",
    """
    CREATE TABLE dashboard.preferences (
        user_id text PRIMARY KEY,
        document jsonb NOT NULL,
        revision int NOT NULL,
        updated_at timestamptz NOT NULL
    ) WITH (fillfactor = 70)
    """,
    """
    INSERT INTO dashboard.layouts (owner_id, name, document, updated_at)
    SELECT user_id, 'Overview',
           jsonb_build_object('version', 1, 'days', settings -> 'days', 'widgets', settings -> 'widgets'), updated_at
    FROM dashboard.settings
    """,
    """
    INSERT INTO dashboard.preferences (user_id, document, revision, updated_at)
    SELECT user_id,
           jsonb_build_object('version', 1, 'theme', settings -> 'theme', 'currency', settings -> 'currency'), 1, updated_at
    FROM dashboard.settings
    """,
)


def upgrade() -> None:
    """Make the tables, and fill them with what was chosen before."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop both, with what is in them; the settings of before are still there."""
    op.execute("DROP TABLE dashboard.preferences")
    op.execute("DROP TABLE dashboard.layouts")

"""How Alembic is set up, the same for every service."""

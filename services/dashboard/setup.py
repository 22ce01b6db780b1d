"""`python -m services.dashboard.setup`: the schema `dashboard` as its migrations make it."""

from __future__ import annotations

import sys
from pathlib import Path

from services.common.migrations import upgrade
from services.common.schema import run_setup

MIGRATIONS = Path(__file__).with_name("migrations")


def setup(url: str) -> bool:
    """Migrate the schema unless it is up to date; returns whether anything was done. Raises as `upgrade`."""
    return upgrade(url, migrations=MIGRATIONS, schema="dashboard")


if __name__ == "__main__":
    sys.exit(run_setup("dashboard", setup))

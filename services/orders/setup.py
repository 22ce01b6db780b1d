"""`python -m services.orders.setup`: the schema `orders` as its migrations make it, and generated orders where there are none.

SAMPLE_ORDERS says how many, 200,000 where it is not set; 0 generates no rows at all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from services.common.migrations import upgrade
from services.common.schema import run_setup
from services.common.settings import SettingsError
from services.orders.rows import fill

MIGRATIONS = Path(__file__).with_name("migrations")
ORDERS = 200_000
MOST_ORDERS = 10_000_000


def setup(url: str, *, today: date, orders: int = ORDERS) -> bool:
    """Migrate the schema and generate rows unless all is there; returns whether anything was done. `today` dates the newest order.

    Two at once: the second waits and then finds everything there. Raises MigrationError, psycopg.OperationalError.
    """
    migrated = upgrade(url, migrations=MIGRATIONS, schema="orders")
    filled = fill(url, today=today, orders=orders)
    return migrated or filled


def read_orders(environment: Mapping[str, str]) -> int:
    """SAMPLE_ORDERS. Raises SettingsError."""
    text = environment.get("SAMPLE_ORDERS", str(ORDERS))
    if not text.isdecimal() or int(text) > MOST_ORDERS:
        raise SettingsError(f"SAMPLE_ORDERS is {text!r}; expected a whole number from 0 to {MOST_ORDERS}")
    return int(text)


def main() -> int:
    """Returns the exit code."""
    return run_setup("orders", lambda url: setup(url, today=datetime.now(UTC).date(), orders=read_orders(os.environ)))


if __name__ == "__main__":
    sys.exit(main())

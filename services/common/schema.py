"""Making a service's schema once: at the first start of a platform, before its first replica."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import LiteralString

import psycopg

from services.common.migrations import MigrationError
from services.common.settings import SettingsError, read_url

BAD_SETTINGS_EXIT = 2
UNREACHABLE_EXIT = 3

Fill = Callable[[psycopg.Connection], None]


def ensure_schema(url: str, *, schema: LiteralString, complete_table: LiteralString, fill: Fill) -> bool:
    """Call `fill` unless `complete_table` is there already; all or nothing. Returns whether it was called.

    Two calls at once: the second waits and then finds everything there. Raises psycopg.OperationalError.
    """
    with psycopg.connect(url, connect_timeout=5, application_name=f"{schema}-setup") as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (schema,))
        row = connection.execute("SELECT to_regclass(%s)", (complete_table,)).fetchone()
        if row is not None and row[0] is not None:
            return False
        # Left by an attempt that was broken off only where somebody made the schema by hand: nothing is ever half committed.
        connection.execute(psycopg.sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(psycopg.sql.Identifier(schema)))
        fill(connection)
        return True


def run_setup(service: str, setup: Callable[[str], bool]) -> int:
    """`python -m services.<name>.setup`; returns the exit code."""
    try:
        made = setup(read_url(os.environ, "DATABASE_URL", schemes=("postgresql", "postgres")))
    except SettingsError as error:
        sys.stderr.write(f"{service} setup: {error}\n")
        return BAD_SETTINGS_EXIT
    except MigrationError as error:
        sys.stderr.write(f"{service} setup: {error}\n")
        return UNREACHABLE_EXIT
    except psycopg.OperationalError as error:
        sys.stderr.write(f"{service} setup: PostgreSQL cannot be reached: {str(error).strip()}\n")
        return UNREACHABLE_EXIT
    sys.stdout.write(f"{service} setup: {'done' if made else 'nothing to do'}\n")
    return 0

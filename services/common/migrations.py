"""A service's schema brought to where its migrations say, forward or back, while the service is in use.

A migration is a file `NNNN_what_it_does.py` of Alembic in the service's folder `migrations`; its revision is the number. Each one is a
transaction of its own, and the schema's own table `alembic_version` says which is the last one.

- **Many at once** (the set-up of each replica): one of them migrates, under an advisory lock, the others wait and find nothing to do.
- **Locks** are waited for two seconds and no longer, since whoever needs the table meanwhile queues up behind; then the migration
  is tried again a little later.
- **Older releases** beside a newer one find a schema that is ahead of them and leave it alone: migrations add before they take away.

Alembic is imported only where there is something to do: that costs half a second of CPU.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

ENVIRONMENT: Final = Path(__file__).with_name("migration_environment")
VERSION_TABLE: Final = "alembic_version"
HEAD: Final = "head"
BASE: Final = "base"
LOCK_TIMEOUT: Final = "2s"
"""For a lock on a table. Below the time after which a replica gives a statement up: users wait, and no request fails."""
ATTEMPTS: Final = 30
PAUSE_SECONDS: Final = 1.0
"""Between two attempts."""
WAIT_SECONDS: Final = 540.0
"""For another one's migration: below the ten minutes that a set-up may take."""
POLL_SECONDS: Final = 0.1

_ALEMBIC: Final = threading.Lock()
"""Alembic's `context` and `op` belong to the process."""

Sleep = Callable[[float], None]


class MigrationError(Exception):
    """The schema could not be brought there; the message says what is in the way and what to do."""


def upgrade(database_url: str, *, migrations: Path, schema: str, target: str = HEAD, sleep: Sleep = time.sleep) -> bool:
    """Migrate forward to `target`, a revision; returns whether there was anything to do.

    Raises MigrationError where no lock could be had, psycopg.OperationalError where the database cannot be reached, and
    psycopg.Error for what a migration's statement did wrong: that migration is then undone, those before it are not.
    """
    wanted = newest(migrations) if target == HEAD else target
    return _migrate(database_url, migrations, schema, wanted, forward=True, sleep=sleep)


def downgrade(database_url: str, *, migrations: Path, schema: str, target: str, sleep: Sleep = time.sleep) -> bool:
    """Migrate back to `target`, a revision or `base`, which leaves nothing but the empty schema. Returns and raises as `upgrade`."""
    return _migrate(database_url, migrations, schema, target, forward=False, sleep=sleep)


def newest(migrations: Path) -> str:
    """The revision of the last file."""
    return revisions(migrations)[-1]


def revisions(migrations: Path) -> list[str]:
    """Every revision, the first one first. Raises MigrationError where the folder holds none."""
    found = sorted(file.name.partition("_")[0] for file in migrations.glob("[0-9]*_*.py"))
    if not found:
        raise MigrationError(f"{migrations} holds no migration; expected files such as 0001_tables.py")
    return found


def revision_of(connection: psycopg.Connection, schema: str) -> str | None:
    """The last migration that was carried out, None where none was."""
    table = sql.Identifier(schema, VERSION_TABLE)
    exists = connection.execute("SELECT to_regclass(%s)", (table.as_string(connection),)).fetchone()
    if exists is None or exists[0] is None:
        return None
    row = connection.execute(sql.SQL("SELECT version_num FROM {}").format(table)).fetchone()
    return None if row is None else str(row[0])


def _migrate(url: str, migrations: Path, schema: str, target: str, *, forward: bool, sleep: Sleep) -> bool:
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(PAUSE_SECONDS)
        # A connection each: what it was in the middle of is gone with it, and so is its advisory lock.
        with closing(_connect(url, schema)) as connection:
            if _is_there(revision_of(connection, schema), target, forward=forward):
                return False
            _take_turn(connection, schema, sleep)
            # Somebody else may have been at it meanwhile.
            if _is_there(revision_of(connection, schema), target, forward=forward):
                return False
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            try:
                _run_alembic(connection, migrations, schema, target, forward=forward)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                continue
            return True
    raise MigrationError(
        f"{schema}: no lock on a table could be had in {ATTEMPTS} attempts of {LOCK_TIMEOUT} to migrate to {target}; end the transaction "
        "that holds it (pg_stat_activity, pg_blocking_pids), then run the set-up again"
    )


def _connect(url: str, schema: str) -> psycopg.Connection:
    connection = psycopg.connect(url, autocommit=True, connect_timeout=5, application_name=f"{schema}-migrations")
    # A role's own limit is meant for requests; building an index takes as long as it takes.
    connection.execute("SET statement_timeout = 0")
    connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    return connection


def _is_there(revision: str | None, target: str, *, forward: bool) -> bool:
    """Numbers of equal length are in the order of their text."""
    if forward:
        return revision is not None and revision >= target
    return revision is None or (target != BASE and revision <= target)


def _take_turn(connection: psycopg.Connection, schema: str, sleep: Sleep) -> None:
    """Hold the schema's advisory lock from now on, until the connection ends. Raises MigrationError.

    Asked for again and again rather than waited for: CREATE INDEX CONCURRENTLY waits for every statement that began before it, and one
    that waits for the lock would wait for the index in turn.
    """
    for _ in range(round(WAIT_SECONDS / POLL_SECONDS)):
        row = connection.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"migrations of {schema}",)
        ).fetchone()
        if row is not None and row[0]:
            return
        sleep(POLL_SECONDS)
    raise MigrationError(
        f"{schema}: somebody else has been migrating for {WAIT_SECONDS:g} s; wait for it, or end it (pg_stat_activity, application_name "
        f"{schema}-migrations)"
    )


def _run_alembic(connection: psycopg.Connection, migrations: Path, schema: str, target: str, *, forward: bool) -> None:
    """Hand the connection over to Alembic, which closes it. Raises psycopg.Error."""
    from alembic import command  # noqa: PLC0415  costs half a second, and mostly there is nothing to do
    from alembic.config import Config  # noqa: PLC0415  as above
    from sqlalchemy import create_engine  # noqa: PLC0415  as above
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415  as above
    from sqlalchemy.pool import NullPool  # noqa: PLC0415  as above

    connection.autocommit = False
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=NullPool)
    config = Config()
    options = {"script_location": ENVIRONMENT, "version_locations": migrations.absolute(), "path_separator": "os"}
    for name, value in options.items():
        config.set_main_option(name, str(value).replace("%", "%%"))
    try:
        with _ALEMBIC, engine.connect() as handed:
            config.attributes.update(connection=handed, schema=schema, version_table=VERSION_TABLE)
            (command.upgrade if forward else command.downgrade)(config, target)
    except DBAPIError as error:
        raise (error.orig or error) from error

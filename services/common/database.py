"""PostgreSQL through a small pool that survives the server's restart."""

from __future__ import annotations

import select
import time
from collections.abc import Mapping
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.rows import AsyncRowFactory, RowFactory
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

Row = TypeVar("Row")

POOL_SIZE = (1, 4)
"""The greater one is `postgres_connections` in platform.yaml, from which `scaleproof lint` and the tuner know how many replicas the
database can take. One event loop can hardly use more than four at once."""
STATEMENT_TIMEOUT_SECONDS = 5.0
"""Of a request's statement: fifty times what any should take. Migrations and set-ups have none."""
WAIT_SECONDS = 1.5
"""For a free connection; then the answer is 503."""
MOST_WAITING = 256
RECENT_SECONDS = 2.0


class DatabaseUnavailableError(Exception):
    """No connection within the time limit, or it was lost: the caller may try again."""


class Database:
    """Runs statements in autocommit; what must be atomic is one statement."""

    def __init__(self, url: str, *, name: str, statement_timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS) -> None:
        self._pool = AsyncConnectionPool(
            url,
            min_size=POOL_SIZE[0],
            max_size=POOL_SIZE[1],
            open=False,
            name=name,
            timeout=WAIT_SECONDS,
            max_waiting=MOST_WAITING,
            reconnect_timeout=2.0,
            max_idle=60.0,
            check=check_cheaply,
            kwargs={
                "autocommit": True,
                "prepare_threshold": 1,
                "connect_timeout": 2,
                "application_name": name,
                "options": f"-c statement_timeout={round(1000 * statement_timeout_seconds)}",
                "tcp_user_timeout": 2000,
            },
        )
        self._last_success = -RECENT_SECONDS
        self._last_failure = 0.0

    async def open(self) -> None:
        """Start connecting; does not wait, so that a service starts without its database and is not ready until it is there."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close(timeout=1.0)

    async def fetch_all(self, query: LiteralString, parameters: Mapping[str, Any], row: RowFactory[Row]) -> list[Row]:
        """Every row. Raises DatabaseUnavailableError, and psycopg's errors for what the statement itself did wrong."""
        try:
            async with self._pool.connection() as connection:
                cursor = connection.cursor(row_factory=as_async(row), binary=True)
                await cursor.execute(query, parameters)
                rows = await cursor.fetchall()
        except (PoolTimeout, TooManyRequests, PoolClosed, psycopg.OperationalError) as error:
            self._last_failure = time.monotonic()
            raise DatabaseUnavailableError(type(error).__name__) from error
        self._last_success = time.monotonic()
        return rows

    async def fetch_one(self, query: LiteralString, parameters: Mapping[str, Any], row: RowFactory[Row]) -> Row | None:
        """The first row, None where there is none."""
        rows = await self.fetch_all(query, parameters, row)
        return rows[0] if rows else None

    async def is_reachable(self) -> bool:
        """Whether a statement succeeds now.

        A recent success counts: a pool that is merely busy must not take the replica out of balance.
        """
        now = time.monotonic()
        if self._last_success > self._last_failure and now - self._last_success < RECENT_SECONDS:
            return True
        try:
            await self.fetch_all("SELECT 1", {}, psycopg.rows.tuple_row)
        except DatabaseUnavailableError:
            return False
        return True


def as_async(row: RowFactory[Row]) -> AsyncRowFactory[Row]:
    """Both cursors' row factories are typed apart, though the same function serves both."""
    return row  # type: ignore[return-value]


async def check_cheaply(connection: psycopg.AsyncConnection[Any]) -> None:
    """Refuse a connection that the server has closed, without a round trip.

    An idle connection has nothing to say: when its socket can be read, the server said goodbye (or sent a notice, which
    a real round trip sorts out).
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        await AsyncConnectionPool.check_connection(connection)

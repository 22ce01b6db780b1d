"""A PostgreSQL with orders in it at the first migration and at the last one, and how each side is asked."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg
from psycopg.rows import RowFactory

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from service_processes import DataServer, Replica, free_port  # noqa: E402  needs the path

from benchmarks.order_questions import Call  # noqa: E402  needs the path
from benchmarks.plain_orders import FIRST_MIGRATION, PlainOrdersRepository  # noqa: E402  needs the path
from benchmarks.statement_plans import Statement  # noqa: E402  needs the path
from scaleproof.runtime.postgres import PostgresServer  # noqa: E402  needs the path
from scaleproof.spec import platform as spec  # noqa: E402  needs the path
from services.common.database import Database, Row  # noqa: E402  needs the path
from services.common.migrations import upgrade  # noqa: E402  needs the path
from services.orders.repository import OrdersRepository  # noqa: E402  needs the path
from services.orders.rows import clean, fill  # noqa: E402  needs the path
from services.orders.setup import MIGRATIONS  # noqa: E402  needs the path

PLAIN, OPTIMISED = "first migration", "all migrations"
PATIENCE_SECONDS = 120
WARM = 6
"""Questions before the first one that counts: until then a statement is not prepared, and its plan not settled."""


class WatchedDatabase(Database):
    """Remembers the last statement."""

    last: Statement = ("", {})

    async def fetch_all(self, query: LiteralString, parameters: Mapping[str, Any], row: RowFactory[Row]) -> list[Row]:
        """As it is."""
        self.last = (query, parameters)
        return await super().fetch_all(query, parameters, row)


@dataclass
class Side:
    """One of both."""

    name: str
    url: str
    kind: type[OrdersRepository]

    @contextmanager
    def database(self, runner: asyncio.Runner) -> Iterator[tuple[WatchedDatabase, OrdersRepository]]:
        """A pool of its own."""
        database = WatchedDatabase(self.url, name=self.name.replace(" ", "-"), statement_timeout_seconds=PATIENCE_SECONDS)
        runner.run(database.open())
        try:
            yield database, self.kind(database)
        finally:
            runner.run(database.close())

    def start(self, environment: Mapping[str, str], log: Path) -> Replica:
        """A replica of orders on it."""
        told = {**environment, "DATABASE_URL": self.url}
        return PlainReplica(told, log) if self.kind is PlainOrdersRepository else Replica("orders", told, log)


class PlainReplica(Replica):
    """The service on top of the plain repository."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        own = {"PORT": str(self.port), "HOST": "127.0.0.1"}
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.plain_orders"],
                env={**os.environ, **own, **environment},
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )
        self.client = httpx.Client(base_url=self.url, timeout=10, trust_env=False)


class Bench:
    """The server, and three databases that begin with the same rows."""

    def __init__(self, folder: Path, orders: int) -> None:
        self.folder = folder
        self.orders = orders
        self.data = DataServer(PostgresServer(folder / "postgres", free_port(), spec.Postgres(shared_buffers="128Mi")))

    def start(self) -> None:
        """With the rows in it, at the first migration and at the last one, and a copy for watching the migrations."""
        self.data.start()
        self.has_statements = self._prepare_statements()
        server = self.data.server
        assert isinstance(server, PostgresServer)
        server.ensure_databases(["plain"])
        plain = server.database_url("plain")
        upgrade(plain, migrations=MIGRATIONS, schema="orders", target=FIRST_MIGRATION)
        started = time.monotonic()
        fill(plain, today=datetime.now(UTC).date(), orders=self.orders)
        self.fill_seconds = time.monotonic() - started
        for name in ("optimised", "watched"):
            self.sql(f"CREATE DATABASE {name} TEMPLATE plain STRATEGY file_copy")
        optimised = server.database_url("optimised")
        upgrade(optimised, migrations=MIGRATIONS, schema="orders")
        clean(optimised)
        self.sides = (Side(PLAIN, plain, PlainOrdersRepository), Side(OPTIMISED, optimised, OrdersRepository))
        self.watched = server.database_url("watched")

    def sql(self, statement: str, url: str | None = None) -> list[tuple[Any, ...]]:
        """One statement in autocommit, its rows where it has any."""
        with psycopg.connect(url or self.data.url, autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]  # put together here
            return cursor.fetchall() if cursor.description else []

    def _prepare_statements(self) -> bool:
        """Whether the installation has pg_stat_statements; it then counts from now on."""
        if not self.sql("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'"):
            return False
        self.sql("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        self.data.stop()
        self.data.start()
        self.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        return True


def p95(seconds: Sequence[float]) -> float:
    """In milliseconds."""
    return 1000 * statistics.quantiles(seconds, n=20)[-1]


def timed(runner: asyncio.Runner, call: Call, repository: OrdersRepository) -> tuple[Any, float]:
    """The answer, and how many seconds it took."""

    async def asked() -> Any:
        return await call(repository)

    started = time.perf_counter()
    answer = runner.run(asked())
    return answer, time.perf_counter() - started

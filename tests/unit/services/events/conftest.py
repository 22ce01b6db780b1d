"""An outbox of its own for each test, and a Redis that may be killed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from service_processes import DataServer, free_port

from scaleproof.runtime.redis import RedisServer
from scaleproof.spec import platform as spec
from services.common.events.outbox import create_table

_numbers = itertools.count()


@pytest.fixture(scope="session")
def events_redis(folder: Path) -> Iterator[DataServer]:
    """The tests here kill it."""
    running = DataServer(RedisServer(folder / "events-redis", free_port(), spec.Redis(memory="16Mi")))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def outbox_url(postgres: DataServer) -> str:
    """A database whose schema `shop` has nothing but things and the outbox."""
    name = f"outbox_{next(_numbers)}"
    postgres.server.ensure_databases([name])
    url = postgres.server.database_url(name)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA shop")
        connection.execute("CREATE TABLE shop.things (id int PRIMARY KEY)")
        for statement in create_table("shop"):
            connection.execute(statement)
    return url


@pytest.fixture
def service() -> str:
    """Whose stream nobody else uses."""
    return f"shop-{next(_numbers)}"

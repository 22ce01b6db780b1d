"""The pool: how long a statement may take, and that platform.yaml tells its size."""

from __future__ import annotations

import asyncio

import pytest
from psycopg.rows import scalar_row
from service_processes import ROOT, DataServer

from scaleproof.spec.platform_file import read_platform
from services.common.database import POOL_SIZE, Database, DatabaseUnavailableError


def test_a_statement_that_takes_too_long_is_ended_and_the_next_one_is_served(postgres: DataServer):
    async def timeline() -> int | None:
        database = Database(postgres.url, name="impatient", statement_timeout_seconds=0.05)
        await database.open()
        try:
            with pytest.raises(DatabaseUnavailableError, match="QueryCanceled"):
                await database.fetch_all("SELECT pg_sleep(30)", {}, scalar_row)
            return await database.fetch_one("SELECT 7", {}, scalar_row)
        finally:
            await database.close()

    assert asyncio.run(timeline()) == 7


def test_platform_yaml_knows_the_size_of_the_pools():
    services = read_platform(ROOT / "platform.yaml").services
    assert {name: service.postgres_connections for name, service in services.items()} == dict.fromkeys(services, POOL_SIZE[1])

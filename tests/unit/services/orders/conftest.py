"""Databases of their own in the session's PostgreSQL, so that these tests do not meet the services' schema."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from service_processes import DataServer

_numbers = itertools.count()


@pytest.fixture(scope="session")
def empty_database(postgres: DataServer) -> Callable[[], str]:
    """The URL of another empty database at each call."""

    def make() -> str:
        name = f"orders_{next(_numbers)}"
        postgres.server.ensure_databases([name])
        return postgres.server.database_url(name)

    return make

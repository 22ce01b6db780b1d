"""A dashboard that knows an issuer of tokens, on a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
import pytest
from dashboard_app import ServedApp, Somebody
from dashboard_issuer import Issuer
from service_processes import DataServer

from services.common.tokens.principal import Role
from services.dashboard.setup import setup


@pytest.fixture(scope="session")
def layouts_url(postgres: DataServer) -> str:
    postgres.server.ensure_databases(["layouts"])
    url = postgres.server.database_url("layouts")
    assert setup(url)
    return url


@pytest.fixture(scope="session")
def served(layouts_url: str, issuer: Issuer) -> Iterator[ServedApp]:
    app = ServedApp({"DATABASE_URL": layouts_url, **issuer.environment})
    yield app
    app.close()


@pytest.fixture
def somebody(served: ServedApp, issuer: Issuer) -> Callable[..., Somebody]:
    """A new user with these roles at each call."""
    return lambda *roles: Somebody.new(served, issuer, *(roles or (Role.customer,)))


@pytest.fixture
def owner(somebody: Callable[..., Somebody]) -> Somebody:
    return somebody()


@pytest.fixture
def rows(layouts_url: str) -> Callable[..., Sequence[tuple[Any, ...]]]:
    """Asks the database itself."""

    def ask(query: str, *parameters: Any) -> Sequence[tuple[Any, ...]]:
        with psycopg.connect(layouts_url) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    return ask

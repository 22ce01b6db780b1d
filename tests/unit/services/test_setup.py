"""Schemas and generated rows: once, the same everywhere, and consistent."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import psycopg
import pytest
from service_processes import ORDERS, ROOT, DataServer, free_port

from loadtests.journeys import sample as known_to_users
from services.common.settings import SettingsError
from services.orders import rows as orders_rows
from services.orders import setup as orders_setup
from services.orders.sample import FIRST_NAMES, LAST_NAMES

TODAY = date(2026, 3, 1)


def database(postgres: DataServer, name: str) -> str:
    """An empty one, so that tests of setup do not meet the services' schema."""
    postgres.server.ensure_databases([name])
    return postgres.server.database_url(name)


def all_rows(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


EVERYTHING = """
    SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) FROM (
        SELECT o.*, c.name, c.city, i.line, i.product_id, i.product_name, i.quantity, i.unit_price_cents
        FROM orders.orders o JOIN orders.customers c ON c.id = o.customer_id JOIN orders.items i ON i.order_id = o.id
    ) t
"""


def test_the_same_rows_on_every_machine(postgres: DataServer):
    urls = [database(postgres, "first"), database(postgres, "second")]
    digests = []
    for url in urls:
        assert orders_setup.setup(url, today=TODAY, orders=300)
        digests.append(all_rows(url, EVERYTHING))
    assert digests[0] == digests[1]


def test_twice_is_once_even_at_the_same_time(postgres: DataServer):
    url = database(postgres, "contended")
    with ThreadPoolExecutor(3) as callers:
        made = list(callers.map(lambda _: orders_setup.setup(url, today=TODAY, orders=100), range(3)))
    assert any(made)
    assert all_rows(url, "SELECT count(*) FROM orders.orders") == [(100,)]


def test_broken_off_leaves_nothing_behind(postgres: DataServer, monkeypatch: pytest.MonkeyPatch):
    url = database(postgres, "broken_off")
    monkeypatch.setattr(orders_rows, "ORDER_ROWS", "SELECT 1 / 0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        orders_setup.setup(url, today=TODAY, orders=100)
    assert all_rows(url, "SELECT count(*) FROM orders.customers") == [(0,)]
    monkeypatch.undo()
    assert orders_setup.setup(url, today=TODAY, orders=100)
    assert not orders_setup.setup(url, today=TODAY, orders=100)
    assert all_rows(url, "SELECT count(*) FROM orders.orders") == [(100,)]


@pytest.mark.parametrize(("text", "count"), [(None, 200_000), ("0", 0), ("1000000", 1_000_000)])
def test_how_many_orders_is_a_setting(text: str | None, count: int):
    assert orders_setup.read_orders({} if text is None else {"SAMPLE_ORDERS": text}) == count


@pytest.mark.parametrize("text", ["", "-1", "many", "10000001"])
def test_a_number_of_orders_that_makes_no_sense_is_refused(text: str):
    with pytest.raises(SettingsError, match=r"^SAMPLE_ORDERS is "):
        orders_setup.read_orders({"SAMPLE_ORDERS": text})


def test_totals_are_the_sums_of_the_items(filled: DataServer):
    wrong = """
        SELECT o.id FROM orders.orders o JOIN orders.items i ON i.order_id = o.id
        GROUP BY o.id HAVING o.total_cents <> sum(i.quantity * i.unit_price_cents) OR o.pieces <> sum(i.quantity)
    """
    assert all_rows(filled.url, wrong) == []


def test_orders_end_yesterday_and_reach_a_year_back(filled: DataServer):
    [(first, last, count)] = all_rows(
        filled.url,
        f"SELECT min(created_at)::date, max(created_at)::date, count(*) FROM orders.orders WHERE id <= {ORDERS}",
    )
    assert (last, first, count) == (TODAY - timedelta(days=1), TODAY - timedelta(days=365), ORDERS)


def test_customers_know_their_own_orders(filled: DataServer):
    whose = dict(all_rows(filled.url, "SELECT id, customer_id FROM orders.orders"))
    for customer in (1, 2, 20_000, *sorted({whose[order] for order in (1, 2, ORDERS)})):
        own = {known_to_users.own_order_id(random.Random(draw), customer) for draw in range(200)}
        assert len(own) == known_to_users.ORDERS / known_to_users.CUSTOMERS
        assert all(1 <= order <= known_to_users.ORDERS for order in own)
        assert {order for order, owner in whose.items() if owner == customer and order <= ORDERS} == {
            order for order in own if order <= ORDERS
        }


def test_users_know_the_platforms_data():
    assert orders_rows.CUSTOMER_STEP == known_to_users.CUSTOMER_STEP
    assert (orders_setup.ORDERS, orders_rows.CUSTOMERS) == (known_to_users.ORDERS, known_to_users.CUSTOMERS)
    assert orders_rows.PRODUCTS == known_to_users.PRODUCTS
    assert len(set(FIRST_NAMES)) * len(set(LAST_NAMES)) == known_to_users.CUSTOMERS
    assert set(known_to_users.FIRST_NAMES) <= {name.lower() for name in FIRST_NAMES}
    assert set(known_to_users.LAST_INITIALS) <= {name[0].lower() for name in LAST_NAMES}


@pytest.mark.parametrize("service", ["orders", "dashboard"])
@pytest.mark.parametrize(("url", "code", "message"), [
    ("", 2, "DATABASE_URL is not set"),
    ("http://127.0.0.1", 2, "DATABASE_URL has the scheme 'http'"),
    ("postgresql://nobody:secret@127.0.0.1:PORT/x", 3, "PostgreSQL cannot be reached"),
])  # fmt: skip
def test_the_command_says_in_one_line_what_is_wrong(service: str, url: str, code: int, message: str):
    result = run_setup(service, url.replace("PORT", str(free_port())))
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert "secret" not in result.stderr


def test_the_command_does_nothing_where_all_is_there_and_does_it_soon(filled: DataServer):
    for service in ("orders", "dashboard"):
        result = run_setup(service, filled.url, PYTHONPROFILEIMPORTTIME="1")
        assert (result.returncode, result.stdout) == (0, f"{service} setup: nothing to do\n")
        assert "services.common.migrations" in result.stderr
        assert "sqlalchemy" not in result.stderr, "half a second of CPU, which only migrations are worth"


def run_setup(service: str, url: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": url, **more}
    command = [sys.executable, "-m", f"services.{service}.setup"]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

"""Migrations of orders, forward and back, and what the runner promises of any migration."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
import pytest

from services.common import migrations as runner
from services.common.migrations import BASE, MigrationError, downgrade, newest, revision_of, revisions, upgrade
from services.orders.repository import PLACED, PLACING
from services.orders.rows import fill
from services.orders.setup import MIGRATIONS

TODAY = date(2026, 3, 1)
MakeDatabase = Callable[[], str]

SCHEMA = {
    "columns": "SELECT table_name, column_name, data_type, is_nullable, generation_expression FROM information_schema.columns "
    "WHERE table_schema = 'orders' AND table_name <> 'alembic_version'",
    "keys": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'orders'::regnamespace AND contype <> 'n' AND conname <> 'alembic_version_pkc'",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'orders' AND tablename <> 'alembic_version'",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal "
    "AND tgrelid IN (to_regclass('orders.orders'), to_regclass('orders.items'))",
    "functions": "SELECT proname FROM pg_proc WHERE pronamespace = 'orders'::regnamespace",
}
REVENUE = "SELECT day, sum(orders), sum(revenue_cents) FROM orders.daily_revenue GROUP BY day ORDER BY day"
SUMMED_UP = """
    SELECT (created_at AT TIME ZONE 'UTC')::date, count(*), sum(total_cents) FROM orders.orders
    WHERE status <> 'cancelled' GROUP BY 1 ORDER BY 1
"""

SALES = "SELECT day, product_id, pieces, revenue_cents FROM orders.daily_product_sales WHERE pieces <> 0 ORDER BY 1, 2"
SALES_SUMMED_UP = """
    SELECT (created_at AT TIME ZONE 'UTC')::date, product_id, sum(quantity), sum(quantity::bigint * unit_price_cents)
    FROM orders.items JOIN orders.orders ON orders.id = order_id WHERE status <> 'cancelled' GROUP BY 1, 2 ORDER BY 1, 2
"""


def rows(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def schema_of(url: str) -> dict[str, list[tuple]]:
    with psycopg.connect(url) as connection:
        return {part: sorted(connection.execute(query).fetchall(), key=str) for part, query in SCHEMA.items()}


def migrate(url: str, target: str = "head", **options: object) -> bool:
    return upgrade(url, migrations=MIGRATIONS, schema="orders", target=target, **options)


def back(url: str, target: str) -> bool:
    return downgrade(url, migrations=MIGRATIONS, schema="orders", target=target)


def revision(url: str) -> str | None:
    with psycopg.connect(url) as connection:
        return revision_of(connection, "orders")


def test_files_are_numbered_without_a_gap():
    assert revisions(MIGRATIONS) == [f"{number:04}" for number in range(1, len(revisions(MIGRATIONS)) + 1)]


def test_each_migration_forth_and_back_and_forth(empty_database: MakeDatabase):
    url = empty_database()
    assert revision(url) is None
    seen = {}
    for target in revisions(MIGRATIONS):
        assert migrate(url, target)
        assert revision(url) == target
        seen[target] = schema_of(url)
    assert len({str(schema) for schema in seen.values()}) == len(seen), "each changes something"
    for target in reversed(revisions(MIGRATIONS)[:-1]):
        assert back(url, target)
        assert (revision(url), schema_of(url)) == (target, seen[target])
    assert back(url, BASE)
    assert not any(schema_of(url).values())
    assert not back(url, BASE)
    assert migrate(url)
    assert schema_of(url) == seen[newest(MIGRATIONS)]
    assert not migrate(url)


def test_rows_stay_and_revenue_is_counted_anew(empty_database: MakeDatabase):
    url = empty_database()
    migrate(url, "0001")
    assert fill(url, today=TODAY, orders=500)
    digest = "SELECT md5(string_agg(o::text, ';' ORDER BY id)) FROM orders.orders o"
    before = rows(url, digest)
    migrate(url)
    counted = rows(url, REVENUE)
    assert counted == rows(url, SUMMED_UP)
    assert len(counted) > 100
    sold = rows(url, SALES)
    assert sold == rows(url, SALES_SUMMED_UP)
    assert len(sold) > 100
    back(url, "0001")
    migrate(url)
    assert (rows(url, digest), rows(url, REVENUE), rows(url, SALES)) == (before, counted, sold)


def test_rows_are_the_same_whether_they_come_before_the_migrations_or_after(empty_database: MakeDatabase):
    early, late = empty_database(), empty_database()
    migrate(early, "0001")
    migrate(late)
    for url in (early, late):
        fill(url, today=TODAY, orders=300)
    migrate(early)
    assert schema_of(early) == schema_of(late)
    assert rows(early, REVENUE) == rows(late, REVENUE) == rows(late, SUMMED_UP)
    assert rows(early, SALES) == rows(late, SALES) == rows(late, SALES_SUMMED_UP)


def test_another_seed_other_rows(empty_database: MakeDatabase):
    url = empty_database()
    migrate(url)
    fill(url, today=TODAY, orders=100)
    first = rows(url, SUMMED_UP)
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE orders.items, orders.orders, orders.products, orders.customers")
    assert rows(url, REVENUE) == rows(url, SALES) == []
    fill(url, today=TODAY, orders=100, seed=1)
    assert rows(url, REVENUE) == rows(url, SUMMED_UP) != first
    assert rows(url, SALES) == rows(url, SALES_SUMMED_UP) != []


def test_many_at_once_migrate_once(empty_database: MakeDatabase):
    url = empty_database()
    with ThreadPoolExecutor(4) as callers:
        done = list(callers.map(lambda _: migrate(url), range(4)))
    assert sorted(done) == [False, False, False, True]


def test_a_schema_that_is_ahead_is_left_alone(empty_database: MakeDatabase):
    url = empty_database()
    migrate(url)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE orders.alembic_version SET version_num = '9999'")
    assert not migrate(url)
    assert revision(url) == "9999"


def test_a_schema_of_before_the_migrations_is_taken_over(empty_database: MakeDatabase):
    fresh, old = empty_database(), empty_database()
    migrate(fresh)
    migrate(old, "0001")
    with psycopg.connect(old) as connection:
        for statement in (
            "DROP TABLE orders.alembic_version",
            "CREATE UNIQUE INDEX orders_reference ON orders.orders (reference)",
            "CREATE INDEX orders_of_customer ON orders.orders (customer_id, id DESC)",
            "CREATE INDEX orders_of_status ON orders.orders (status, id DESC)",
            "CREATE INDEX orders_by_day ON orders.orders (created_at) INCLUDE (total_cents) WHERE status <> 'cancelled'",
            "CREATE INDEX customers_by_name ON orders.customers (lower(name) text_pattern_ops)",
        ):
            connection.execute(statement)
    fill(old, today=TODAY, orders=100)
    assert migrate(old)
    assert schema_of(old) == schema_of(fresh)
    assert rows(old, "SELECT count(*) FROM orders.orders") == [(100,)]


@contextmanager
def holding(url: str) -> Iterator[psycopg.Connection]:
    """Somebody's transaction that holds a lock on the table."""
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE orders.orders IN ROW EXCLUSIVE MODE")
        yield connection


def test_a_lock_that_is_not_free_is_tried_again(empty_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "LOCK_TIMEOUT", "50ms")
    url = empty_database()
    migrate(url, "0002")
    pauses = []
    with holding(url) as connection:

        def let_go_at_the_second(seconds: float) -> None:
            # The turn of the attempt before may be over a moment late: those pauses are short.
            pauses.append(seconds)
            if pauses.count(runner.PAUSE_SECONDS) == 2:
                connection.rollback()

        assert migrate(url, sleep=let_go_at_the_second)
    assert pauses.count(runner.PAUSE_SECONDS) == 2
    assert revision(url) == newest(MIGRATIONS)


def test_a_lock_that_never_is_free_is_named(empty_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(runner, "ATTEMPTS", 2)
    url = empty_database()
    migrate(url, "0002")
    with (
        holding(url),
        pytest.raises(MigrationError, match=r"no lock on a table could be had in 2 attempts .* \(pg_stat_activity"),
    ):
        migrate(url, sleep=lambda _: None)
    assert revision(url) == "0002"


def test_waiting_for_another_one_ends(empty_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "WAIT_SECONDS", 0.3)
    url = empty_database()
    pauses: list[float] = []
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended('migrations of orders', 0))")
        with pytest.raises(MigrationError, match="somebody else has been migrating"):
            migrate(url, sleep=pauses.append)
    assert sum(pauses) == pytest.approx(0.3)


def test_an_index_that_was_left_invalid_is_built_anew(empty_database: MakeDatabase):
    url = empty_database()
    migrate(url)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders.orders_of_customer'::regclass")
        connection.execute("DROP TABLE orders.idempotency_keys, orders.outbox")
        connection.execute("DROP TABLE orders.daily_revenue, orders.daily_product_sales")
        counting = connection.execute("SELECT oid::regprocedure::text FROM pg_proc WHERE proname LIKE 'count%'").fetchall()
        for (function,) in counting:
            if function.startswith("orders."):
                connection.execute(f"DROP FUNCTION {function} CASCADE")
        connection.execute("UPDATE orders.alembic_version SET version_num = '0001'")
    assert migrate(url)
    assert rows(url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders.orders_of_customer'::regclass") == [(True,)]


def test_orders_are_read_and_placed_meanwhile(empty_database: MakeDatabase):
    url = empty_database()
    migrate(url, "0001")
    fill(url, today=TODAY, orders=2000)
    over = threading.Event()
    waits: list[float] = []

    def use() -> None:
        place = (
            "WITH placed AS (INSERT INTO orders.orders (customer_id, status, pieces, total_cents, created_at) "
            "VALUES (1, 'placed', 1, 7, now()) RETURNING id) "
            "INSERT INTO orders.items (order_id, line, product_id, product_name, quantity, unit_price_cents) "
            "SELECT id, 1, 7, 'lamp', 1, 7 FROM placed"
        )
        with psycopg.connect(url, autocommit=True, options="-c statement_timeout=5000") as connection:
            while not over.is_set():
                started = time.monotonic()
                connection.execute(place)
                connection.execute("SELECT * FROM orders.orders WHERE customer_id = 1").fetchall()
                waits.append(time.monotonic() - started)

    with ThreadPoolExecutor(1) as users:
        using = users.submit(use)
        migrate(url)
        back(url, "0001")
        migrate(url)
        over.set()
        using.result()
    assert len(waits) > 10
    assert rows(url, REVENUE) == rows(url, SUMMED_UP)
    assert rows(url, SALES) == rows(url, SALES_SUMMED_UP)


def test_many_who_sell_the_same_products_and_cancel_orders_at_once_lose_nothing(empty_database: MakeDatabase):
    url = empty_database()
    migrate(url)
    fill(url, today=TODAY, orders=200)

    def use(seed: int) -> None:
        order = {"customer_id": 1, "product_ids": [1 + seed % 3, 2, 3], "quantities": [1, 2, 3]}
        with psycopg.connect(url, autocommit=True) as connection:
            for number in range(30):
                connection.execute(PLACING + PLACED, order)
                cancelled = f"UPDATE orders.orders SET status = 'cancelled' WHERE id % 30 = {number} AND id % 4 = {seed % 4}"
                connection.execute(cancelled)

    with ThreadPoolExecutor(6) as users:
        for done in [users.submit(use, seed) for seed in range(6)]:
            done.result()
    assert rows(url, SALES) == rows(url, SALES_SUMMED_UP)


def test_what_is_wrong_with_a_migration_is_said_and_only_that_one_undone(empty_database: MakeDatabase, tmp_path: Path):
    one = "from alembic import op\nrevision, down_revision = {0!r}, {1!r}\ndef upgrade():\n    op.execute('CREATE TABLE t.t{0} ()')\n"
    (tmp_path / "0001_good.py").write_text(one.format("0001", None))
    (tmp_path / "0002_bad.py").write_text(one.format("0002", "0001") + "    op.execute('SELECT 1 / 0')\n")
    url = empty_database()
    with pytest.raises(psycopg.errors.DivisionByZero):
        upgrade(url, migrations=tmp_path, schema="t")
    with psycopg.connect(url) as connection:
        assert revision_of(connection, "t") == "0001"
    assert rows(url, "SELECT to_regclass('t.t0001') IS NULL, to_regclass('t.t0002') IS NULL") == [(False, True)]


def test_a_folder_without_migrations_is_refused(tmp_path: Path):
    with pytest.raises(MigrationError, match="holds no migration"):
        upgrade("postgresql://nowhere", migrations=tmp_path, schema="t")

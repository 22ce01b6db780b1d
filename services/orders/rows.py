"""Generated orders, always the same ones: any number of them, made by the server itself.

Nothing is sent but the statements below. "Random" values are hashes of the row's number and the seed; customers take turns. Keys and indexes are taken away
and made again after the rows, which is several times quicker; all of it is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import LiteralString

import psycopg
from psycopg import sql

from services.orders.sample import CITIES, FIRST_NAMES, LAST_NAMES, PRODUCT_KINDS, PRODUCT_MATERIALS

DAYS = 365
PRODUCTS = len(PRODUCT_KINDS) * len(PRODUCT_MATERIALS)
CUSTOMERS = len(FIRST_NAMES) * len(LAST_NAMES)
FILLED = ["orders.customers", "orders.products", "orders.orders", "orders.items"]
CUSTOMER_STEP = 7919
"""From an order's customer to the next order's. It shares no factor with CUSTOMERS: each customer has every CUSTOMERS-th order, and
whoever drives the service can tell which ones (`loadtests/journeys/sample.py`)."""
SEED_STEP = 1000
"""Seeds of the hashes below, from one seed to the next."""

CUSTOMER_ROWS: LiteralString = """
    INSERT INTO orders.customers (id, name, city)
    SELECT n + 1,
           (%(first_names)s::text[])[n %% cardinality(%(first_names)s::text[]) + 1] || ' '
               || (%(last_names)s::text[])[n / cardinality(%(first_names)s::text[]) + 1],
           (%(cities)s::text[])[mod(abs(hashint4extended(n, %(seed)s + 1)), cardinality(%(cities)s::text[])) + 1]
    FROM generate_series(0, %(customers)s - 1) n
"""

PRODUCT_ROWS: LiteralString = """
    INSERT INTO orders.products (id, name, price_cents)
    SELECT n + 1,
           (%(materials)s::text[])[n %% cardinality(%(materials)s::text[]) + 1] || ' '
               || (%(kinds)s::text[])[n / cardinality(%(materials)s::text[]) + 1],
           (199 + mod(abs(hashint4extended(n, %(seed)s + 2)), 9800))::int
    FROM generate_series(0, %(products)s - 1) n
"""

# One to three items an order, two on average, with the product's name and price at that time. Ordered, so that the items of
# neighbouring orders share a page.
ITEM_ROWS: LiteralString = """
    INSERT INTO orders.items (order_id, line, product_id, product_name, quantity, unit_price_cents)
    SELECT n, line, p.id, p.name, (1 + mod(abs(hashint4extended(n, %(seed)s + line)), 3))::int, p.price_cents
    FROM generate_series(1, %(orders)s) n
    CROSS JOIN LATERAL generate_series(1, 1 + n %% 3) line
    JOIN orders.products p ON p.id = 1 + mod(abs(hashint4extended(n, %(seed)s + 10 + line)), %(products)s)
    ORDER BY n, line
"""

# Spread evenly over the days up to yesterday, oldest first: like real ones, a higher id is a later order.
ORDER_ROWS: LiteralString = """
    INSERT INTO orders.orders (id, customer_id, status, pieces, total_cents, created_at)
    SELECT i.order_id,
           (1 + mod(i.order_id::bigint * %(customer_step)s + %(seed)s, %(customers)s))::int,
           CASE WHEN mod(abs(hashint4extended(i.order_id, %(seed)s + 21)), 20) = 0 THEN 'cancelled'
                WHEN i.order_id > %(orders)s * 0.99 THEN 'placed'
                WHEN i.order_id > %(orders)s * 0.97 THEN 'paid'
                WHEN i.order_id > %(orders)s * 0.95 THEN 'shipped'
                ELSE 'delivered' END,
           sum(i.quantity), sum(i.quantity * i.unit_price_cents),
           %(today)s::date::timestamp AT TIME ZONE 'UTC' - (%(orders)s - i.order_id + 1) * (make_interval(days => %(days)s) / %(orders)s)
    FROM orders.items i GROUP BY i.order_id ORDER BY i.order_id
"""

# References before what they refer to.
KEYS: LiteralString = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = ANY (%(tables)s::text[]::regclass[]) AND contype IN ('f', 'p') ORDER BY contype, conname
"""
INDEXES: LiteralString = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = ANY (%(tables)s::text[]::regclass[])
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype = 'p')
"""


# Items come before their orders, without keys: no trigger knows on which day they were sold.
COUNTED_ANEW: LiteralString = "orders.count_product_sales()"


def fill(url: str, *, today: date, orders: int, seed: int = 0) -> bool:
    """Generate that many orders, all or nothing, unless there are customers already; returns whether it did.

    `today` dates the newest order. Raises psycopg.OperationalError.
    """
    if orders == 0:
        return False
    with psycopg.connect(url, connect_timeout=5, application_name="orders-setup") as connection:
        # One at a time, and nobody adds a customer meanwhile; readers go on.
        connection.execute("LOCK TABLE orders.customers IN SHARE ROW EXCLUSIVE MODE")
        if connection.execute("SELECT 1 FROM orders.customers LIMIT 1").fetchone() is not None:
            return False
        # Within the limits of a small server (shared by the other setups), sorting in memory halves the time.
        connection.execute(
            "SET LOCAL maintenance_work_mem = '64MB'; SET LOCAL work_mem = '32MB'; SET LOCAL statement_timeout = 0"
        )
        # They are empty, without customers: this spares the log of what is written next, if the server keeps no more than it needs.
        connection.execute("TRUNCATE orders.customers, orders.orders, orders.items")
        with keys_at_the_end(connection):
            insert(connection, today=today, orders=orders, seed=seed)
        count_anew(connection)
    clean(url)
    return True


def insert(connection: psycopg.Connection, *, today: date, orders: int, seed: int) -> None:
    """The rows, and where their ids go on."""
    parameters = {
        "orders": orders,
        "customers": CUSTOMERS,
        "customer_step": CUSTOMER_STEP,
        "products": PRODUCTS,
        "days": DAYS,
        "today": today,
        "seed": SEED_STEP * seed,
        "first_names": FIRST_NAMES,
        "last_names": LAST_NAMES,
        "cities": CITIES,
        "materials": PRODUCT_MATERIALS,
        "kinds": PRODUCT_KINDS,
    }
    for rows in (CUSTOMER_ROWS, PRODUCT_ROWS, ITEM_ROWS, ORDER_ROWS):
        connection.execute(rows, parameters)
    for table, rows_of in (("customers", CUSTOMERS), ("products", PRODUCTS), ("orders", orders)):
        goes_on = sql.SQL("ALTER TABLE {} ALTER id RESTART WITH {}")
        connection.execute(goes_on.format(sql.Identifier("orders", table), sql.Literal(rows_of + 1)))


def count_anew(connection: psycopg.Connection) -> None:
    """What was sold of each product, where the schema knows it already (migration 0006)."""
    known = connection.execute("SELECT to_regprocedure(%s) IS NOT NULL", [COUNTED_ANEW]).fetchone()
    if known == (True,):
        connection.execute("SELECT " + COUNTED_ANEW)


@contextmanager
def keys_at_the_end(connection: psycopg.Connection) -> Iterator[None]:
    """Take the tables' keys and indexes away, whichever migrations made them, and make them again after the block."""
    tables = {"tables": FILLED}
    keys = connection.execute(KEYS, tables).fetchall()
    indexes = connection.execute(INDEXES, tables).fetchall()
    for table, name, _ in keys:
        connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.SQL(table), sql.Identifier(name)))
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(name)))
    yield
    for table, name, definition in reversed(keys):
        added = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}")
        connection.execute(added.format(sql.SQL(table), sql.Identifier(name), sql.SQL(definition)))
    for _, definition in indexes:
        connection.execute(sql.SQL(definition))


def clean(url: str) -> None:
    """Index-only scans need the visibility map, and plans need statistics: do not wait for autovacuum."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute("SET statement_timeout = 0")
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'orders'").fetchall()
        names = sql.SQL(", ").join(sql.Identifier("orders", name) for (name,) in tables)
        connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(names))

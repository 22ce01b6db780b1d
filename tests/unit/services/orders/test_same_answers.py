"""Whatever was written, and whatever is asked: the optimised schema and queries answer as the plain ones do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from service_processes import wait_until

from benchmarks.plain_orders import FIRST_MIGRATION, PlainOrdersRepository
from services.common.database import Database
from services.common.migrations import upgrade
from services.orders.repository import OrdersRepository
from services.orders.rows import fill
from services.orders.schemas import NewOrder, OrderStatus
from services.orders.setup import MIGRATIONS

ORDERS = 300
CUSTOMERS = 40
"""So many are written to and asked for, of the 20,000: that finds something."""


@dataclass
class Side:
    """One of both."""

    connection: psycopg.Connection
    """For writing past the repository."""
    repository: OrdersRepository


@dataclass
class Both:
    """The same rows, the same writes and the same questions on both sides."""

    runner: asyncio.Runner
    plain: Side
    optimised: Side

    def ask(self, question: Callable[[OrdersRepository], Awaitable[object]]) -> None:
        plain, optimised = (self.answer(side, question) for side in (self.plain, self.optimised))
        assert optimised == plain

    def answer(self, side: Side, question: Callable[[OrdersRepository], Awaitable[object]]) -> object:
        async def asked() -> object:
            return await question(side.repository)

        return shown(self.runner.run(asked()))

    def write(self, statement: str) -> None:
        for side in (self.plain, self.optimised):
            side.connection.execute(statement)


def shown(answer: object) -> object:
    """Orders that a test places are placed on one side a moment later."""
    if isinstance(answer, list):
        return [shown(each) for each in answer]
    return answer.model_dump(exclude={"created_at"}) if isinstance(answer, BaseModel) else answer


@pytest.fixture(scope="module")
def both(empty_database: Callable[[], str]) -> Iterator[Both]:
    today = datetime.now(UTC).date()
    with asyncio.Runner() as runner:
        sides, databases = [], []
        for target, repository in ((FIRST_MIGRATION, PlainOrdersRepository), ("head", OrdersRepository)):
            url = empty_database()
            upgrade(url, migrations=MIGRATIONS, schema="orders", target=target)
            # All within the ninety days that revenue is asked for, and those before.
            fill(url, today=today, orders=ORDERS)
            database = Database(url, name="both", statement_timeout_seconds=60)
            runner.run(database.open())
            wait_until(lambda database=database: runner.run(database.is_reachable()), "a connection")
            databases.append(database)
            sides.append(Side(psycopg.connect(url, autocommit=True), repository(database)))
        both = Both(runner, *sides)
        both.write(f"UPDATE orders.orders SET customer_id = customer_id % {CUSTOMERS} + 1")
        # Namesakes, and names whose bytes are not in the order of their letters.
        both.write("UPDATE orders.customers SET name = (ARRAY['Bö', 'bo', 'BOB', 'Bob B', 'b'])[id % 5 + 1] WHERE id <= 30")
        yield both
        for side, database in zip(sides, databases, strict=True):
            side.connection.close()
            runner.run(database.close())


statuses = st.none() | st.sampled_from(OrderStatus)
customers = st.none() | st.integers(1, CUSTOMERS + 2)
limits = st.sampled_from([1, 2, 7, 10, 100])
ids = st.integers(1, ORDERS + 20)
items = st.lists(
    st.fixed_dictionaries({"product_id": st.integers(1, 503), "quantity": st.integers(1, 100)}), min_size=1, max_size=3
)


def moment(days_ago: int, seconds: int) -> str:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return (noon - timedelta(days=days_ago, seconds=seconds)).isoformat()


writes = st.one_of(
    st.builds(
        "UPDATE orders.orders SET status = '{}' WHERE id % 7 = {}".format, st.sampled_from(OrderStatus), st.integers(0, 6)
    ),
    st.builds("UPDATE orders.orders SET total_cents = total_cents + {} WHERE id > {}".format, st.integers(-9, 9), ids),
    st.builds(
        "UPDATE orders.orders SET created_at = '{}' WHERE id = {}".format,
        st.builds(moment, st.integers(-1, 95), st.integers(-43200, 43199)),
        ids,
    ),
    st.builds("UPDATE orders.items SET quantity = quantity + {} WHERE order_id = {}".format, st.integers(1, 3), ids),
    st.builds(
        "UPDATE orders.items SET product_id = {0}, unit_price_cents = unit_price_cents + {0} WHERE line = 2 AND order_id > {1}".format,
        st.integers(1, 500),
        ids,
    ),
    st.builds("DELETE FROM orders.items WHERE line = 3 AND order_id > {}".format, ids),
    st.builds("DELETE FROM orders.items WHERE order_id = {0}; DELETE FROM orders.orders WHERE id = {0}".format, ids),
)


@settings(max_examples=40)
@given(writes=st.lists(writes, max_size=3), data=st.data())
def test_both_sides_answer_the_same(both: Both, writes: list[str], data: st.DataObject):
    for statement in writes:
        both.write(statement)
    order = {"customer_id": data.draw(st.integers(1, 20_002)), "items": data.draw(items)}
    both.ask(lambda orders: orders.create(NewOrder.model_validate(order)))
    given_filters = {"status": data.draw(statuses), "customer_id": data.draw(customers), "limit": data.draw(limits)}
    page, before, order_id = data.draw(st.integers(1, 12)), data.draw(st.none() | ids), data.draw(ids)
    both.ask(lambda orders: orders.list_page(page=page, **given_filters))
    both.ask(lambda orders: orders.list_before(before=before, **given_filters))
    both.ask(lambda orders: orders.detail(order_id))
    reference = data.draw(st.sampled_from(["ORD-{:08d}", "ORD-{}", "ORD-{:09d}", "ORD-", "{}"])).format(order_id)
    both.ask(lambda orders: orders.find_by_reference(reference))
    prefix = data.draw(st.sampled_from(["b", "bo", "bob", "bö", "bob b", "ada ", "ada a", "%", "_b", "zz", "\\"]))
    both.ask(lambda orders: orders.find_by_customer_name(prefix, limit=given_filters["limit"]))
    days = data.draw(st.integers(1, 90))
    both.ask(lambda orders: orders.daily_revenue(days))
    limit = data.draw(st.sampled_from([1, 5, 20]))
    both.ask(lambda orders: orders.top_products(days, limit=limit))


@settings(max_examples=20)
@given(status=statuses, customer=customers, limit=limits)
def test_pages_by_keyset_are_those_by_number(both: Both, status: OrderStatus | None, customer: int | None, limit: int):
    async def by_number(orders: OrdersRepository) -> list:
        return [await orders.list_page(status=status, customer_id=customer, page=page, limit=limit) for page in range(1, 7)]

    async def by_keyset(orders: OrdersRepository) -> list:
        pages, before = [], None
        for _ in range(6):
            page = await orders.list_before(status=status, customer_id=customer, before=before, limit=limit)
            pages.append(page)
            before = page[-1].id if page else 1
        return pages

    assert both.answer(both.optimised, by_keyset) == both.answer(both.plain, by_number)

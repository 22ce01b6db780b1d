"""What users ask of orders, drawn: as calls of a repository, and as requests. `benchmarks/database.py` asks them on two sides."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from loadtests.journeys import sample
from services.orders.repository import OrdersRepository
from services.orders.schemas import NewOrder, OrderStatus

Call = Callable[[OrdersRepository], Awaitable[Any]]
Draw = Callable[[random.Random, int], tuple[Call, Call]]
"""From a source and the number of orders: the question as the plain side is asked, and as the optimised one is."""


def same(call: Call) -> tuple[Call, Call]:
    """Asked alike on both sides."""
    return call, call


def newest(_source: random.Random, _orders: int) -> tuple[Call, Call]:
    """The first page of all orders."""
    return (
        lambda to: to.list_page(status=None, customer_id=None, page=1, limit=10),
        lambda to: to.list_before(status=None, customer_id=None, before=None, limit=10),
    )


def any_page(source: random.Random, orders: int) -> tuple[Call, Call]:
    """Any page of all orders: by its number (v1), by keyset (v2)."""
    page = source.randrange(orders // 10) + 1
    return (
        lambda to: to.list_page(status=None, customer_id=None, page=page, limit=10),
        lambda to: to.list_before(status=None, customer_id=None, before=orders - 10 * (page - 1) + 1, limit=10),
    )


def of_customer(source: random.Random, _orders: int) -> tuple[Call, Call]:
    """The first page of a customer's orders."""
    customer = source.randrange(sample.CUSTOMERS) + 1
    return same(lambda to: to.list_page(status=None, customer_id=customer, page=1, limit=10))


def of_status(status: OrderStatus) -> Draw:
    """The first page of orders that stand so."""
    return lambda _source, _orders: same(lambda to: to.list_page(status=status, customer_id=None, page=1, limit=10))


def by_reference(source: random.Random, orders: int) -> tuple[Call, Call]:
    """One order by its reference."""
    reference = f"ORD-{source.randrange(orders) + 1:08d}"
    return same(lambda to: to.find_by_reference(reference))


def by_name(source: random.Random, _orders: int) -> tuple[Call, Call]:
    """Orders by the beginning of a customer's name."""
    name = sample.customer_name(source)
    return same(lambda to: to.find_by_customer_name(name, limit=10))


def revenue(source: random.Random, _orders: int) -> tuple[Call, Call]:
    """Revenue by day of a week, two, or a month."""
    days = source.choice((7, 14, 30))
    return same(lambda to: to.daily_revenue(days))


def detail(source: random.Random, orders: int) -> tuple[Call, Call]:
    """One order with its items."""
    order_id = source.randrange(orders) + 1
    return same(lambda to: to.detail(order_id))


def create(source: random.Random, _orders: int) -> tuple[Call, Call]:
    """An order is placed."""
    order = NewOrder.model_validate(sample.basket(source, source.randrange(sample.CUSTOMERS) + 1))
    return same(lambda to: to.create(order))


QUESTIONS: Mapping[str, Draw] = {
    "newest orders": newest,
    "any page": any_page,
    "of a customer": of_customer,
    "to be shipped": of_status(OrderStatus.paid),
    "delivered": of_status(OrderStatus.delivered),
    "by reference": by_reference,
    "by name": by_name,
    "revenue": revenue,
    "detail": detail,
    "create": create,
}
"""`create` comes last: what it adds is the same on both sides, but for the moment."""
JOURNEYS = {
    "newest orders": 2.25, "of a customer": 1.0, "detail": 4.08, "by name": 1.0, "create": 0.67, "revenue": 1.25, "to be shipped": 0.5,
}  # fmt: skip
"""How often users asked what before they signed in, with which the published figures were measured; an overview asks twice.

Today's customers ask for their own orders alone (loadtests/journeys): 'newest orders' and 'by name' are staff's.
"""


def draw_name(source: random.Random) -> str:
    """One of JOURNEYS."""
    return source.choices(list(JOURNEYS), weights=list(JOURNEYS.values()))[0]


def path_of(name: str, source: random.Random, orders: int) -> tuple[str, dict[str, object] | None]:
    """The request of a user; to v1, which both sides have."""
    api = "/api/v1/orders"
    if name == "create":
        return api, sample.basket(source, source.randrange(sample.CUSTOMERS) + 1)
    queries = {
        "newest orders": "",
        "of a customer": f"?customer_id={source.randrange(sample.CUSTOMERS) + 1}",
        "detail": f"/{source.randrange(orders) + 1}",
        "by name": f"/search?q={sample.customer_name(source).replace(' ', '%20')}",
        "revenue": f"/revenue/daily?days={source.choice((7, 14, 30))}",
        "to be shipped": "?status=paid",
    }
    return api + queries[name], None

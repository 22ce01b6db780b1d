"""Orders as they are written first: the tables with their keys (migration 0001), and plain queries.

The same interface and the same answers as `services.orders.repository` (tests/unit/services/orders/test_same_answers.py): what
`benchmarks/database.py` compares with. `python -m benchmarks.plain_orders`: one replica of the service on top of it.
"""

from __future__ import annotations

import os
from typing import LiteralString

from psycopg.rows import class_row

from services.common.server import serve
from services.orders.app import create_app
from services.orders.idempotency import Once
from services.orders.repository import LINES_FROM, PLACED, PLACING, OrdersRepository, parameters_of, where_clause
from services.orders.schemas import DayRevenue, NewOrder, OrderLine, OrderStatus, PlacedOrder, ProductSales
from services.orders.settings import Settings

FIRST_MIGRATION = "0001"

FIND_BY_REFERENCE: LiteralString = LINES_FROM + "WHERE o.reference = %(reference)s"

# Ten customers, two orders of each: as the API says it, in the order in which one would say it.
FIND_BY_CUSTOMER_NAME: LiteralString = """
    WITH found AS (
        SELECT id, name FROM orders.customers
        WHERE left(lower(name), length(%(prefix)s)) = %(prefix)s
        ORDER BY lower(name) COLLATE "C", id LIMIT 10
    ), numbered AS (
        SELECT o.*, found.name AS customer_name, row_number() OVER (PARTITION BY o.customer_id ORDER BY o.id DESC) AS number
        FROM orders.orders o JOIN found ON found.id = o.customer_id
    )
    SELECT id, reference, customer_id, customer_name, status, pieces, total_cents, created_at
    FROM numbered WHERE number <= 2 ORDER BY id DESC LIMIT %(limit)s
"""

DAILY_REVENUE: LiteralString = """
    SELECT (created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS orders, sum(total_cents)::bigint AS revenue_cents
    FROM orders.orders
    WHERE created_at >= (date_trunc('day', now() AT TIME ZONE 'UTC') - make_interval(days => %(days)s - 1)) AT TIME ZONE 'UTC'
      AND status <> 'cancelled'
    GROUP BY 1 ORDER BY 1
"""

TOP_PRODUCTS: LiteralString = """
    SELECT i.product_id, p.name, sum(i.quantity)::bigint AS pieces, sum(i.quantity::bigint * i.unit_price_cents)::bigint AS revenue_cents
    FROM orders.items i JOIN orders.orders o ON o.id = i.order_id JOIN orders.products p ON p.id = i.product_id
    WHERE o.created_at >= (date_trunc('day', now() AT TIME ZONE 'UTC') - make_interval(days => %(days)s - 1)) AT TIME ZONE 'UTC'
      AND o.status <> 'cancelled'
    GROUP BY i.product_id, p.name ORDER BY revenue_cents DESC, i.product_id LIMIT %(limit)s
"""


CREATE: LiteralString = PLACING + PLACED
"""Without its event, which has no table yet."""


class PlainOrdersRepository(OrdersRepository):
    """What is not overridden is plain already: by its primary key, or a statement that only writes."""

    async def list_page(self, *, status: OrderStatus | None, customer_id: int | None, page: int, limit: int) -> list[OrderLine]:
        """With OFFSET."""
        where = where_clause(by_status=status is not None, by_customer=customer_id is not None, is_later_page=False)
        query = LINES_FROM + where + " ORDER BY o.id DESC LIMIT %(limit)s OFFSET %(skipped)s"
        parameters = {"status": status, "customer_id": customer_id, "limit": limit, "skipped": (page - 1) * limit}
        return await self._database.fetch_all(query, parameters, class_row(OrderLine))

    async def find_by_reference(self, reference: str) -> list[OrderLine]:
        """By the column."""
        return await self._database.fetch_all(FIND_BY_REFERENCE, {"reference": reference}, class_row(OrderLine))

    async def find_by_customer_name(self, prefix: str, *, limit: int) -> list[OrderLine]:
        """By comparing every name."""
        parameters = {"prefix": prefix, "limit": limit}
        return await self._database.fetch_all(FIND_BY_CUSTOMER_NAME, parameters, class_row(OrderLine))

    async def create(self, order: NewOrder, once: Once | None = None) -> PlacedOrder | None:
        """Tells nobody. Keys are not known yet."""
        assert once is None, "nobody sends a key here"
        return await self._database.fetch_one(CREATE, parameters_of(order), class_row(PlacedOrder))

    async def daily_revenue(self, days: int) -> list[DayRevenue]:
        """By summing up."""
        return await self._database.fetch_all(DAILY_REVENUE, {"days": days}, class_row(DayRevenue))

    async def top_products(self, days: int, *, limit: int) -> list[ProductSales]:
        """By summing up."""
        return await self._database.fetch_all(TOP_PRODUCTS, {"days": days, "limit": limit}, class_row(ProductSales))


if __name__ == "__main__":
    settings = Settings.from_environment(os.environ, service="orders")
    serve(create_app(settings, repository=PlainOrdersRepository), settings)

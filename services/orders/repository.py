"""All SQL of orders."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import LiteralString

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row, dict_row

from services.common.database import Database
from services.common.events.outbox import written
from services.orders.idempotency import KeyReusedError, Once
from services.orders.schemas import DayRevenue, Item, NewOrder, OrderDetail, OrderLine, OrderStatus, PlacedOrder, ProductSales

LINE: LiteralString = """
    SELECT o.id, o.reference, o.customer_id, c.name AS customer_name, o.status, o.pieces, o.total_cents, o.created_at
"""

LINES_FROM: LiteralString = LINE + "FROM orders.orders o JOIN orders.customers c ON c.id = o.customer_id "

# A reference says its order's id: no index of its own.
REFERENCE = re.compile(r"ORD-([0-9]{8})")
FIND_BY_REFERENCE: LiteralString = LINES_FROM + "WHERE o.id = %(order_id)s AND o.reference = %(reference)s"

# The ten first customers of that name, and the newest of each one's orders. `~>=~` and `~<~` compare bytes, as the index does:
# with LIKE a prepared statement could not use it.
FIND_BY_CUSTOMER_NAME: LiteralString = (
    LINE  # noqa: S608  both parts are literals, as their type says
    + """
    FROM (
        SELECT id, name FROM orders.customers
        WHERE lower(name) ~>=~ %(first)s AND lower(name) ~<~ %(beyond)s
        ORDER BY lower(name) USING ~<~, id LIMIT 10
    ) c
    CROSS JOIN LATERAL (
        SELECT * FROM orders.orders WHERE customer_id = c.id ORDER BY id DESC LIMIT 2
    ) o
    ORDER BY o.id DESC LIMIT %(limit)s
"""
)

# Whoever may see only their own orders finds these by their own name.
FIND_OWN_BY_NAME: LiteralString = (
    LINES_FROM
    + """
    WHERE o.customer_id = %(customer_id)s AND lower(c.name) ~>=~ %(first)s AND lower(c.name) ~<~ %(beyond)s
    ORDER BY o.id DESC LIMIT %(limit)s
"""
)

DETAIL: LiteralString = """
    SELECT o.id, o.reference, o.customer_id, c.name AS customer_name, c.city AS customer_city, o.status, o.pieces, o.total_cents,
           o.created_at, i.line, i.product_id, i.product_name, i.quantity, i.unit_price_cents
    FROM orders.orders o
    JOIN orders.customers c ON c.id = o.customer_id
    JOIN orders.items i ON i.order_id = o.id
    WHERE o.id = %(order_id)s
    ORDER BY i.line
"""

# Summed up by triggers, whenever an order is written (migration 0003).
DAILY_REVENUE: LiteralString = """
    SELECT day, sum(orders)::bigint AS orders, sum(revenue_cents)::bigint AS revenue_cents
    FROM orders.daily_revenue
    WHERE day > (now() AT TIME ZONE 'UTC')::date - %(days)s::int
    GROUP BY day HAVING sum(orders) > 0 ORDER BY day
"""

# Summed up by triggers, whenever an item or its order is written (migration 0006). Names are looked up for those that are shown alone.
TOP_PRODUCTS: LiteralString = """
    SELECT top.product_id, p.name, top.pieces, top.revenue_cents
    FROM (
        SELECT product_id, sum(pieces)::bigint AS pieces, sum(revenue_cents)::bigint AS revenue_cents
        FROM orders.daily_product_sales
        WHERE day > (now() AT TIME ZONE 'UTC')::date - %(days)s::int
        GROUP BY product_id HAVING sum(pieces) > 0 ORDER BY 3 DESC, 1 LIMIT %(limit)s
    ) top
    JOIN orders.products p ON p.id = top.product_id
    ORDER BY top.revenue_cents DESC, top.product_id
"""

# One statement, so that an order is there with all its items or not at all. No row comes back where a part is unknown.
PLACING: LiteralString = """
    WITH wanted AS (
        SELECT product_id, quantity, line::int
        FROM unnest(%(product_ids)s::int[], %(quantities)s::int[]) WITH ORDINALITY AS w (product_id, quantity, line)
    ), priced AS (
        SELECT w.line, w.product_id, w.quantity, p.name, p.price_cents FROM wanted w JOIN orders.products p ON p.id = w.product_id
    ), placed AS (
        INSERT INTO orders.orders (customer_id, status, pieces, total_cents, created_at)
        SELECT c.id, 'placed', sum(priced.quantity), sum(priced.quantity * priced.price_cents), now()
        FROM priced JOIN orders.customers c ON c.id = %(customer_id)s
        GROUP BY c.id
        HAVING count(*) = cardinality(%(product_ids)s::int[])
        RETURNING id, reference, status, pieces, total_cents, created_at
    ), written AS (
        INSERT INTO orders.items (order_id, line, product_id, product_name, quantity, unit_price_cents)
        SELECT placed.id, priced.line, priced.product_id, priced.name, priced.quantity, priced.price_cents FROM placed CROSS JOIN priced
    )
"""
_EVENT: LiteralString = (
    ", event AS ("
    + written(
        "orders",
        "order_created",
        "jsonb_build_object('order_id', id, 'customer_id', %(customer_id)s::int, 'total_cents', total_cents)",
        source="placed",
    )
    + ")"
)
# The table's key makes one of two requests with the same key fail, whole, and the other one's answer is there when it does. Who comes
# along clears away what is too old, a little more than is added.
_KEPT: LiteralString = """
    , kept AS (
        INSERT INTO orders.idempotency_keys (scope, key, fingerprint, answer, created_at)
        SELECT %(scope)s, %(key)s, %(fingerprint)s, to_jsonb(placed), now() FROM placed
    ), cleared AS (
        DELETE FROM orders.idempotency_keys WHERE (scope, key) IN (
            SELECT scope, key FROM orders.idempotency_keys WHERE created_at < now() - interval '1 day'
            ORDER BY created_at LIMIT 3 FOR UPDATE SKIP LOCKED
        )
    )
"""
PLACED: LiteralString = " SELECT * FROM placed"
CREATE: LiteralString = PLACING + _EVENT + PLACED
CREATE_ONCE: LiteralString = PLACING + _EVENT + _KEPT + PLACED
ANSWERED: LiteralString = "SELECT fingerprint, answer FROM orders.idempotency_keys WHERE scope = %(scope)s AND key = %(key)s"


@lru_cache(maxsize=256)
def list_query(*, by_status: bool, by_customer: bool, is_later_page: bool, limit: int) -> LiteralString:
    """The statement of one kind of list, by keyset.

    The limit is written out: with a parameter the prepared plan, which must fit any limit, would not be used, and every request
    would plan anew.
    """
    where = where_clause(by_status=by_status, by_customer=by_customer, is_later_page=is_later_page)
    if by_status and not by_customer:
        # Nine in ten orders are delivered, yet none of the newest: PostgreSQL, which expects them anywhere, would look for them from
        # the newest order on. Read alone, the index of statuses is cheaper even then.
        return looked_up_late(where, limit, "")
    return LINES_FROM + where + " ORDER BY o.id DESC LIMIT " + digits_of(limit)


@lru_cache(maxsize=256)
def page_query(*, by_status: bool, by_customer: bool, limit: int) -> LiteralString:
    """The statement of one kind of numbered page: what comes before it is skipped in an index."""
    where = where_clause(by_status=by_status, by_customer=by_customer, is_later_page=False)
    return looked_up_late(where, limit, " OFFSET %(skipped)s")


def looked_up_late(where: LiteralString, limit: int, offset: LiteralString) -> LiteralString:
    """A page whose ids are found in an index alone; only its own lines are looked up in the table."""
    page = (
        "(SELECT o.id FROM orders.orders o "  # noqa: S608  literals and digits
        + where
        + " ORDER BY o.id DESC LIMIT "
        + digits_of(limit)
        + offset
        + ") "
    )
    return LINES_FROM + "JOIN " + page + "page ON page.id = o.id ORDER BY o.id DESC"


def where_clause(*, by_status: bool, by_customer: bool, is_later_page: bool) -> LiteralString:
    """A condition is left out rather than written as `(x IS NULL OR …)`: each combination is planned with its own index."""
    conditions: list[LiteralString] = []
    if by_status:
        conditions.append("o.status = %(status)s")
    if by_customer:
        conditions.append("o.customer_id = %(customer_id)s")
    if is_later_page:
        conditions.append("o.id < %(before)s")
    return "WHERE " + " AND ".join(conditions) if conditions else ""


def digits_of(number: int) -> LiteralString:
    """A whole number has no quote that could end a literal."""
    digits: LiteralString = str(number)
    return digits


def parameters_of(order: NewOrder) -> dict[str, object]:
    """What PLACING asks for."""
    return {
        "customer_id": order.customer_id,
        "product_ids": [item.product_id for item in order.items],
        "quantities": [item.quantity for item in order.items],
    }


class OrdersRepository:
    """Orders in PostgreSQL, schema `orders`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_page(self, *, status: OrderStatus | None, customer_id: int | None, page: int, limit: int) -> list[OrderLine]:
        """At most `limit` orders after `page - 1` times as many newer ones, newest first."""
        if page == 1:
            return await self.list_before(status=status, customer_id=customer_id, before=None, limit=limit)
        query = page_query(by_status=status is not None, by_customer=customer_id is not None, limit=limit)
        parameters = {"status": status, "customer_id": customer_id, "skipped": (page - 1) * limit}
        return await self._database.fetch_all(query, parameters, class_row(OrderLine))

    async def list_before(
        self, *, status: OrderStatus | None, customer_id: int | None, before: int | None, limit: int
    ) -> list[OrderLine]:
        """At most `limit` orders older than `before`, newest first."""
        query = list_query(
            by_status=status is not None, by_customer=customer_id is not None, is_later_page=before is not None, limit=limit
        )
        parameters = {"status": status, "customer_id": customer_id, "before": before}
        return await self._database.fetch_all(query, parameters, class_row(OrderLine))

    async def find_by_reference(self, reference: str) -> list[OrderLine]:
        """One order or none."""
        match = REFERENCE.fullmatch(reference)
        if match is None:
            return []
        parameters = {"order_id": int(match[1]), "reference": reference}
        return await self._database.fetch_all(FIND_BY_REFERENCE, parameters, class_row(OrderLine))

    async def find_by_customer_name(self, prefix: str, *, limit: int) -> list[OrderLine]:
        """The newest orders of customers whose lower-case name begins so."""
        parameters = {"first": prefix, "beyond": prefix + "\U0010ffff", "limit": limit}
        return await self._database.fetch_all(FIND_BY_CUSTOMER_NAME, parameters, class_row(OrderLine))

    async def find_own_by_name(self, customer_id: int, prefix: str, *, limit: int) -> list[OrderLine]:
        """The newest orders of that customer, whose lower-case name must begin so."""
        parameters = {"customer_id": customer_id, "first": prefix, "beyond": prefix + "\U0010ffff", "limit": limit}
        return await self._database.fetch_all(FIND_OWN_BY_NAME, parameters, class_row(OrderLine))

    async def detail(self, order_id: int) -> OrderDetail | None:
        """One order with its items, without other orders."""
        rows = await self._database.fetch_all(DETAIL, {"order_id": order_id}, dict_row)
        if not rows:
            return None
        items = [Item.model_validate(row) for row in rows]
        return OrderDetail.model_validate({**rows[0], "items": items})

    async def daily_revenue(self, days: int) -> list[DayRevenue]:
        """The last `days` days in UTC, today included."""
        return await self._database.fetch_all(DAILY_REVENUE, {"days": days}, class_row(DayRevenue))

    async def top_products(self, days: int, *, limit: int) -> list[ProductSales]:
        """At most `limit` products that were sold in the last `days` days in UTC, today included; most revenue first."""
        return await self._database.fetch_all(TOP_PRODUCTS, {"days": days, "limit": limit}, class_row(ProductSales))

    async def create(self, order: NewOrder, once: Once | None = None) -> PlacedOrder | None:
        """Place the order at the products' prices; None where its customer or one of its products does not exist.

        With `once`, a request that came before is answered as it was then. Raises KeyReusedError where that was another request.
        """
        parameters = parameters_of(order)
        if once is None:
            return await self._database.fetch_one(CREATE, parameters, class_row(PlacedOrder))
        parameters |= vars(once)
        try:
            return await self._database.fetch_one(CREATE_ONCE, parameters, class_row(PlacedOrder))
        except UniqueViolation:
            answered = await self._database.fetch_one(ANSWERED, parameters, dict_row)
        if answered is None:  # it was a day old, and has been cleared away meanwhile
            return await self._database.fetch_one(CREATE_ONCE, parameters, class_row(PlacedOrder))
        if bytes(answered["fingerprint"]) != once.fingerprint:
            raise KeyReusedError
        return PlacedOrder.model_validate(answered["answer"])

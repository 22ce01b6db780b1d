"""What the orders service decides: what may be cached and for how long, and what an order needs in order to be placed."""

from __future__ import annotations

from services.common.cache import Cache
from services.orders.repository import OrdersRepository
from services.orders.schemas import DailyRevenue, NewOrder, OrderDetail, OrderPage, OrderStatus, PlacedOrder

REVENUE_LIVES_SECONDS = 10.0


class UnknownPartError(Exception):
    """An order names a customer or a product that does not exist."""


class OrdersService:
    """The use cases of orders."""

    def __init__(self, repository: OrdersRepository, cache: Cache) -> None:
        self._repository = repository
        self._cache = cache

    async def list_orders(
        self, *, status: OrderStatus | None, customer_id: int | None, before: int | None, limit: int
    ) -> OrderPage:
        """One page, newest first."""
        orders = await self._repository.list_orders(status=status, customer_id=customer_id, before=before, limit=limit)
        return OrderPage(orders=orders, next_before=orders[-1].id if len(orders) == limit else None)

    async def search(self, text: str, *, limit: int) -> OrderPage:
        """By reference where the text looks like one, else by the beginning of the customer's name."""
        wanted = text.strip()
        if wanted.upper().startswith("ORD-"):
            found = await self._repository.find_by_reference(wanted.upper())
        else:
            found = await self._repository.find_by_customer_name(wanted.lower(), limit=limit)
        return OrderPage(orders=found, next_before=None)

    async def daily_revenue(self, days: int) -> bytes:
        """JSON of DailyRevenue: tens of thousands of rows summed up, hence kept for a while."""
        key = f"orders:revenue:{days}"
        body = await self._cache.get("revenue", key)
        if body is None:
            by_day = await self._repository.daily_revenue(days)
            revenue = DailyRevenue(days=by_day, total_cents=sum(day.revenue_cents for day in by_day))
            body = revenue.model_dump_json().encode()
            await self._cache.put(key, body, live_seconds=REVENUE_LIVES_SECONDS)
        return body

    async def detail(self, order_id: int) -> OrderDetail | None:
        """None where there is no such order. Not cached: PostgreSQL answers for less than asking and filling a cache costs."""
        return await self._repository.detail(order_id)

    async def create(self, order: NewOrder) -> PlacedOrder:
        """Place it at today's prices. Raises UnknownPartError."""
        placed = await self._repository.create(order)
        if placed is None:
            raise UnknownPartError("customer_id or a product_id does not exist")
        return placed

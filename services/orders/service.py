"""What the orders service decides: what may be cached and for how long, and what an order needs in order to be placed."""

from __future__ import annotations

from services.common.cache.cacheable import Cacheable
from services.common.cache.tiered import Loader, TieredCache
from services.common.errors.raised import ServiceError
from services.orders.caching import DETAIL, EVERYONE, LIST, REVENUE, SEARCH, of_order, tags_changed_by_order, tags_of_list
from services.orders.repository import OrdersRepository
from services.orders.schemas import (
    MOST_PAGES,
    DailyRevenue,
    FoundOrders,
    NewOrder,
    NumberedPage,
    OrderPage,
    OrderStatus,
    PlacedOrder,
)


class OrdersService:
    """The use cases of orders. Answers to questions are JSON already, whether they come from the cache or not."""

    def __init__(self, repository: OrdersRepository, cache: TieredCache, *, cached: frozenset[str]) -> None:
        self._repository = repository
        self._cache = cache
        self._cached = cached

    async def list_page(self, *, status: OrderStatus | None, customer_id: int | None, page: int, limit: int) -> bytes:
        """JSON of NumberedPage: one page by its number, newest first."""

        async def load() -> bytes:
            orders = await self._repository.list_page(status=status, customer_id=customer_id, page=page, limit=limit)
            goes_on = len(orders) == limit and page < MOST_PAGES
            return NumberedPage(orders=orders, next_page=page + 1 if goes_on else None).model_dump_json().encode()

        tags = tags_of_list(status=status, customer_id=customer_id)
        return await self._answer(LIST, f"page {page}|{status}|{customer_id}|{limit}", load, tags=tags) or b""

    async def list_before(
        self, *, status: OrderStatus | None, customer_id: int | None, before: int | None, limit: int
    ) -> bytes:
        """JSON of OrderPage: the orders that are older than `before`, newest first."""

        async def load() -> bytes:
            orders = await self._repository.list_before(status=status, customer_id=customer_id, before=before, limit=limit)
            page = OrderPage(orders=orders, next_before=orders[-1].id if len(orders) == limit else None)
            return page.model_dump_json().encode()

        tags = tags_of_list(status=status, customer_id=customer_id, before=before)
        return await self._answer(LIST, f"before {before}|{status}|{customer_id}|{limit}", load, tags=tags) or b""

    async def search(self, text: str, *, limit: int) -> bytes:
        """JSON of FoundOrders: by reference where the text looks like one, else by the beginning of the customer's name."""
        wanted = text.strip()
        is_reference = wanted.upper().startswith("ORD-")
        wanted = wanted.upper() if is_reference else wanted.lower()

        async def load() -> bytes:
            if is_reference:
                found = await self._repository.find_by_reference(wanted)
            else:
                found = await self._repository.find_by_customer_name(wanted, limit=limit)
            return FoundOrders(orders=found).model_dump_json().encode()

        return await self._answer(SEARCH, f"{limit}|{wanted}", load) or b""

    async def daily_revenue(self, days: int) -> bytes:
        """JSON of DailyRevenue."""

        async def load() -> bytes:
            by_day = await self._repository.daily_revenue(days)
            revenue = DailyRevenue(days=by_day, total_cents=sum(day.revenue_cents for day in by_day))
            return revenue.model_dump_json().encode()

        return await self._answer(REVENUE, str(days), load) or b""

    async def detail(self, order_id: int) -> bytes:
        """JSON of OrderDetail. Raises ServiceError where there is no such order."""

        async def load() -> bytes | None:
            order = await self._repository.detail(order_id)
            return None if order is None else order.model_dump_json().encode()

        body = await self._answer(DETAIL, str(order_id), load, tags=(of_order(order_id),))
        if body is None:
            raise ServiceError("order_unknown")
        return body

    async def create(self, order: NewOrder) -> PlacedOrder:
        """Place it at today's prices. Raises ServiceError where its customer or a product does not exist."""
        placed = await self._repository.create(order)
        if placed is None:
            raise ServiceError("order_part_unknown")
        if not self._cached.isdisjoint((LIST.name, DETAIL.name)):
            await self._cache.invalidate(tags=tags_changed_by_order(order_id=placed.id, customer_id=order.customer_id))
        return placed

    async def _answer(self, what: Cacheable, key: str, load: Loader, *, tags: tuple[str, ...] = ()) -> bytes | None:
        if what.name not in self._cached:
            return await load()
        return await self._cache.get_or_load(what, key, load, scope=EVERYONE, tags=tags)

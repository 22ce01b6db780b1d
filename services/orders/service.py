"""What the orders service decides: what may be cached and for how long, and what an order needs in order to be placed."""

from __future__ import annotations

from services.common.cache.cacheable import Cacheable
from services.common.cache.tiered import Loader, TieredCache
from services.common.errors.raised import ServiceError
from services.common.tokens.authorisation import Reach
from services.common.tokens.caller import Access
from services.orders.caching import DETAIL, LIST, REVENUE, SEARCH, of_order, tags_changed_by_order, tags_of_list
from services.orders.idempotency import KeyReusedError, Once
from services.orders.repository import OrdersRepository
from services.orders.schemas import (
    MOST_PAGES,
    BestSellingProducts,
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

    async def list_page(
        self, caller: Access, *, status: OrderStatus | None, customer_id: int | None, page: int, limit: int
    ) -> bytes:
        """JSON of NumberedPage: one page by its number, newest first. Raises ServiceError where others' orders are asked for."""
        customer_id = within_reach(caller, customer_id)

        async def load() -> bytes:
            orders = await self._repository.list_page(status=status, customer_id=customer_id, page=page, limit=limit)
            goes_on = len(orders) == limit and page < MOST_PAGES
            return NumberedPage(orders=orders, next_page=page + 1 if goes_on else None).model_dump_json().encode()

        tags = tags_of_list(status=status, customer_id=customer_id)
        key = f"page {page}|{status}|{customer_id}|{limit}"
        return await self._answer(LIST, key, load, scope=caller.scope, tags=tags) or b""

    async def list_before(
        self, caller: Access, *, status: OrderStatus | None, customer_id: int | None, before: int | None, limit: int
    ) -> bytes:
        """JSON of OrderPage: the orders that are older than `before`, newest first. Raises ServiceError as `list_page`."""
        customer_id = within_reach(caller, customer_id)

        async def load() -> bytes:
            orders = await self._repository.list_before(status=status, customer_id=customer_id, before=before, limit=limit)
            page = OrderPage(orders=orders, next_before=orders[-1].id if len(orders) == limit else None)
            return page.model_dump_json().encode()

        tags = tags_of_list(status=status, customer_id=customer_id, before=before)
        key = f"before {before}|{status}|{customer_id}|{limit}"
        return await self._answer(LIST, key, load, scope=caller.scope, tags=tags) or b""

    async def search(self, caller: Access, text: str, *, limit: int) -> bytes:
        """JSON of FoundOrders: by reference where the text looks like one, else by the beginning of the customer's name.

        What is out of the caller's reach is not found: that it exists is nobody else's business.
        """
        own = within_reach(caller, None)
        wanted = text.strip()
        is_reference = wanted.upper().startswith("ORD-")
        wanted = wanted.upper() if is_reference else wanted.lower()

        async def load() -> bytes:
            if is_reference:
                found = [each for each in await self._repository.find_by_reference(wanted) if caller.reaches(each.customer_id)]
            elif own is not None:
                found = await self._repository.find_own_by_name(own, wanted, limit=limit)
            else:
                found = await self._repository.find_by_customer_name(wanted, limit=limit)
            return FoundOrders(orders=found).model_dump_json().encode()

        return await self._answer(SEARCH, f"{limit}|{wanted}", load, scope=caller.scope) or b""

    async def daily_revenue(self, caller: Access, days: int) -> bytes:
        """JSON of DailyRevenue."""

        async def load() -> bytes:
            by_day = await self._repository.daily_revenue(days)
            revenue = DailyRevenue(days=by_day, total_cents=sum(day.revenue_cents for day in by_day))
            return revenue.model_dump_json().encode()

        return await self._answer(REVENUE, str(days), load, scope=caller.scope) or b""

    async def top_products(self, days: int, *, limit: int) -> BestSellingProducts:
        """What sold best. Not cached: it is asked for rarely, and read out of what is summed up already."""
        return BestSellingProducts(products=await self._repository.top_products(days, limit=limit))

    async def detail(self, caller: Access, order_id: int) -> bytes:
        """JSON of OrderDetail. Raises ServiceError where there is no such order, or where it is out of reach."""

        async def load() -> bytes | None:
            order = await self._repository.detail(order_id)
            if order is None:
                return None
            caller.must_own(order.customer_id)
            return order.model_dump_json().encode()

        body = await self._answer(DETAIL, str(order_id), load, scope=caller.scope, tags=(of_order(order_id),))
        if body is None:
            raise ServiceError("order_unknown")
        return body

    async def create(self, caller: Access, order: NewOrder, *, key: str | None = None) -> PlacedOrder:
        """Place it at today's prices; with a key, at most once.

        Raises ServiceError where its customer or a product does not exist, is out of reach, or the key belongs to another order.
        """
        caller.must_own(order.customer_id)
        try:
            placed = await self._repository.create(order, Once.of(key, order, scope=caller.principal.user_id))
        except KeyReusedError:
            raise ServiceError("idempotency_key_reused") from None
        if placed is None:
            raise ServiceError("order_part_unknown")
        if not self._cached.isdisjoint((LIST.name, DETAIL.name)):
            await self._cache.invalidate(tags=tags_changed_by_order(order_id=placed.id, customer_id=order.customer_id))
        return placed

    async def _answer(self, what: Cacheable, key: str, load: Loader, *, scope: str, tags: tuple[str, ...] = ()) -> bytes | None:
        if what.name not in self._cached:
            return await load()
        return await self._cache.get_or_load(what, key, load, scope=scope, tags=tags)


def within_reach(caller: Access, customer_id: int | None) -> int | None:
    """Whose orders are looked at: those that were asked for, of who reaches only the own ones always these.

    A customer is the user with the same id. Raises ServiceError `forbidden` where another customer's are asked for.
    """
    if caller.reach is Reach.any:
        return customer_id
    if customer_id is not None:
        caller.must_own(customer_id)
    if not caller.principal.user_id.isdecimal():
        raise ServiceError("forbidden")
    return int(caller.principal.user_id)

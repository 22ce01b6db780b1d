"""What of orders may be cached, and what an order that is placed changes of it. Which of it is cached is a setting."""

from __future__ import annotations

from pydantic import RootModel

from services.common.cache.cacheable import Cacheable
from services.orders.schemas import DailyRevenue, FoundOrders, NumberedPage, OrderDetail, OrderPage, OrderStatus


class AnyPage(RootModel[NumberedPage | OrderPage]):
    """A page of either version of the API; their keys differ."""


REVENUE = Cacheable(name="revenue", schema=DailyRevenue, fresh_seconds=8, stale_seconds=2)
"""Up to ten seconds old, as the API says. Orders do not invalidate it: at twenty a second nothing would be left to be found."""
LIST = Cacheable(name="list", schema=AnyPage, fresh_seconds=30)
DETAIL = Cacheable(name="detail", schema=OrderDetail, fresh_seconds=300, negative_seconds=5)
SEARCH = Cacheable(name="search", schema=FoundOrders, fresh_seconds=0.8)
"""An order does not know which searches find it, so its end is its life: below the second that an answer may be old."""

NEWEST = "newest"


def tags_of_list(*, status: OrderStatus | None, customer_id: int | None, before: int | None = None) -> tuple[str, ...]:
    """What changes a list. A later page by keyset, of all orders or of those with a status, does not change by an order that is newer."""
    if customer_id is not None:
        return (of_customer(customer_id),)
    if before is not None:
        return ()
    return (of_status(status),) if status is not None else (NEWEST,)


def tags_changed_by_order(*, order_id: int, customer_id: int) -> tuple[str, ...]:
    """What a placed order changes: lists that it is in now, and that there was no such order."""
    return (NEWEST, of_status(OrderStatus.placed), of_customer(customer_id), of_order(order_id))


def of_order(order_id: int) -> str:
    """The tag of one order."""
    return f"order-{order_id}"


def of_customer(customer_id: int) -> str:
    """The tag of a customer's lists."""
    return f"customer-{customer_id}"


def of_status(status: OrderStatus) -> str:
    """The tag of the list of orders that stand so."""
    return f"status-{status.value}"

"""What the orders service takes and gives. Money is in cents; times are UTC."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from services.common.given import WITHOUT_NUL, Given, Id, IdInUrl, InBody, InUrl, Shown

MOST_ITEMS = 20
MOST_PIECES = 100
MOST_DAYS = 90
MOST_PRODUCTS = 20
MOST_PAGES = 1000
"""Of pages by number, each of which costs reading over all those before it. Pages by keyset have no end."""

PageSize = Annotated[int, Field(ge=1, le=100), InUrl]


class OrderStatus(StrEnum):
    """Where an order stands."""

    placed = "placed"
    paid = "paid"
    shipped = "shipped"
    delivered = "delivered"
    cancelled = "cancelled"


class Filters(Given):
    """Which orders."""

    status: Annotated[OrderStatus, Field(strict=False)] | None = None
    customer_id: IdInUrl | None = None


class NumberedListQuery(Filters):
    """Which page of them. Orders that are placed meanwhile move on to later pages what was on this one."""

    page: Annotated[int, Field(ge=1, le=MOST_PAGES), InUrl] = 1
    limit: PageSize = 10


class ListQuery(Filters):
    """From where on. What is placed meanwhile does not move anything."""

    before: Annotated[IdInUrl | None, Field(description="Only orders older than this id.")] = None
    limit: PageSize = 10


class SearchQuery(Given):
    """What to look for."""

    q: Annotated[
        str,
        StringConstraints(min_length=2, max_length=64, pattern=WITHOUT_NUL),
        Field(description="A reference, or how a customer's name begins."),
    ]
    limit: PageSize = 10


class RevenueQuery(Given):
    """How far back."""

    days: Annotated[int, Field(ge=1, le=MOST_DAYS), InUrl] = 30


class TopProductsQuery(RevenueQuery):
    """How far back, and how many."""

    limit: Annotated[int, Field(ge=1, le=MOST_PRODUCTS), InUrl] = 5


class OrderLine(Shown):
    """One order in a list."""

    id: int
    reference: str
    customer_id: int
    customer_name: str
    status: OrderStatus
    pieces: int
    total_cents: int
    created_at: datetime


class FoundOrders(Shown):
    """What a search found, newest first."""

    orders: list[OrderLine]


class NumberedPage(Shown):
    """A page of orders, newest first."""

    orders: list[OrderLine]
    next_page: int | None = Field(description="Pass as `page` for the next page; null on the last one.")


class OrderPage(Shown):
    """A page of orders, newest first."""

    orders: list[OrderLine]
    next_before: int | None = Field(description="Pass as `before` for the next page; null on the last one.")


class Item(Shown):
    """One line of an order."""

    line: int
    product_id: int
    product_name: str
    quantity: int
    unit_price_cents: int


class OrderDetail(Shown):
    """One order with its lines."""

    id: int
    reference: str
    customer_id: int
    customer_name: str
    customer_city: str
    status: OrderStatus
    pieces: int
    total_cents: int
    created_at: datetime
    items: list[Item]


class DayRevenue(Shown):
    """What was ordered on one day, cancelled orders left out."""

    day: date
    orders: int
    revenue_cents: int


class DailyRevenue(Shown):
    """Revenue by day, oldest first; days without an order are left out."""

    days: list[DayRevenue]
    total_cents: int


class ProductSales(Shown):
    """What was sold of one product, cancelled orders left out, at the prices of then."""

    product_id: int
    name: str
    pieces: int
    revenue_cents: int


class BestSellingProducts(Shown):
    """What sold best, most revenue first."""

    products: list[ProductSales]


class NewItem(Given):
    """One line of an order to be placed."""

    product_id: Id
    quantity: Annotated[int, Field(gt=0, le=MOST_PIECES), InBody]


class NewOrder(Given):
    """An order to be placed."""

    customer_id: Id
    items: Annotated[list[NewItem], Field(min_length=1, max_length=MOST_ITEMS)]


class PlacedOrder(Shown):
    """The answer to an order just placed."""

    id: int
    reference: str
    status: OrderStatus
    pieces: int
    total_cents: int
    created_at: datetime

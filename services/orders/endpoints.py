"""The HTTP side of orders: what is taken, what is answered, which status. Decides nothing else.

Two versions side by side, which differ in how a list goes on and in nothing else: v1 by numbers of pages, v2 by keyset, after the
last order that was seen. v1 is deprecated; the gateway's answers say since when and until when (`gateway.deprecated` in platform.yaml).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from services.common.errors.openapi import problems
from services.common.given import IdInUrl, Nothing
from services.common.json_response import json_response
from services.common.tokens.authentication import Guard
from services.common.tokens.caller import Access
from services.orders.idempotency import IdempotencyKey
from services.orders.schemas import (
    BestSellingProducts,
    DailyRevenue,
    FoundOrders,
    ListQuery,
    NewOrder,
    NumberedListQuery,
    NumberedPage,
    OrderDetail,
    OrderPage,
    PlacedOrder,
    RevenueQuery,
    SearchQuery,
    TopProductsQuery,
)
from services.orders.service import OrdersService

V1 = "/api/v1/orders"
V2 = "/api/v2/orders"

OrderId = Annotated[IdInUrl, Path()]


def create_routers(service: OrdersService, guard: Guard) -> list[APIRouter]:
    """Both versions."""
    numbered = APIRouter(prefix=V1, tags=["orders v1"], deprecated=True)
    by_keyset = APIRouter(prefix=V2, tags=["orders v2"])

    @numbered.get("", response_model=NumberedPage, openapi_extra=problems(*guard.codes))
    async def list_page(query: Annotated[NumberedListQuery, Query()], caller: Access = guard.caller) -> Response:
        """Orders, newest first, page by page; the caller's own, or everybody's."""
        page = await service.list_page(
            caller, status=query.status, customer_id=query.customer_id, page=query.page, limit=query.limit
        )
        return json_response(page)

    @by_keyset.get("", response_model=OrderPage, openapi_extra=problems(*guard.codes))
    async def list_before(query: Annotated[ListQuery, Query()], caller: Access = guard.caller) -> Response:
        """Orders, newest first; the caller's own, or everybody's. `next_before` of an answer is `before` of the next question."""
        page = await service.list_before(
            caller, status=query.status, customer_id=query.customer_id, before=query.before, limit=query.limit
        )
        return json_response(page)

    for router in (numbered, by_keyset):
        add_what_is_the_same(router, service, guard)
    return [numbered, by_keyset]


def add_what_is_the_same(router: APIRouter, service: OrdersService, guard: Guard) -> None:
    """The other routes. Fixed paths come before `{order_id}`: Starlette takes the first match."""

    @router.get("/search", response_model=FoundOrders, openapi_extra=problems(*guard.codes))
    async def search(query: Annotated[SearchQuery, Query()], caller: Access = guard.caller) -> Response:
        """Orders found by reference or by customer; among the caller's own, or everybody's."""
        return json_response(await service.search(caller, query.q, limit=query.limit))

    @router.get("/revenue/daily", response_model=DailyRevenue, openapi_extra=problems(*guard.codes))
    async def daily_revenue(query: Annotated[RevenueQuery, Query()], caller: Access = guard.caller) -> Response:
        """Revenue of the last days; up to ten seconds old."""
        return json_response(await service.daily_revenue(caller, query.days))

    @router.get("/products/top", response_model=BestSellingProducts, openapi_extra=problems(*guard.codes))
    async def top_products(query: Annotated[TopProductsQuery, Query()], _caller: Access = guard.caller) -> Response:
        """What sold best in the last days, most revenue first."""
        return json_response(await service.top_products(query.days, limit=query.limit))

    @router.get("/{order_id}", response_model=OrderDetail, openapi_extra=problems(*guard.codes, "order_unknown"))
    async def detail(order_id: OrderId, _query: Nothing, caller: Access = guard.caller) -> Response:
        """One order with its items."""
        return json_response(await service.detail(caller, order_id))

    @router.post(
        "",
        status_code=201,
        response_model=PlacedOrder,
        openapi_extra=problems(*guard.codes, "order_part_unknown", "idempotency_key_reused"),
    )
    async def create(
        order: NewOrder, _query: Nothing, idempotency_key: IdempotencyKey = None, caller: Access = guard.caller
    ) -> Response:
        """Place an order; with a key, at most once."""
        placed = await service.create(caller, order, key=idempotency_key)
        return json_response(placed, status_code=201, headers={"location": f"{router.prefix}/{placed.id}"})

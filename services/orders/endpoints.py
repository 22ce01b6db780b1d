"""The HTTP side of orders: what is taken, what is answered, which status. Decides nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from services.common.errors.openapi import problems
from services.common.given import IdInUrl, NoQuery
from services.common.json_response import json_response
from services.orders.schemas import (
    DailyRevenue,
    ListQuery,
    NewOrder,
    OrderDetail,
    OrderPage,
    PlacedOrder,
    RevenueQuery,
    SearchQuery,
)
from services.orders.service import OrdersService

OrderId = Annotated[IdInUrl, Path()]


def create_router(service: OrdersService) -> APIRouter:
    """The routes. Fixed paths come before `{order_id}`: Starlette takes the first match."""
    router = APIRouter(prefix="/api/v1/orders", tags=["orders"])

    @router.get("", response_model=OrderPage)
    async def list_orders(query: Annotated[ListQuery, Query()]) -> Response:
        """Orders, newest first, page by page."""
        page = await service.list_orders(
            status=query.status, customer_id=query.customer_id, before=query.before, limit=query.limit
        )
        return json_response(page)

    @router.get("/search", response_model=OrderPage)
    async def search(query: Annotated[SearchQuery, Query()]) -> Response:
        """Orders found by reference or by customer."""
        return json_response(await service.search(query.q, limit=query.limit))

    @router.get("/revenue/daily", response_model=DailyRevenue)
    async def daily_revenue(query: Annotated[RevenueQuery, Query()]) -> Response:
        """Revenue of the last days; up to ten seconds old."""
        return json_response(await service.daily_revenue(query.days))

    @router.get("/{order_id}", response_model=OrderDetail, openapi_extra=problems("order_unknown"))
    async def detail(order_id: OrderId, _query: Annotated[NoQuery, Query()]) -> Response:
        """One order with its items."""
        return json_response(await service.detail(order_id))

    @router.post("", status_code=201, response_model=PlacedOrder, openapi_extra=problems("order_part_unknown"))
    async def create(order: NewOrder, _query: Annotated[NoQuery, Query()]) -> Response:
        """Place an order."""
        placed = await service.create(order)
        return json_response(placed, status_code=201, headers={"location": f"/api/v1/orders/{placed.id}"})

    return router

"""The HTTP side of orders: what is taken, what is answered, which status. Decides nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Response

from services.common.json_response import json_response
from services.orders.schemas import DailyRevenue, NewOrder, OrderDetail, OrderPage, OrderStatus, PlacedOrder
from services.orders.service import OrdersService, UnknownPartError

LARGEST_ID = 2**31 - 1
MOST_DAYS = 90

Id = Annotated[int, Path(gt=0, le=LARGEST_ID)]
PageSize = Annotated[int, Query(ge=1, le=100)]


def create_router(service: OrdersService) -> APIRouter:
    """The routes. Fixed paths come before `{order_id}`: Starlette takes the first match."""
    router = APIRouter(prefix="/api/v1/orders", tags=["orders"])

    @router.get("", response_model=OrderPage)
    async def list_orders(
        status: OrderStatus | None = None,
        customer_id: Annotated[int | None, Query(gt=0, le=LARGEST_ID)] = None,
        before: Annotated[int | None, Query(gt=0, le=LARGEST_ID, description="Only orders older than this id.")] = None,
        limit: PageSize = 10,
    ) -> Response:
        """Orders, newest first, page by page."""
        page = await service.list_orders(status=status, customer_id=customer_id, before=before, limit=limit)
        return json_response(page)

    @router.get("/search", response_model=OrderPage)
    async def search(
        q: Annotated[str, Query(min_length=2, max_length=64, description="A reference, or how a customer's name begins.")],
        limit: PageSize = 10,
    ) -> Response:
        """Orders found by reference or by customer."""
        return json_response(await service.search(q, limit=limit))

    @router.get("/revenue/daily", response_model=DailyRevenue)
    async def daily_revenue(days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 30) -> Response:
        """Revenue of the last days; up to ten seconds old."""
        return json_response(await service.daily_revenue(days))

    @router.get("/{order_id}", response_model=OrderDetail)
    async def detail(order_id: Id) -> Response:
        """One order with its items."""
        order = await service.detail(order_id)
        if order is None:
            raise HTTPException(404, "no such order")
        return json_response(order)

    @router.post("", status_code=201, response_model=PlacedOrder)
    async def create(order: NewOrder) -> Response:
        """Place an order."""
        try:
            placed = await service.create(order)
        except UnknownPartError as error:
            raise HTTPException(422, str(error)) from error
        return json_response(placed, status_code=201, headers={"location": f"/api/v1/orders/{placed.id}"})

    return router

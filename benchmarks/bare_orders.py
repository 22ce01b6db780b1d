"""The bare endpoint: FastAPI, the repository and nothing else. No gateway, token, checks of the query, limits, metrics or errors of its own.

`python -m benchmarks.bare_orders`: one process of it, what `benchmarks/request_chain.py` compares with. `/fixed` answers some bytes of
an order's size, which is the least that FastAPI can do.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Response

from services.common.database import Database
from services.orders.repository import OrdersRepository

FIXED = b'{"order": "' + b"x" * 480 + b'"}'


def create_app(database_url: str) -> FastAPI:
    """The application."""
    database = Database(database_url, name="bare-orders")
    repository = OrdersRepository(database)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        yield
        await database.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/api/v1/orders/{order_id}")
    async def detail(order_id: int) -> Response:
        order = await repository.detail(order_id)
        if order is None:
            return Response(status_code=404)
        return Response(order.model_dump_json(), media_type="application/json")

    @app.get("/fixed")
    async def fixed() -> Response:
        return Response(FIXED, media_type="application/json")

    @app.get("/readyz")
    async def ready() -> Response:
        return Response(status_code=200 if await database.is_reachable() else 503)

    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(os.environ["DATABASE_URL"]),
        host=os.environ["HOST"],
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
    )

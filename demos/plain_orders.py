"""Orders as a tutorial would write it, with nothing but FastAPI: what `demos.errors` compares with. Not an example to follow.

`python -m demos.plain_orders` listens on PORT and reads the tables of `services.orders` in DATABASE_URL.
"""

from __future__ import annotations

import os
from typing import Any

import psycopg
import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from demos.stage import LOOPBACK

ORDER = "SELECT id, reference, total_cents FROM orders.orders WHERE id = %s"
PRICE = "SELECT price_cents FROM orders.products WHERE id = %s"


class Item(BaseModel):
    """One line of an order."""

    product_id: int
    quantity: int


class Order(BaseModel):
    """An order to be placed."""

    customer_id: int
    items: list[Item]


def create_app(url: str) -> FastAPI:
    """The same two endpoints as the real one; placing an order only adds up its price."""
    app = FastAPI()

    def row(query: str, number: int) -> Any:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute(query.encode(), (number,)).fetchone()

    @app.get("/readyz")
    def ready() -> str:
        return "ready"

    @app.get("/api/v1/orders/{order_id}")
    def detail(order_id: int) -> dict[str, Any]:
        found = row(ORDER, order_id)
        if found is None:
            raise HTTPException(status_code=404, detail="Order not found")
        return {"id": found[0], "reference": found[1], "total_cents": found[2]}

    @app.post("/api/v1/orders", status_code=201)
    def create(order: Order) -> dict[str, Any]:
        # An unknown product has no row, and nobody thought of it.
        return {"total_cents": sum(item.quantity * row(PRICE, item.product_id)[0] for item in order.items)}

    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(os.environ["DATABASE_URL"]),
        host=LOOPBACK,
        port=int(os.environ["PORT"]),
        log_level="warning",
        access_log=False,
    )

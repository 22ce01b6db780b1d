"""A customer who buys."""

from __future__ import annotations

from locust import task

from journeys.sample import basket, order_id
from scaleproof.load import JourneyUser, serves


class Buyer(JourneyUser):
    """Places orders and looks at them."""

    weight = 2

    @task(1)
    @serves("orders")
    def place_order(self) -> None:
        """One to four products."""
        self.client.post("/api/v1/orders", json=basket(self.random), name="POST /api/v1/orders")

    @task(2)
    @serves("orders")
    def order(self) -> None:
        """One order with its items."""
        self.client.get(f"/api/v1/orders/{order_id(self.random)}", name="/api/v1/orders/{order_id}")

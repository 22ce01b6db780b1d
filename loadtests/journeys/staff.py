"""Somebody who runs the shop."""

from __future__ import annotations

from locust import task

from journeys.sample import order_id
from scaleproof.load import JourneyUser, serves


class Staff(JourneyUser):
    """Watches revenue and what is still to be shipped."""

    weight = 2

    @task(3)
    @serves("dashboard")
    def overview(self) -> None:
        """The first screen."""
        self.client.get("/api/v1/dashboard/overview", name="/api/v1/dashboard/overview")

    @task(2)
    @serves("orders")
    def daily_revenue(self) -> None:
        """A week, two, or a month."""
        days = self.random.choice((7, 14, 30))
        self.client.get(f"/api/v1/orders/revenue/daily?days={days}", name="/api/v1/orders/revenue/daily")

    @task(2)
    @serves("orders")
    def orders_to_ship(self) -> None:
        """Paid, not yet shipped."""
        self.client.get("/api/v1/orders?status=paid", name="/api/v1/orders?status=")

    @task(1)
    @serves("orders")
    def order(self) -> None:
        """One order with its items."""
        self.client.get(f"/api/v1/orders/{order_id(self.random)}", name="/api/v1/orders/{order_id}")

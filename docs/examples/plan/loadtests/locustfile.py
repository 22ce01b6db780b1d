"""Who comes to the shop: the plan takes from here which service gets how many of the requests."""

# ruff: noqa: INP001 - Locust reads it as a file
from __future__ import annotations

from locust import task

from scaleproof.load import JourneyUser, serves


class Customer(JourneyUser):
    """Looks at orders."""

    weight = 8

    @task
    @serves("orders")
    def orders(self) -> None:
        """The first page."""
        self.client.get("/api/v1/orders")


class Staff(JourneyUser):
    """Watches the dashboard, which asks orders."""

    weight = 2

    @task
    @serves("dashboard")
    def overview(self) -> None:
        """The first screen."""
        self.client.get("/api/v1/dashboard/overview")

"""Somebody who runs the shop."""

from __future__ import annotations

from typing import ClassVar

from locust import task

from journeys.sample import customer_name, order_id
from journeys.signed_in import SignedInUser
from scaleproof.load import serves

ORDERS = "/api/v1/orders"
OVERVIEW = "/api/v1/dashboard/overview"


class Staff(SignedInUser):
    """Watches revenue and what is still to be shipped, and finds customers' orders."""

    weight = 2
    role: ClassVar[str] = "staff"

    @task(9)
    @serves("dashboard")
    def overview(self) -> None:
        """The first screen."""
        self.ask("GET", OVERVIEW, name=OVERVIEW)

    @task(6)
    @serves("orders")
    def daily_revenue(self) -> None:
        """A week, two, or a month."""
        days = self.random.choice((7, 14, 30))
        self.ask("GET", f"{ORDERS}/revenue/daily?days={days}", name=f"{ORDERS}/revenue/daily")

    @task(6)
    @serves("orders")
    def orders_to_ship(self) -> None:
        """Paid, not yet shipped."""
        self.ask("GET", f"{ORDERS}?status=paid", name=f"{ORDERS}?status=")

    @task(3)
    @serves("orders")
    def search(self) -> None:
        """By the beginning of a customer's name."""
        wanted = customer_name(self.random).replace(" ", "%20")
        self.ask("GET", f"{ORDERS}/search?q={wanted}", name=f"{ORDERS}/search")

    @task(3)
    @serves("orders")
    def order(self) -> None:
        """One order with its items."""
        self.ask("GET", f"{ORDERS}/{order_id(self.random)}", name=f"{ORDERS}/{{order_id}}")

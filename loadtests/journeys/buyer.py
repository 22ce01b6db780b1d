"""A customer who buys."""

from __future__ import annotations

from locust import task

from journeys.customer import LIST, Customer
from journeys.sample import basket
from scaleproof.load import serves


class Buyer(Customer):
    """Places orders and looks at them."""

    weight = 2

    @task(8)
    @serves("orders")
    def place_order(self) -> None:
        """One to four products."""
        response = self.ask("POST", LIST, json=basket(self.random, self.user_id), name=f"POST {LIST}")
        if response.status_code == 201:  # noqa: PLR2004
            self.remember(response.json()["id"])

    @task(16)
    @serves("orders")
    def order(self) -> None:
        """One order with its items."""
        self.look_at_an_order()

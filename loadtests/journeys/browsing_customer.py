"""A customer who looks around."""

from __future__ import annotations

from locust import task

from journeys.sample import CUSTOMERS, customer_name, order_id
from scaleproof.load import JourneyUser, serves


class BrowsingCustomer(JourneyUser):
    """Lists, opens and searches orders."""

    weight = 6

    @task(3)
    @serves("orders")
    def newest_orders(self) -> None:
        """The first page."""
        self.client.get("/api/v1/orders", name="/api/v1/orders")

    @task(2)
    @serves("orders")
    def own_orders(self) -> None:
        """All orders of one customer."""
        customer = self.random.randrange(CUSTOMERS) + 1
        self.client.get(f"/api/v1/orders?customer_id={customer}", name="/api/v1/orders?customer_id=")

    @task(5)
    @serves("orders")
    def order(self) -> None:
        """One order with its items."""
        self.client.get(f"/api/v1/orders/{order_id(self.random)}", name="/api/v1/orders/{order_id}")

    @task(2)
    @serves("orders")
    def search(self) -> None:
        """By the beginning of a customer's name."""
        wanted = customer_name(self.random).replace(" ", "%20")
        self.client.get(f"/api/v1/orders/search?q={wanted}", name="/api/v1/orders/search")

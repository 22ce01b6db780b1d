"""A customer who looks around."""

from __future__ import annotations

from locust import task

from journeys.customer import LIST, Customer
from scaleproof.load import serves


class BrowsingCustomer(Customer):
    """Lists, opens and searches own orders."""

    weight = 6

    @task(6)
    @serves("orders")
    def newest_orders(self) -> None:
        """The first page."""
        self.ask("GET", LIST, name=LIST)

    @task(4)
    @serves("orders")
    def orders_by_status(self) -> None:
        """What is on its way."""
        status = self.random.choice(("placed", "shipped", "delivered"))
        self.ask("GET", f"{LIST}?status={status}", name=f"{LIST}?status=")

    @task(10)
    @serves("orders")
    def order(self) -> None:
        """One order with its items."""
        self.look_at_an_order()

    @task(4)
    @serves("orders")
    def search(self) -> None:
        """By a reference that is somewhere in the mail."""
        self.ask("GET", f"{LIST}/search?q=ORD-{self.own_order_id():08d}", name=f"{LIST}/search")

"""What customers have in common: orders of their own."""

from __future__ import annotations

from typing import Any

from journeys.signed_in import SignedInUser

LIST = "/api/v1/orders"
ONE = "/api/v1/orders/{order_id}"


class Customer(SignedInUser):
    """Knows the orders that it has seen."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._seen: list[int] = []

    def look_at_own_orders(self) -> None:
        """The newest ones."""
        response = self.ask("GET", LIST, name=LIST)
        if response.status_code == 200:  # noqa: PLR2004
            self._seen = [order["id"] for order in response.json()["orders"]]

    def look_at_an_order(self) -> None:
        """One of those seen; whoever has seen none looks at the list instead: an action stays one request."""
        if self._seen:
            self.ask("GET", f"{LIST}/{self.random.choice(self._seen)}", name=ONE)
        else:
            self.look_at_own_orders()

    def remember(self, order_id: int) -> None:
        """An order that was just placed is the newest."""
        self._seen.insert(0, order_id)

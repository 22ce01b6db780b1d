"""What customers have in common: orders of their own."""

from __future__ import annotations

from typing import Any

from journeys.sample import own_order_id
from journeys.signed_in import SignedInUser

LIST = "/api/v1/orders"
ONE = "/api/v1/orders/{order_id}"


class Customer(SignedInUser):
    """Knows orders of its own without having listed them: what is asked first and last, by few users and by many, is the same mix."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._placed: int | None = None

    def look_at_an_order(self) -> None:
        """The one just placed, as long as nobody has looked at it, or an older one."""
        order_id, self._placed = self._placed or self.own_order_id(), None
        self.ask("GET", f"{LIST}/{order_id}", name=ONE)

    def own_order_id(self) -> int:
        """Of an older order."""
        return own_order_id(self.random, self.user_id)

    def remember(self, order_id: int) -> None:
        """An order that was just placed."""
        self._placed = order_id
